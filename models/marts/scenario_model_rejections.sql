with

rejected as (

    select * from {{ ref('int_scenario_panels_per_model') }}
    where not is_taken

),

panels as (

    select * from {{ ref('scenario_panels') }}

),

limits as (

    select * from {{ ref('int_encoder_limits') }}

),

final as (

    select
        rejected.scenario_set_id,
        rejected.scenario_id,
        rejected.model_id,
        rejected.rejection_reason as reason,
        case rejected.rejection_reason
            when 'TOO_MANY_SERIES'
                then
                    panels.num_series || ' series, the model takes '
                    || limits.max_num_series
            when 'SEPARATOR_IN_SERIES_ID'
                then 'a series id has the character U+001F'
            else
                beyond.num_cells || ' cells, the first: day '
                || ceil(beyond.place::{{ type_double() }} / panels.num_series)::int
                || ', series ' || {{ element(
                    'panels.series_ids', '(beyond.place - 1) % panels.num_series + 1'
                ) }}
                || ', value ' || {{ double_text(element('panels.panel', 'beyond.place')) }}
                || ', the model takes ±' || {{ double_text('limits.max_abs_return') }}
        end as detail
    from rejected
    inner join panels
        on
            rejected.scenario_set_id = panels.scenario_set_id
            and rejected.scenario_id = panels.scenario_id
    inner join limits on rejected.model_id = limits.model_id
    cross join lateral (
        select
            count(*) as num_cells,
            min(cells.place)::int as place
        from {{ elements_and_places('panels.panel') }} as cells (value, place)
        where abs(cells.value) > limits.max_abs_return
    ) as beyond

)

select * from final
