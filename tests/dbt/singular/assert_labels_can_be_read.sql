-- Without labels, searches and the report show ids alone.
{{ config(severity="warn") }}

select
    scenario_set_id,
    jsonb_typeof(metadata) as type_of_metadata
from {{ ref('int_scenario_sets') }}
where
    {{ in_scope() }}
    and metadata <> 'null'::jsonb
    and (
        jsonb_typeof(metadata) <> 'object'
        or jsonb_typeof(metadata -> 'scenarios') <> 'object'
    )
