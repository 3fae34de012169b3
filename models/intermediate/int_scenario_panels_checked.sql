{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['scenario_set_id', 'scenario_id'],
        indexes=[{'columns': ['scenario_set_id', 'scenario_id'], 'unique': true}],
        full_refresh=none if var('scenario_set_id') is none
            and var('scenario_limit') is none else false,
        post_hook=[
            "delete from {{ this }} where is_gone",
            "analyze {{ this }}"
        ]
    )
}}


with

sets as (

    select * from {{ ref('stg_prometheus__scenario_sets') }}
    where {{ in_scope() }}

),

paths as (

    select * from {{ ref('stg_prometheus__scenario_paths') }}
    where {{ in_scope() }}

),

{% if scenario_limit() is not none %}

paths_in_limit as (

    select paths.*
    from paths
    inner join {{ ref('int_scenarios_ranked') }} as ranked
        on
            paths.scenario_set_id = ranked.scenario_set_id
            and paths.scenario_id::text = ranked.scenario_id
    where ranked.scenario_rank <= {{ scenario_limit() }}

),

{% endif %}

axes as (

    select
        scenario_set_id,
        count(*)::int as num_series,
        array_agg(series_id order by series_position) as series_ids,
        array_agg(convert_to(series_id, 'UTF8') order by series_position) as axis,
        bool_or(position(chr(31) in series_id) > 0) as has_separator_in_id
    from {{ ref('int_scenario_axes') }}
    where {{ in_scope() }}
    group by scenario_set_id

),

-- What a whole panel of each set holds. A cell is a day and a series, and the sum of the
-- cells' 64-bit hashes stands for the multiset of them: with the count it tells missing
-- and duplicate cells without a second scan or a wider sort.
shapes as (

    select
        sets.scenario_set_id,
        sets.as_of_date,
        sets.horizon_days,
        coalesce(axes.num_series, 0) as num_series,
        coalesce(axes.num_series, 0) * sets.horizon_days::bigint as num_cells,
        coalesce(
            sets.horizon_days between 1 and {{ max_horizon_days() }}, false
        ) as is_valid_horizon,
        case
            when sets.horizon_days between 1 and {{ max_horizon_days() }}
                then (
                    select sum(hashtextextended(series.series_id, days.day))
                    from unnest(axes.series_ids) as series (series_id)
                    cross join generate_series(1, sets.horizon_days) as days (day)
                )
        end as cells_hash,
        int4send(sets.horizon_days)
        || int4send(axes.num_series)
        || array_send(axes.axis) as shape,
        axes.series_ids,
        axes.has_separator_in_id
    from sets
    left join axes on sets.scenario_set_id = axes.scenario_set_id

),

classified as (

    select
        paths.scenario_set_id,
        paths.scenario_id,
        paths.horizon_index,
        paths.series_id,
        paths.num_series_ids,
        paths.return_value,
        coalesce(
            paths.return_value between -{{ max_return() }} and {{ max_return() }}, false
        ) as is_sound_value,
        coalesce(
            paths.horizon_index between 1 and shapes.horizon_days, false
        ) as is_in_horizon,
        coalesce(
            paths.horizon_index between 1 and shapes.horizon_days
            and paths.series_kind in {{ series_kinds() }},
            false
        ) as is_cell
    from {{ 'paths' if scenario_limit() is none else 'paths_in_limit' }} as paths
    left join shapes on paths.scenario_set_id = shapes.scenario_set_id

),

-- The one pass over the paths: order, completeness and values, scenario by scenario.
-- No row is filtered out before it, so that no scenario can vanish.
scanned as (

    select
        scenario_set_id,
        scenario_id,
        array_agg(
            return_value order by horizon_index, series_id collate "C"
        ) filter (where is_cell) as panel,
        count(*) filter (where is_cell) as num_cells,
        sum(
            hashtextextended(series_id, horizon_index)
        ) filter (where is_cell) as cells_hash,
        max(horizon_index) filter (where is_cell) as last_day,
        max(abs(return_value)) filter (where is_cell) as max_abs_return,
        count(*) filter (
            where is_cell and not is_sound_value
        ) as num_bad_values,
        count(*) filter (
            where is_in_horizon and num_series_ids = 0
        ) as num_rows_without_id,
        count(*) filter (
            where is_in_horizon and num_series_ids > 1
        ) as num_ambiguous_rows,
        count(*) filter (
            where not is_in_horizon and horizon_index is distinct from 0
        ) as num_rows_ignored
    from classified
    group by scenario_set_id, scenario_id

),

