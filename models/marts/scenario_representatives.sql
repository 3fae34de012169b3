{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        full_refresh=false
    )
}}

-- A shell, as numeric_window_embeddings is: the backfill fills it after the vectors.
select
    model_id,
    null::text as metric,
    entity_id,
    null::text as scenario_set_id,
    null::text as scenario_id,
    null::text as representative_id,
    null::float8 as distance,
    null::float8 as weight,
    panel_fingerprint
from {{ ref('numeric_window_embeddings') }}
where false
