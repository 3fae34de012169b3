with

sets as (

    select
        scenario_set_id,
        {{ json_object_or_null(json_member('metadata', 'scenarios')) }} as scenarios
    from {{ ref('stg_prometheus__scenario_sets') }}

),

final as (

    select
        sets.scenario_set_id,
        labels.scenario_id,
        {{ json_text('labels.label', 'name') }} as scenario_name,
        {{ json_text('labels.label', 'class') }} as scenario_class,
        {{ date_or_null(json_text('labels.label', 'first_day')) }} as first_day,
        {{ date_or_null(json_text('labels.label', 'last_day')) }} as last_day
    from sets
    cross join lateral {{ json_members('sets.scenarios') }} as labels (scenario_id, label)

)

select * from final
