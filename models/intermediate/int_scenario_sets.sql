{{
    config(
        materialized='incremental',
        indexes=[{'columns': ['scenario_set_id'], 'unique': true}],
        pre_hook="{{ clear_scope() }}"
    )
}}

-- The unique index stops the run where a set stands twice in scenario_sets.
with

sets as (

    select * from {{ ref('stg_prometheus__scenario_sets') }}
    where {{ in_scope() }}

),

found as (

    select
        scenario_set_id,
        raw_scenario_set_id,
        count(*) as num_scenarios,
        sum(content_hash) as content_hash
    from {{ ref('int_scenarios') }}
    where {{ in_scope() }}
    group by scenario_set_id, raw_scenario_set_id

),

-- The divisors by the set that they are for; '*' is every set.
scales as (

    select
        scenario_set_id,
        sum(
            {{ row_hash('0', ['scenario_set_id', 'series_kind', 'series_id'], 'divisor') }}
        ) as content_hash
    from {{ ref('series_scales') }}
    group by scenario_set_id

),

final as (

    select
        -- ids
        coalesce(sets.scenario_set_id, found.scenario_set_id) as scenario_set_id,
        found.raw_scenario_set_id,

        -- what the producer says of the set
        sets.scenario_set_id is not null as is_in_scenario_sets,
        sets.category,
        sets.metadata,
        sets.num_paths,
        sets.horizon_days,
        coalesce(sets.horizon_days between 1 and {{ max_horizon_days() }}, false)
            as is_valid_horizon,
        sets.as_of_date,

        -- what is there
        coalesce(found.num_scenarios, 0)::int as num_scenarios,
        found.content_hash,
        coalesce(own_scales.content_hash, 0) + coalesce(common_scales.content_hash, 0)
            as scales_hash
    from sets
    full outer join found on sets.scenario_set_id = found.scenario_set_id
    left join scales as own_scales
        on
            coalesce(sets.scenario_set_id, found.scenario_set_id)
            = own_scales.scenario_set_id
    left join scales as common_scales on common_scales.scenario_set_id = '*'

)

select * from final
