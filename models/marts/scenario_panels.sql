with

panels as (

    select * from {{ ref('int_scenario_panels') }}

)

select
    scenario_set_id,
    scenario_id,
    as_of_date,
    horizon_days,
    num_series,
    series_ids,
    divisors,
    panel,
    panel_fingerprint
from panels
where panel_fingerprint is not null
