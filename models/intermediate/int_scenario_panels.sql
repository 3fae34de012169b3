{{
    config(
        materialized='incremental',
        unique_key=['scenario_set_id', 'scenario_id'],
        indexes=[{'columns': ['scenario_set_id', 'scenario_id'], 'unique': true}],
        post_hook=[
            "{{ delete_gone(ref('int_scenarios'), ['scenario_set_id', 'scenario_id']) }}",
            "{{ analyze_columns(['scenario_set_id', 'scenario_id', 'rejection_reason']) }}"
        ]
    )
}}

with

headers as (

    select
        sets.scenario_set_id,
        sets.is_in_scenario_sets,
        sets.horizon_days,
        sets.is_valid_horizon,
        sets.as_of_date,
        axes.series_ids,
        axes.divisors,
        axes.invalid_divisor_position,
        axes.fingerprint_header,
        axes.has_separator_in_id,
        coalesce(axes.num_series, 0) as num_series
    from {{ ref('int_scenario_sets') }} as sets
    left join {{ ref('int_scenario_axes') }} as axes
        on sets.scenario_set_id = axes.scenario_set_id

),

-- A scenario is stale without a row made from the same content and header.
scenarios as (

    select
        scenarios.scenario_set_id,
        scenarios.scenario_id,
        scenarios.raw_scenario_set_id,
        scenarios.raw_scenario_id,
        scenarios.content_hash,
        headers.is_in_scenario_sets,
        headers.horizon_days,
        headers.is_valid_horizon,
        headers.as_of_date,
        headers.series_ids,
        headers.divisors,
        headers.invalid_divisor_position,
        headers.has_separator_in_id,
        headers.num_series,
        headers.fingerprint_header,
        {{ 'existing.scenario_id is null' if keeps_existing_rows() else 'true' }}
            as is_stale
    from {{ ref('int_scenarios') }} as scenarios
    inner join headers on scenarios.scenario_set_id = headers.scenario_set_id
    {% if keeps_existing_rows() -%}
    left join {{ this }} as existing
        on
            scenarios.scenario_set_id = existing.scenario_set_id
            and scenarios.scenario_id = existing.scenario_id
            and scenarios.content_hash = existing.content_hash
            and headers.is_in_scenario_sets = existing.is_in_scenario_sets
            and headers.horizon_days is not distinct from existing.horizon_days
            and headers.as_of_date is not distinct from existing.as_of_date
            and headers.series_ids is not distinct from existing.series_ids
            and headers.divisors is not distinct from existing.divisors
    {% endif -%}
    where {{ in_panel_scope('scenarios') }}

),

-- The rows of each stale scenario are looked up by the source's index. To its collation,
-- two spellings may be one id; here they are two. A panel is of the rows that its content
-- hash tells: where they have changed or gone since the scan, there is nothing to judge.
counted as (

    select
        scenarios.*,
        counts.*
    from scenarios
    left join lateral (
        select
            sum(cells.row_hash) as content_hash_read,
            count(*) filter (where cells.num_series_ids = 0 and cells.is_in_horizon)
                as num_rows_without_id,
            count(*) filter (where cells.num_series_ids > 1 and cells.is_in_horizon)
                as num_ambiguous_rows,
            -- (Rows of day 0 are the baseline.)
            count(*) filter (
                where not cells.is_in_horizon and cells.horizon_index is distinct from 0
            ) as num_rows_ignored,
            count(cells.cell_index) as num_cells,
            {{ count_distinct('cells.cell_index') }} as num_distinct_cells,
            max(cells.horizon_index) filter (where cells.cell_index is not null)
                as last_step,
            max(abs(cells.scaled_return)) filter (where cells.cell_index is not null)
                as max_abs_return,
            -- (Of both faults, the first in the alphabet goes first.)
            min(cells.value_fault) filter (where cells.cell_index is not null)
                as value_fault,
            {{ array_agg_ordered(
                'cells.scaled_return', ['cells.cell_index'], where='cells.cell_index is not null'
            ) }} as panel
        from {{ ref('int_scenario_cells') }} as cells
        where
            scenarios.scenario_set_id = cells.scenario_set_id
            and scenarios.raw_scenario_set_id = cells.raw_scenario_set_id
            and scenarios.raw_scenario_id = cells.raw_scenario_id
        -- (Spark joins groups once. Without them, it joins again to count 0 of no rows.)
        group by
            cells.scenario_set_id, cells.scenario_id,
            cells.raw_scenario_set_id, cells.raw_scenario_id
        -- (The id as an aggregate: a condition on rows would have Postgres expect few.)
        having
            sum(cells.row_hash) = scenarios.content_hash
            and min(cells.scenario_id) = scenarios.scenario_id
    ) as counts on true
    where scenarios.is_stale

),

judged as (

    select
        *,
        case
            when content_hash_read is null then null
            when scenario_set_id = '' then 'EMPTY_SET_ID'
            when not is_in_scenario_sets then 'UNKNOWN_SET'
            when not is_valid_horizon then 'INVALID_HORIZON'
            when as_of_date is null then 'NO_AS_OF_DATE'
            when invalid_divisor_position is not null then 'INVALID_DIVISOR'
            when position(':' in scenario_id) > 0 then 'COLON_IN_SCENARIO_ID'
            when num_ambiguous_rows > 0 then 'MORE_THAN_ONE_ID'
            when num_rows_without_id > 0 then 'NO_SERIES_ID'
            when num_cells = 0 then 'NO_SERIES_OF_KIND'
            when num_cells > num_distinct_cells then 'DUPLICATE_CELLS'
            when last_step < horizon_days then 'SHORT_HORIZON'
            when num_cells < horizon_days * num_series::bigint then 'MISSING_CELLS'
            else value_fault
        end as rejection_reason
    from counted

)

select
    -- ids
    scenario_set_id,
    scenario_id,

    -- the set's header
    is_in_scenario_sets,
    as_of_date,
    horizon_days,
    num_series,
    series_ids,
    divisors,

    -- the panel, or why there is none; neither while the scenario is pending
    rejection_reason,
    case when rejection_reason is null then panel end as panel,
    case
        when rejection_reason is null
            then {{ panel_fingerprint('fingerprint_header', 'panel') }}
    end as panel_fingerprint,
    case when rejection_reason is null then max_abs_return end as max_abs_return,
    case when rejection_reason is null then has_separator_in_id end as has_separator_in_id,

    -- what was found
    invalid_divisor_position,
    last_step,
    num_rows_without_id,
    num_ambiguous_rows,
    num_rows_ignored,
    content_hash_read as content_hash
from judged
