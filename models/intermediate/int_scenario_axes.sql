{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook="{% if is_incremental() %}
            lock table {{ this }} in share row exclusive mode;
            delete from {{ this }} where {{ in_scope() }}
        {% endif %}",
        full_refresh=none if var('scenario_set_id') is none else false
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

-- One pass, grouped before anything is joined or left out: few series, many rows. (A kind
-- that is aggregated, not grouped by, keeps the planner from filtering rows by it first
-- and guessing wrongly how few are left.)
observed as (

    select
        scenario_set_id,
        series_id,
        min(series_kind) as series_kind,
        min(horizon_index) filter (where horizon_index >= 1) as first_day
    from paths
    group by scenario_set_id, series_id

),

-- Every series that any scenario of the set has: one that lacks it is then incomplete.
series as (

    select
        observed.scenario_set_id,
        observed.series_kind,
        observed.series_id
    from observed
    inner join sets on observed.scenario_set_id = sets.scenario_set_id
    where
        observed.series_kind in {{ series_kinds() }}
        and observed.first_day <= sets.horizon_days

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
