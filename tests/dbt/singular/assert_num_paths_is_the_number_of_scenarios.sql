-- Paths that were never written are not rejected by anything: nothing is there to reject.
{{ config(severity="warn") }}

select
    sets.scenario_set_id,
    sets.num_paths,
    count(scenarios.scenario_id) as num_in_source
from {{ ref('stg_prometheus__scenario_sets') }} as sets
left join {{ ref('int_scenarios') }} as scenarios
    on sets.scenario_set_id = scenarios.scenario_set_id
where
    {{ in_scope('sets.scenario_set_id') }}
    -- A set with paths that is not built is another test's business.
    and not (
        scenarios.scenario_id is null
        and exists (
            select 1 from {{ ref('stg_prometheus__scenario_paths') }} as paths
            where sets.scenario_set_id = paths.scenario_set_id
        )
    )
group by sets.scenario_set_id, sets.num_paths
having sets.num_paths <> count(scenarios.scenario_id)
