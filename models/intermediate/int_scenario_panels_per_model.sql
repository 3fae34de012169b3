with

-- Not those that have gone from the source: a limited run leaves their panels, and another
-- scenario may have their entity_id by now.
checked as (

    select checked.*
    from {{ ref('int_scenario_panels_checked') }} as checked
    inner join {{ ref('int_scenarios') }} as scenarios
        on
            checked.scenario_set_id = scenarios.scenario_set_id
            and checked.scenario_id = scenarios.scenario_id
    where checked.is_sound

),

limits as (

    select * from {{ ref('int_encoder_limits') }}

),

final as (

    select
        -- ids
        checked.scenario_set_id,
        checked.scenario_id,
        checked.scenario_set_id || ':' || checked.scenario_id as entity_id,
        limits.model_id,

        -- the panel
        checked.as_of_date,
        checked.panel_fingerprint,

        -- whether it has a vector of this model (said apart from why not, because planners
        -- take hardly any row to have no reason)
        coalesce(checked.num_series <= limits.max_num_series, true)
        and (limits.takes_separator_in_id or not checked.has_separator_in_id)
        and coalesce(
            checked.max_abs_return <= limits.max_abs_return, true
        ) as is_taken,
        case
            when checked.num_series > limits.max_num_series then 'TOO_MANY_SERIES'
            when
                checked.has_separator_in_id and not limits.takes_separator_in_id
                then 'SEPARATOR_IN_SERIES_ID'
            when checked.max_abs_return > limits.max_abs_return then 'VALUE_OUT_OF_RANGE'
        end as rejection_reason
    from checked
    cross join limits

)

select * from final
