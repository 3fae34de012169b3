{{
    config(
        materialized='incremental',
        pre_hook="{{ clear_scope() }}",
        full_refresh=none if var('scenario_set_id') is none else false
    )
}}

with

layout_rows as (

    select * from {{ ref('int_scenario_layout_rows') }}
    where {{ in_scope() }}

),

sets as (

    select * from {{ ref('stg_prometheus__scenario_sets') }}

),

-- Every series that any scenario of the set has: one that lacks it is then incomplete.
series as (

    select distinct
        layout_rows.scenario_set_id,
        layout_rows.series_kind,
        layout_rows.series_id
    from layout_rows
    inner join sets on layout_rows.scenario_set_id = sets.scenario_set_id
    where
        layout_rows.series_kind in {{ series_kinds() }}
        and layout_rows.horizon_index between 1 and sets.horizon_days

),

final as (

    select
        scenario_set_id,
        series_id,
        series_kind,
        row_number() over (
            partition by scenario_set_id
            order by {{ by_code_point('series_id') }}
        )::int as series_position
    from series

)

select * from final
