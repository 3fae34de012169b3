with

checked as (

    select * from {{ ref('int_scenario_panels_checked') }}

),

final as (

    select
        scenario_set_id,
        scenario_id,
        is_sound,
        row_number() over (
            partition by scenario_set_id
            order by {{ scenario_order() }}
        ) as scenario_rank
    from checked

)

select * from final