-- `A:B` + `C` and `A` + `B:C` would be one entity_id: neither may take it.
sets_with_prefix as (

    select
        shorter.scenario_set_id as shorter_id,
        longer.scenario_set_id as longer_id
    from {{ ref('stg_prometheus__scenario_sets') }} as shorter
    inner join {{ ref('stg_prometheus__scenario_sets') }} as longer
        on starts_with(longer.scenario_set_id, shorter.scenario_set_id || ':')

),

entity_ids as (

    select distinct
        scenario_set_id::text as scenario_set_id,
        scenario_id::text as scenario_id,
        scenario_set_id || ':' || scenario_id as entity_id
    from {{ ref('stg_prometheus__scenario_paths') }}
    where
        scenario_set_id in (
            select sets_with_prefix.shorter_id from sets_with_prefix
            union all
            select sets_with_prefix.longer_id from sets_with_prefix
        )

),

shared_entity_ids as (

    select
        scenario_set_id,
        scenario_id,
        count(*) over (partition by entity_id) > 1 as is_shared
    from entity_ids

),

checked as (

    select
        scanned.scenario_set_id::text as scenario_set_id,
        scanned.scenario_id::text as scenario_id,
        shapes.as_of_date,
        shapes.horizon_days,
        coalesce(shapes.num_series, 0) as num_series,
        shapes.series_ids,
        scanned.panel,
        shapes.shape,
        scanned.max_abs_return,
        shapes.has_separator_in_id,
        shapes.scenario_set_id is not null as is_known_set,
        coalesce(shapes.is_valid_horizon, false) as is_valid_horizon,
        coalesce(shared_entity_ids.is_shared, false) as is_shared_entity_id,
        coalesce(
            scanned.num_cells = shapes.num_cells
            and scanned.cells_hash = shapes.cells_hash,
            false
        ) as is_whole,
        scanned.num_cells,
        scanned.last_day,
        scanned.num_bad_values,
        scanned.num_rows_without_id,
        scanned.num_ambiguous_rows,
        scanned.num_rows_ignored
    from scanned
    left join shapes on scanned.scenario_set_id = shapes.scenario_set_id
    left join shared_entity_ids
        on
            scanned.scenario_set_id = shared_entity_ids.scenario_set_id
            and scanned.scenario_id::text = shared_entity_ids.scenario_id

),

judged as (

    select
        *,
        is_known_set
        and is_valid_horizon
        and as_of_date is not null
        and not is_shared_entity_id
        and is_whole
        and num_bad_values = 0
        and num_rows_without_id = 0
        and num_ambiguous_rows = 0 as is_sound
    from checked

),

final as (

    select
        -- ids
        scenario_set_id,
        scenario_id,

        -- the panel, where it is sound
        is_sound,
        as_of_date,
        horizon_days,
        num_series,
        case when is_sound then series_ids end as series_ids,
        case when is_sound then panel end as panel,
        case
            when is_sound then encode(sha256(shape || array_send(panel)), 'hex')
        end as panel_fingerprint,
        case when is_sound then max_abs_return end as max_abs_return,
        case when is_sound then has_separator_in_id end as has_separator_in_id,

        -- what was found
        is_known_set,
        is_valid_horizon,
        is_shared_entity_id,
        is_whole,
        num_cells,
        last_day,
        num_bad_values,
        num_rows_without_id,
        num_ambiguous_rows,
        num_rows_ignored,
        false as is_gone
    from judged

)

{{
    changes_of(
        'final',
        key=['scenario_set_id', 'scenario_id'],
        findings=[
            'is_sound', 'as_of_date', 'horizon_days', 'num_series', 'panel_fingerprint',
            'is_known_set', 'is_valid_horizon', 'is_shared_entity_id', 'is_whole',
            'num_cells', 'last_day', 'num_bad_values', 'num_rows_without_id',
            'num_ambiguous_rows', 'num_rows_ignored',
        ],
        with_gone=scenario_limit() is none
    )
}}
