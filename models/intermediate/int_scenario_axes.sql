with

series as (

    select distinct
        scenario_set_id,
        horizon_days,
        series_position,
        series_id,
        divisor
    from {{ ref('int_scenario_series') }}
    where series_position is not null

),

ordered as (

    select
        scenario_set_id,
        horizon_days,
        count(*)::int as num_series,
        {{ array_agg_ordered('series_id', ['series_position']) }} as series_ids,
        {{ array_agg_ordered(text_bytes('series_id'), ['series_position']) }} as axis,
        {{ array_agg_ordered('divisor', ['series_position']) }} as divisors,
        bool_or(divisor is distinct from 1) as is_scaled,
        min(case when divisor is null then series_position end) as invalid_divisor_position,
        bool_or(position(chr(31) in series_id) > 0) as has_separator_in_id
    from series
    group by scenario_set_id, horizon_days

),

final as (

    select
        scenario_set_id,
        horizon_days,
        num_series,
        series_ids,
        case when is_scaled then divisors end as divisors,
        invalid_divisor_position,
        has_separator_in_id,
        {{ fingerprint_header('horizon_days', 'num_series', 'axis') }} as fingerprint_header
    from ordered

)

select * from final
