with

sets as (

    select
        scenario_set_id,
        case
            when jsonb_typeof(metadata -> 'scenarios') = 'object'
                then metadata -> 'scenarios'
        end as scenarios
    from {{ ref('stg_prometheus__scenario_sets') }}

),

final as (

    select
        sets.scenario_set_id,
        labels.scenario_id,
        labels.label ->> 'name' as scenario_name,
        labels.label ->> 'class' as scenario_class,
        {{ date_or_null("labels.label ->> 'first_day'") }} as first_day,
        {{ date_or_null("labels.label ->> 'last_day'") }} as last_day
    from sets
    cross join lateral jsonb_each(sets.scenarios) as labels (scenario_id, label)

)

select * from final
