-- Levels taken for returns make all distances nearly nothing. A series looks like levels
-- where it keeps its sign and stays within a factor of 2 over five days or more, without
-- repeating itself. Looked for in the first hundred scenarios of a set.
{{ config(severity="warn") }}

with

series as (

    select
        panels.scenario_set_id,
        panels.scenario_id,
        (cells.cell_index - 1) % panels.num_series as series_position,
        min(cells.value) as smallest,
        max(cells.value) as largest
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
        and panels.horizon_days >= 5
    group by
        panels.scenario_set_id,
        panels.scenario_id,
        (cells.cell_index - 1) % panels.num_series

),

final as (

    select
        scenario_set_id,
        avg(
            case
                when smallest > 0 and smallest < largest and largest < 2 * smallest
                    then 1.0
                else 0.0
            end
        ) as share_of_series
    from series
    group by scenario_set_id

)

select
    scenario_set_id,
    round(share_of_series, 2) as share_of_series
from final
where share_of_series > 0.5
