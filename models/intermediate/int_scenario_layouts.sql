{{
    config(
        materialized='incremental',
        pre_hook="{{ clear_scope() }}",
        full_refresh=none if var('scenario_set_id') is none else false,
        post_hook="{{ analyze_table() }}"
    )
}}

with

sets as (

    select * from {{ ref('stg_prometheus__scenario_sets') }}
    where {{ in_scope() }}

),

layout_rows as (

    select * from {{ ref('int_scenario_layout_rows') }}
    where {{ in_scope() }}

),

axes as (

    select
        scenario_set_id,
        count(*)::int as num_series,
        {{ array_in_order('series_id', ['series_position']) }} as series_ids,
        {{ array_in_order(text_bytes('series_id'), ['series_position']) }} as axis,
        bool_or(position(chr(31) in series_id) > 0) as has_separator_in_id
    from {{ ref('int_scenario_axes') }}
    where {{ in_scope() }}
    group by scenario_set_id

),

shapes as (

    select
        sets.scenario_set_id,
        sets.as_of_date,
        sets.horizon_days,
        coalesce(
            sets.horizon_days between 1 and {{ max_horizon_days() }}, false
        ) as is_valid_horizon,
        coalesce(axes.num_series, 0) as num_series,
        axes.series_ids,
        axes.has_separator_in_id,
        {{ panel_shape('sets.horizon_days', 'axes.num_series', 'axes.axis') }} as shape
    from sets
    left join axes on sets.scenario_set_id = axes.scenario_set_id

),

classified as (

    select
        layout_rows.*,
        coalesce(
            layout_rows.horizon_index between 1 and shapes.horizon_days, false
        ) as is_in_horizon,
        coalesce(
            layout_rows.horizon_index between 1 and shapes.horizon_days
            and layout_rows.series_kind in {{ series_kinds() }},
            false
        ) as is_cell
    from layout_rows
    left join shapes on layout_rows.scenario_set_id = shapes.scenario_set_id

),

counted as (

    select
        scenario_set_id,
        num_rows,
        layout_hash,
        count(*) filter (where is_cell) as num_cells,
        count(distinct (horizon_index, series_id)) filter ( -- noqa: ST08, LT01, LT06
            where is_cell
        ) as num_distinct_cells,
        -- (A row without a day comes last.)
        count(*) - count(*) filter (where horizon_index < 1) as num_rows_from_day_1,
        max(horizon_index) filter (where is_cell) as last_day,
        count(*) filter (
            where is_in_horizon and num_series_ids = 0
        ) as num_rows_without_id,
        count(*) filter (
            where is_in_horizon and num_series_ids > 1
        ) as num_ambiguous_rows,
        count(*) filter (
            where not is_in_horizon and horizon_index is distinct from 0
        ) as num_rows_ignored,
        {{ array_in_order(
            'place', ['horizon_index', by_code_point('series_id')], where='is_cell'
        ) }} as places
    from classified
    group by scenario_set_id, num_rows, layout_hash

),

checked as (

    select
        counted.*,
        shapes.as_of_date,
        shapes.horizon_days,
        coalesce(shapes.num_series, 0) as num_series,
        shapes.series_ids,
        shapes.has_separator_in_id,
        shapes.shape,
        shapes.scenario_set_id is not null as is_known_set,
        coalesce(shapes.is_valid_horizon, false) as is_valid_horizon,
        coalesce(
            counted.num_cells > 0
            and counted.num_cells = counted.num_distinct_cells
            and counted.num_cells = shapes.num_series * shapes.horizon_days::bigint,
            false
        ) as is_whole,
        coalesce(
            {{ are_consecutive('counted.places', 'counted.num_cells') }}
            and counted.num_cells = counted.num_rows_from_day_1,
            false
        ) as is_plain
    from counted
    left join shapes on counted.scenario_set_id = shapes.scenario_set_id

),

final as (

    select
        -- ids
        scenario_set_id,
        num_rows,
        layout_hash,

        -- the verdict
        is_known_set
        and is_valid_horizon
        and as_of_date is not null
        and is_whole
        and num_rows_without_id = 0
        and num_ambiguous_rows = 0 as is_sound,

        -- the panel's shape, and where its cells are among the scenario's rows
        as_of_date,
        horizon_days,
        num_series,
        series_ids,
        has_separator_in_id,
        shape,
        case when is_whole and is_plain then {{ element('places', 1) }} end as first_place,
        case when is_whole and not is_plain then places end as places,

        -- what was found
        is_known_set,
        is_valid_horizon,
        is_whole,
        num_cells,
        last_day,
        num_rows_without_id,
        num_ambiguous_rows,
        num_rows_ignored
    from checked

)

select * from final
