-- A set that was forgotten would be missing from every search, and from every other test.
{{ config(severity="warn") }}

select sets.scenario_set_id
from {{ ref('stg_prometheus__scenario_sets') }} as sets
where
    {{ in_scope('sets.scenario_set_id') }}
    and not exists (
        select 1 from {{ ref('int_scenario_panels') }} as panels
        where sets.scenario_set_id = panels.scenario_set_id
    )
    and exists (
        select 1 from {{ ref('stg_prometheus__scenario_paths') }} as paths
        where sets.scenario_set_id = paths.scenario_set_id
    )
