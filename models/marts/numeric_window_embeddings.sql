{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        full_refresh=false
    )
}}

-- A shell: dbt gives the table its shape, its constraints and its place in the lineage;
-- the encoder fills it. It is never rebuilt, because rows of other entity types may live
-- here too.
with

panels as (

    select * from {{ ref('scenario_panels') }}

)

select
    'SCENARIO'::text as entity_type,
    scenario_set_id || ':' || scenario_id as entity_id,
    null::jsonb as window_spec,
    as_of_date,
    null::text as model_id,
    null::real[] as embedding,
    panel_fingerprint,
    null::timestamptz as created_at
from panels
where false
