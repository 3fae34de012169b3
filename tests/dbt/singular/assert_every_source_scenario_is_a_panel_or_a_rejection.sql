-- A scenario with neither would silently have no vector. One that is a panel or a rejection
-- and no longer in the source would keep a vector of nothing. The test asks what the run
-- saw of the source (int_scenarios): what has come or changed since is the next run's.
with

outcomes as (

    select
        scenario_set_id,
        scenario_id
    from {{ ref('scenario_panels') }}
    where {{ in_scope() }}

    union all

    select
        scenario_set_id,
        scenario_id
    from {{ ref('scenario_rejections') }}
    where {{ in_scope() }}

    union all

    -- Pending: the rows have changed while the run read them, or beyond its limit after
    -- they had been rejected.
    select
        panels.scenario_set_id,
        panels.scenario_id
    from {{ ref('int_scenario_panels') }} as panels
    inner join {{ ref('int_scenarios') }} as scenarios
        on
            panels.scenario_set_id = scenarios.scenario_set_id
            and panels.scenario_id = scenarios.scenario_id
            and panels.content_hash is distinct from scenarios.content_hash
    where panels.panel_fingerprint is null and {{ in_scope('panels.scenario_set_id') }}

),

lost as (

    select
        scenarios.scenario_set_id,
        scenarios.scenario_id
    from {{ ref('int_scenarios') }} as scenarios
    left join outcomes
        on
            scenarios.scenario_set_id = outcomes.scenario_set_id
            and scenarios.scenario_id = outcomes.scenario_id
    where {{ in_limited_scope('scenarios') }}
    group by scenarios.scenario_set_id, scenarios.scenario_id
    having count(outcomes.scenario_id) <> 1

),

left_over as (

    select
        outcomes.scenario_set_id,
        outcomes.scenario_id
    from outcomes
    left join {{ ref('int_scenarios') }} as scenarios
        on
            outcomes.scenario_set_id = scenarios.scenario_set_id
            and outcomes.scenario_id = scenarios.scenario_id
    where
        scenarios.scenario_id is null
        -- A limited run says nothing of what lies beyond its limit.
        and {{ 'true' if scenario_limit() is none else 'false' }}

)

select
    'lost' as fault,
    scenario_set_id,
    scenario_id
from lost

union all

select
    'left over' as fault,
    scenario_set_id,
    scenario_id
from left_over
