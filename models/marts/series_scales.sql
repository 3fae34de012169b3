{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        full_refresh=false
    )
}}

-- A shell, as numeric_window_embeddings is one. Its rows are the user's: by hand, by `load`
-- or by `scales`.
select
    null::{{ dbt.type_string() }} as scenario_set_id,
    null::{{ dbt.type_string() }} as series_kind,
    null::{{ dbt.type_string() }} as series_id,
    null::{{ type_double() }} as divisor
where false
