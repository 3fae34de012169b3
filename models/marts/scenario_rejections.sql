{{ config(materialized='incremental', pre_hook="{{ clear_scope() }}") }}

with

-- Scenarios whose rows have changed beyond a run's limit are pending instead.
rejected as (

    select
        panels.*,
        scenarios.raw_scenario_set_id,
        scenarios.raw_scenario_id,
        panels.horizon_days * panels.num_series::bigint as num_cells_expected
    from {{ ref('int_scenario_panels') }} as panels
    inner join {{ ref('int_scenarios') }} as scenarios
        on
            panels.scenario_set_id = scenarios.scenario_set_id
            and panels.scenario_id = scenarios.scenario_id
            and panels.content_hash = scenarios.content_hash
    where panels.rejection_reason is not null and {{ in_scope('panels.scenario_set_id') }}

),

-- Beyond a run's limit the axis may be another by now than the scenario was judged by.
with_faulty_cells as (

    select
        rejected.scenario_set_id,
        rejected.scenario_id,
        rejected.raw_scenario_set_id,
        rejected.raw_scenario_id,
        rejected.rejection_reason,
        rejected.num_series,
        rejected.series_ids,
        rejected.num_cells_expected
    from rejected
    inner join {{ ref('int_scenario_axes') }} as axes
        on
            rejected.scenario_set_id = axes.scenario_set_id
            and rejected.horizon_days = axes.horizon_days
            and rejected.series_ids = axes.series_ids
            and rejected.divisors is not distinct from axes.divisors
    where
        rejected.rejection_reason in (
            'DUPLICATE_CELLS', 'MISSING_CELLS', 'NON_FINITE_VALUE', 'VALUE_OUT_OF_RANGE'
        )

),

found as (

    select
        scenarios.scenario_set_id,
        scenarios.scenario_id,
        found.*
    from with_faulty_cells as scenarios
    cross join lateral (
        select
            cells.cell_index,
            count(*) as num_rows,
            max(cells.return_value) as return_value,
            max(cells.divisor) as divisor,
            max(cells.value_fault) as value_fault
        from {{ ref('int_scenario_cells') }} as cells
        where
            scenarios.scenario_set_id = cells.scenario_set_id
            and scenarios.raw_scenario_set_id = cells.raw_scenario_set_id
            and scenarios.raw_scenario_id = cells.raw_scenario_id
            and cells.cell_index is not null
        {% if target.type == 'spark' -%}
            -- Spark looks up no scenario. It reads the sets of those, and mostly none.
            and cells.scenario_set_id in (
                select /*+ broadcast(faulty) */ distinct faulty.scenario_set_id
                from with_faulty_cells as faulty
            )
        {% endif -%}
        group by
            cells.scenario_set_id,
            cells.raw_scenario_set_id,
            cells.raw_scenario_id,
            cells.cell_index
    ) as found

),

faults as (

    select
        expected.*,
        found.return_value,
        found.divisor,
        case
            when expected.rejection_reason = 'DUPLICATE_CELLS' then found.num_rows - 1
            else 1
        end as num_faults
    from (
        select
            scenarios.*,
            cells.cell_index
        from with_faulty_cells as scenarios
        cross join lateral {{ numbers_up_to('scenarios.num_cells_expected') }}
            as cells (cell_index)
    ) as expected
    left join found
        on
            expected.scenario_set_id = found.scenario_set_id
            and expected.scenario_id = found.scenario_id
            and expected.cell_index = found.cell_index
    where
        case expected.rejection_reason
            when 'DUPLICATE_CELLS' then found.num_rows > 1
            when 'MISSING_CELLS' then found.num_rows is null
            else found.value_fault = expected.rejection_reason
        end

),

first_faults as (

    select
        scenario_set_id,
        scenario_id,
        num_faults_in_all as num_faults,
        case when num_faults_in_all = 1 then 'cell' else 'cells' end as cells,
        'the first: day '
        || ((cell_index - 1 - (cell_index - 1) % num_series) / num_series + 1)::int
        || ', series '
        || {{ element_at('series_ids', '(cell_index - 1) % num_series + 1') }}
            as first_fault,
        return_value,
        case
            when divisor <> 1 then ' divided by ' || {{ double_text('divisor') }}
            else ''
        end as divided
    from (
        select
            *,
            sum(num_faults) over (partition by scenario_set_id, scenario_id)
                as num_faults_in_all,
            row_number()
                over (partition by scenario_set_id, scenario_id order by cell_index)
                as fault_rank
        from faults
    ) as ranked
    where fault_rank = 1

),

final as (

    select
        rejected.scenario_set_id,
        rejected.scenario_id,
        rejected.rejection_reason as reason,
        coalesce(case rejected.rejection_reason
            when 'EMPTY_SET_ID' then 'the id of the set is an empty text'
            when 'UNKNOWN_SET' then 'scenario_sets has no row for this set'
            when 'INVALID_HORIZON'
                then
                    'horizon_days is '
                    || coalesce(
                        rejected.horizon_days::{{ dbt.type_string() }},
                        'NULL or no whole number'
                    )
            when 'NO_AS_OF_DATE'
                then 'the set has no date, or one that cannot be read'
            when 'INVALID_DIVISOR'
                then
                    'the divisor of series '
                    || {{ element_at(
                        'rejected.series_ids', 'rejected.invalid_divisor_position'
                    ) }}
                    || ' is not a number above 0'
            when 'COLON_IN_SCENARIO_ID'
                then 'an entity_id is {set}:{scenario}, divided by its last colon'
            when 'MORE_THAN_ONE_ID'
                then 'rows with more than one series id: ' || rejected.num_ambiguous_rows
            when 'NO_SERIES_ID'
                then 'rows without a series id: ' || rejected.num_rows_without_id
            when 'NO_SERIES_OF_KIND'
                then
                    'no row within the horizon of a series that the set''s panels take'
            when 'DUPLICATE_CELLS'
                then
                    faults.num_faults || ' duplicate ' || faults.cells || ', '
                    || faults.first_fault
            when 'SHORT_HORIZON'
                then 'ends on day ' || rejected.last_step || ' of ' || rejected.horizon_days
            when 'MISSING_CELLS'
                then
                    faults.num_faults || ' of ' || rejected.num_cells_expected
                    || ' cells, ' || faults.first_fault
            else
                faults.num_faults || ' ' || faults.cells || ', ' || faults.first_fault
                || ', value ' || coalesce({{ double_text('faults.return_value') }}, 'NULL')
                || faults.divided
        end, 'the rows or the set have changed since; the next run judges them') as detail
    from rejected
    left join first_faults as faults
        on
            rejected.scenario_set_id = faults.scenario_set_id
            and rejected.scenario_id = faults.scenario_id

)

select * from final
