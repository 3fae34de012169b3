with

unsupported as (

    select * from {{ ref('int_expected_embeddings') }}
    where not is_supported

),

panels as (

    select * from {{ ref('scenario_panels') }}

),

limits as (

    select * from {{ ref('encoder_limits') }}

),

final as (

    select
        unsupported.scenario_set_id,
        unsupported.scenario_id,
        unsupported.model_id,
        unsupported.rejection_reason as reason,
        case unsupported.rejection_reason
            when 'TOO_MANY_SERIES'
                then
                    panels.num_series || ' series, the encoder takes '
                    || limits.max_num_series
            when 'SEPARATOR_IN_SERIES_ID'
                then 'a series id has the character U+001F'
            else
                beyond.num_cells
                || case when beyond.num_cells = 1 then ' cell' else ' cells' end
                || ', the first: day '
                || ceil(beyond.cell_index::{{ type_double() }} / panels.num_series)::int
                || ', series ' || {{ element_at(
                    'panels.series_ids', '(beyond.cell_index - 1) % panels.num_series + 1'
                ) }}
                || ', value '
                || {{ double_text(element_at('panels.panel', 'beyond.cell_index')) }}
                || ', the encoder takes +/-' || {{ double_text('limits.max_abs_return') }}
                || '; set a divisor in series_scales: 100 for percent, 10000 for basis points'
        end as detail
    from unsupported
    inner join panels
        on
            unsupported.scenario_set_id = panels.scenario_set_id
            and unsupported.scenario_id = panels.scenario_id
    inner join limits on unsupported.model_id = limits.model_id
    cross join lateral (
        select
            count(*) as num_cells,
            min(cells.cell_index)::int as cell_index
        from {{ unnest_with_ordinality('panels.panel') }} as cells (value, cell_index)
        where abs(cells.value) > limits.max_abs_return
    ) as beyond

)

select * from final
