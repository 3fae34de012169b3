with

series as (

    select distinct
        scenario_set_id,
        horizon_days,
        series_position,
        series_id
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
        has_separator_in_id,
        {{ fingerprint_header('horizon_days', 'num_series', 'axis') }} as fingerprint_header
    from ordered

)

select * from final
