-- A set that was forgotten would be missing from every search, and from every other test.
{{ config(severity="warn") }}

with

not_built as (

    select sets.scenario_set_id
    from {{ ref('stg_prometheus__scenario_sets') }} as sets
    where
        {{ in_scope('sets.scenario_set_id') }}
        and not exists (
            select 1 from {{ ref('int_scenario_sets') }} as built
            where sets.scenario_set_id = built.scenario_set_id
        )

)

select not_built.scenario_set_id
from not_built
cross join
    lateral (
        select paths.horizon_index
        from {{ ref('stg_prometheus__scenario_paths') }} as paths
        where not_built.scenario_set_id = paths.scenario_set_id
        limit 1  -- noqa: AM09
    ) as first_row
