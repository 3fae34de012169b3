with

panels as (

    select * from {{ ref('int_scenario_panels') }}
    where panel_fingerprint is not null

),

limits as (

    select * from {{ ref('encoder_limits') }}

),

axes as (

    select * from {{ ref('int_scenario_axes') }}

),

checked as (

    select
        -- ids
        panels.scenario_set_id,
        panels.scenario_id,
        panels.scenario_set_id || ':' || panels.scenario_id as entity_id,
        limits.model_id,

        -- the panel
        panels.as_of_date,
        panels.panel_fingerprint,
        coalesce(
            panels.series_ids = axes.series_ids
            and panels.divisors is not distinct from axes.divisors,
            false
        ) as has_present_axis,

        -- what of it is beyond the encoder's limits
        coalesce(panels.num_series > limits.max_num_series, false) as has_too_many_series,
        panels.has_separator_in_id and not limits.allows_separator_in_id
            as has_separator_in_id,
        coalesce(panels.max_abs_return > limits.max_abs_return, false)
            as has_value_out_of_range
    from panels
    cross join limits
    left join axes
        on
            panels.scenario_set_id = axes.scenario_set_id
            and panels.horizon_days = axes.horizon_days

),

final as (

    select
        scenario_set_id,
        scenario_id,
        entity_id,
        model_id,
        as_of_date,
        panel_fingerprint,
        has_present_axis,
        not(has_too_many_series or has_separator_in_id or has_value_out_of_range)
            as is_supported,
        case
            when has_too_many_series then 'TOO_MANY_SERIES'
            when has_separator_in_id then 'SEPARATOR_IN_SERIES_ID'
            when has_value_out_of_range then 'VALUE_OUT_OF_RANGE'
        end as rejection_reason
    from checked

)

select * from final
