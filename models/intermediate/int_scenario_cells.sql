{% set not_a_number = "'NaN'::" ~ type_double() -%}

-- Subqueries instead of CTEs, as in staging: rows are looked up scenario by scenario.
select
    *,
    -- (NaN is the largest double of all.)
    case
        when coalesce(abs(return_value), {{ not_a_number }}) > {{ max_double() }}
            then 'NON_FINITE_VALUE'
        when coalesce(abs(scaled_return), {{ not_a_number }}) > {{ max_return() }}
            then 'VALUE_OUT_OF_RANGE'
    end as value_fault,
    -- The order of a panel, row-major: day by day, and in each the series of the axis.
    case
        when is_in_horizon
            then (horizon_index - 1) * num_series::bigint + series_position
    end as cell_index
from (
    select /*+ broadcast(series) */
        -- ids
        paths.scenario_set_id,
        paths.scenario_id,
        paths.raw_scenario_set_id,
        paths.raw_scenario_id,
        series.num_series_ids,

        -- the row
        paths.horizon_index,
        paths.return_value,
        paths.row_hash,
        {{ scaled_return('paths.return_value', 'series.divisor') }} as scaled_return,
        (paths.horizon_index between 1 and series.horizon_days) is true as is_in_horizon,

        -- the series
        series.divisor,
        series.series_position,
        series.num_series
    from {{ ref('stg_prometheus__scenario_paths') }} as paths
    inner join {{ ref('int_scenario_series') }} as series
        on
            paths.scenario_set_id = series.scenario_set_id
            and paths.instrument_id = series.instrument_id
            and paths.factor_id = series.factor_id
            and paths.macro_id = series.macro_id
) as cells
