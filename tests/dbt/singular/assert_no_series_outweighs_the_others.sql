-- A series in other units than the rest, an index in points say, decides all distances.
-- Looked for in the first hundred scenarios of a set, which is enough to see it.
{{ config(severity="warn") }}

with

squares as (

    select
        panels.scenario_set_id,
        panels.scenario_id,
        panels.series_ids,
        (cells.cell_index - 1) % panels.num_series + 1 as series_position,
        sum(cells.value * cells.value) as sum_of_squares
    from {{ ref('scenario_panels') }} as panels
    inner join {{ ref('int_scenarios') }} as scenarios
        on
            panels.scenario_set_id = scenarios.scenario_set_id
            and panels.scenario_id = scenarios.scenario_id
    cross join
        lateral {{ unnest_with_ordinality('panels.panel') }}
            as cells (value, cell_index)
    where
        {{ in_scope('panels.scenario_set_id') }}
        and scenarios.scenario_rank <= 100
        -- (Of two series, one has always half of the squares. Beyond 1e150 they overflow.)
        and panels.num_series > 2
        and abs(cells.value) between 1e-150 and 1e150
    group by
        panels.scenario_set_id,
        panels.scenario_id,
        panels.series_ids,
        (cells.cell_index - 1) % panels.num_series + 1

),

shares as (

    select
        *,
        sum_of_squares
        / sum(sum_of_squares) over (partition by scenario_set_id, scenario_id)
            as share
    from squares

),

final as (

    select
        scenario_set_id,
        {{ element_at('series_ids', 'series_position') }} as series_id,
        avg(case when share > 0.5 then 1.0 else 0.0 end) as share_of_panels
    from shares
    group by scenario_set_id, {{ element_at('series_ids', 'series_position') }}

)

select
    scenario_set_id,
    series_id,
    round(share_of_panels, 2) as share_of_panels
from final
where share_of_panels > 0.5
