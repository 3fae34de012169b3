-- Paths that were never written are not rejected by anything: nothing is there to reject.
{{ config(severity="warn") }}

select
    sets.scenario_set_id,
    sets.num_paths,
    count(*) as num_in_source
from {{ ref('stg_prometheus__scenario_sets') }} as sets
inner join {{ ref('int_scenarios') }} as scenarios
    on sets.scenario_set_id = scenarios.scenario_set_id
where {{ in_scope('sets.scenario_set_id') }}
group by sets.scenario_set_id, sets.num_paths
having sets.num_paths <> count(*)
