with

scenarios as (

    select distinct
        scenario_set_id,
        scenario_id
    from {{ ref('stg_prometheus__scenario_paths') }}

),

final as (

    select
        scenario_set_id::text as scenario_set_id,
        scenario_id::text as scenario_id,
        row_number() over (
            partition by scenario_set_id
            order by {{ scenario_order() }}
        ) as scenario_rank
    from scenarios

)

select * from final
