-- Paths that were never written are not rejected by anything: nothing is there to reject.
{{ config(severity="warn") }}

-- (Coverage has a row per model.)
select distinct
    sets.scenario_set_id,
    sets.num_paths,
    coverage.num_in_source
from {{ ref('stg_prometheus__scenario_sets') }} as sets
inner join {{ ref('scenario_set_coverage') }} as coverage
    on sets.scenario_set_id = coverage.scenario_set_id
where
    {{ in_scope('sets.scenario_set_id') }}
    and sets.num_paths <> coverage.num_in_source
