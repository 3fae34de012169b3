{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook="{% if is_incremental() %}
            delete from {{ this }} where {{ in_scope() }}
        {% endif %}",
        full_refresh=none if var('scenario_set_id') is none else false,
        unique_key=['scenario_set_id', 'series_id']
    )
}}

with

paths as (

    select * from {{ ref('stg_prometheus__scenario_paths') }}
    where {{ in_scope() }}

),

sets as (

    select * from {{ ref('stg_prometheus__scenario_sets') }}

),

-- Every series that any scenario of the set has: one that lacks it is then incomplete.
series as (

    select distinct
        paths.scenario_set_id,
        paths.series_kind,
        paths.series_id
    from paths
    inner join sets on paths.scenario_set_id = sets.scenario_set_id
    where
        paths.series_kind in {{ series_kinds() }}
        and paths.horizon_index between 1 and sets.horizon_days

),

final as (

    select
        scenario_set_id::text as scenario_set_id,
        series_id::text as series_id,
        series_kind::text as series_kind,
        row_number() over (
            partition by scenario_set_id
            order by series_id collate "C"
        )::int as series_position
    from series

)

select * from final
