-- The two source tables as views over a desk's tables of shocks: one row a scenario with a
-- date, one row a scenario and instrument or bucket with its shock, and no steps.
--
--   scenarios (scenario_id, scenario_name, scenario_date)
--   scenario_shocks (scenario_id, instrument_id, bucket_id, shock)   -- one of both ids
--
-- Put your names in, and run it in the database that has them. All scenarios are one set with
-- a horizon of one day. Its as_of_date is the last scenario's date.
create schema if not exists raw;

create view raw.scenario_sets as
select
    'SHOCKS' as scenario_set_id,
    1 as horizon_days,
    count(*)::int as num_paths,
    max(scenario_date) as scenario_date,
    jsonb_build_object(
        'scenarios',
        jsonb_object_agg(scenario_id, jsonb_build_object('name', scenario_name))
    ) as metadata
from desk.scenarios;

create view raw.scenario_paths as
select
    'SHOCKS' as scenario_set_id,
    scenario_id,
    1 as horizon_index,
    instrument_id,
    bucket_id as factor_id,
    null::text as macro_id,
    shock as return_value
from desk.scenario_shocks;
