{{
    config(
        materialized='incremental',
        pre_hook="{{ clear_scope() }}",
        full_refresh=none if var('scenario_set_id') is none else false
    )
}}

-- Rows that have changed beyond the limit are not judged yet, and have other cells by now.
{%- set unsound -%}
    select
        checked.*,
        scenarios.source_scenario_id
    from {{ ref('int_scenario_panels_checked') }} as checked
    inner join {{ ref('int_scenarios') }} as scenarios
        on
            checked.scenario_set_id = scenarios.scenario_set_id
            and checked.scenario_id = scenarios.scenario_id
    where
        not checked.is_sound
        and {{ same_rows('scenarios', 'checked') }}
        and {{ in_scope('checked.scenario_set_id') }}
{%- endset %}

with

unsound as (

    {{ unsound }}

),

axes as (

    select * from {{ ref('int_scenario_axes') }}
    where {{ in_scope() }}

),

-- The few unsound scenarios are looked up again, to name the cell that is at fault.
cells_found as (

    select
        {{ sent_to_workers('wanted', unsound) }}
        wanted.scenario_set_id,
        wanted.scenario_id,
        paths.horizon_index as day,
        paths.series_id,
        count(*) as num_rows,
        max(paths.return_value) as value
    from (
        select * from unsound
        where is_valid_horizon
    ) as wanted
    inner join {{ ref('stg_prometheus__scenario_paths') }} as paths
        on
            wanted.scenario_set_id = paths.scenario_set_id
            and wanted.source_scenario_id = paths.scenario_id
    where
        paths.horizon_index between 1 and wanted.horizon_days
        and paths.series_kind in {{ series_kinds() }}
    group by
        wanted.scenario_set_id,
        wanted.scenario_id,
        paths.horizon_index,
        paths.series_id

),

cells_expected as (

    select
        unsound.scenario_set_id,
        unsound.scenario_id,
        days.day,
        axes.series_id
    from unsound
    inner join axes on unsound.scenario_set_id = axes.scenario_set_id
    cross join lateral {{ numbers_up_to('unsound.horizon_days') }} as days (day)
    where unsound.is_valid_horizon and not unsound.is_whole

),

faults as (

    select
        scenario_set_id,
        scenario_id,
        'duplicate' as fault,
        day,
        series_id,
        num_rows - 1 as num_cells,
        null::{{ type_double() }} as value
    from cells_found
    where num_rows > 1

    union all

    select
        cells_expected.scenario_set_id,
        cells_expected.scenario_id,
        'missing' as fault,
        cells_expected.day,
        cells_expected.series_id,
        1 as num_cells,
        null::{{ type_double() }} as value
    from cells_expected
    left join cells_found
        on
            cells_expected.scenario_set_id = cells_found.scenario_set_id
            and cells_expected.scenario_id = cells_found.scenario_id
            and cells_expected.day = cells_found.day
            and cells_expected.series_id = cells_found.series_id
    where cells_found.num_rows is null

    union all

    select
        scenario_set_id,
        scenario_id,
        'value' as fault,
        day,
        series_id,
        1 as num_cells,
        value
    from cells_found
    where (value between -{{ max_return() }} and {{ max_return() }}) is not true

),

first_faults as (

    select
        scenario_set_id,
        scenario_id,
        fault,
        num_cells_in_all as num_cells,
        'the first: day ' || day || ', series ' || series_id as first_cell,
        value
    from (
        select
            *,
            sum(num_cells) over (
                partition by scenario_set_id, scenario_id, fault
            ) as num_cells_in_all,
            row_number() over (
                partition by scenario_set_id, scenario_id, fault
                order by day asc, {{ by_code_point('series_id') }} asc
            ) as place
        from faults
    ) as ordered
    where place = 1

),

explained as (

    select
        unsound.scenario_set_id,
        unsound.scenario_id,
        case
            when not unsound.is_known_set then 'UNKNOWN_SET'
            when not unsound.is_valid_horizon then 'INVALID_HORIZON'
            when unsound.as_of_date is null then 'NO_AS_OF_DATE'
            when unsound.is_shared_entity_id then 'SHARED_ENTITY_ID'
            when unsound.num_ambiguous_rows > 0 then 'MORE_THAN_ONE_ID'
            when unsound.num_rows_without_id > 0 then 'NO_SERIES_ID'
            when unsound.num_cells = 0 then 'NO_SERIES_OF_KIND'
            when duplicate.num_cells > 0 then 'DUPLICATE_CELLS'
            when
                not unsound.is_whole and unsound.last_day < unsound.horizon_days
                then 'SHORT_HORIZON'
            when not unsound.is_whole then 'MISSING_CELLS'
            when
                value.value is null
                or value.value = 'NaN'::{{ type_double() }}
                or abs(value.value) = 'Infinity'::{{ type_double() }}
                then 'NON_FINITE_VALUE'
            else 'VALUE_OUT_OF_RANGE'
        end as reason,
        unsound.horizon_days,
        unsound.num_series * unsound.horizon_days::bigint as num_cells,
        unsound.last_day,
        unsound.num_ambiguous_rows,
        unsound.num_rows_without_id,
        duplicate.num_cells as num_duplicate,
        duplicate.first_cell as first_duplicate,
        missing.num_cells as num_missing,
        missing.first_cell as first_missing,
        value.num_cells as num_bad_values,
        value.first_cell as first_bad_value,
        value.value
    from unsound
    left join first_faults as duplicate
        on
            unsound.scenario_set_id = duplicate.scenario_set_id
            and unsound.scenario_id = duplicate.scenario_id
            and duplicate.fault = 'duplicate'
    left join first_faults as missing
        on
            unsound.scenario_set_id = missing.scenario_set_id
            and unsound.scenario_id = missing.scenario_id
            and missing.fault = 'missing'
    left join first_faults as value
        on
            unsound.scenario_set_id = value.scenario_set_id
            and unsound.scenario_id = value.scenario_id
            and value.fault = 'value'

),

final as (

    select
        scenario_set_id,
        scenario_id,
        reason,
        -- (Rows may change while a run is at work.)
        coalesce(case reason
            when 'UNKNOWN_SET' then 'scenario_sets has no row for this set'
            when 'INVALID_HORIZON'
                then 'horizon_days is ' || coalesce(horizon_days::{{ type_text() }}, 'NULL')
            when 'NO_AS_OF_DATE'
                then 'the set has neither a date of its own nor a created_at'
            when 'SHARED_ENTITY_ID'
                then 'another set has a scenario that gives the same entity_id'
            when 'MORE_THAN_ONE_ID'
                then num_ambiguous_rows || ' rows bear more than one series id'
            when 'NO_SERIES_ID' then num_rows_without_id || ' rows bear no series id'
            when 'NO_SERIES_OF_KIND'
                then 'no series of these kinds: {{ var("series_kinds") | join(", ") }}'
            when 'DUPLICATE_CELLS'
                then num_duplicate || ' cells too many, ' || first_duplicate
            when 'SHORT_HORIZON'
                then 'ends on day ' || last_day || ' of ' || horizon_days
            when 'MISSING_CELLS'
                then num_missing || ' of ' || num_cells || ' cells, ' || first_missing
            else
                num_bad_values || ' cells, ' || first_bad_value
                || ', value ' || coalesce({{ double_text('value') }}, 'NULL')
        end, 'the rows or the set have changed since; the next run judges them') as detail
    from explained

)

select * from final
