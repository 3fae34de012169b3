{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        partition_by=['model_id', 'scenario_set_id'],
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
    'SCENARIO'::{{ dbt.type_string() }} as entity_type,
    scenario_set_id || ':' || scenario_id as entity_id,
    null::{{ type_json() }} as window_spec,
    as_of_date,
    null::{{ dbt.type_string() }} as model_id,
    panel_fingerprint,
    null::{{ type_array('real') }} as embedding,
    {% if target.type == 'spark' -%}
    -- A set's vectors of a model are a partition there, which the encoder replaces whole.
    scenario_set_id,
    {% endif -%}
    null::{{ type_moment() }} as created_at
from panels
where false
