with

sets as (

    select
        scenario_set_id,
        metadata -> 'scenarios' as labels
    from {{ ref('int_scenario_sets') }}

),

labelled as (

    select
        sets.scenario_set_id,
        labels.scenario_id,
        labels.label
    from sets
    cross join lateral jsonb_each(
        case when jsonb_typeof(sets.labels) = 'object' then sets.labels end
    ) as labels (scenario_id, label)

),

final as (

    select
        scenario_set_id,
        scenario_id,
        label ->> 'name' as scenario_name,
        label ->> 'class' as scenario_class,
        {{ date_or_null("label ->> 'first_day'") }} as first_day,
        {{ date_or_null("label ->> 'last_day'") }} as last_day
    from labelled

)

select * from final
