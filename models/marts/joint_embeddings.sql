-- A view, because the encoder writes after dbt has run: it is never behind the vectors.
{% set weights = joint_weights() %}

{#- Whose branch a row is: the scenario that it is, or that its window names. #}
{% set whose -%}
    window_spec ->> 'scenario_set_id' as scenario_set_id,
        window_spec ->> 'scenario_id' as scenario_id
{%- endset %}

{#- Not a CTE, of which Postgres would write all vectors to disk first. #}
{% set scenarios %}
    select
        entity_type,
        entity_id,
        as_of_date,
        embedding,
        {{ whose }}
    from {{ ref('numeric_window_embeddings') }}
    where
        entity_type = 'SCENARIO'
        and model_id = {{ text_literal(joint_scenario_model_id()) }}
{% endset %}

with

states as (

    select
        as_of_date,
        model_id,
        embedding,
        -- Sums of floats depend on their order, which must not depend on the locale.
        {{ by_code_point("(entity_type || ':' || entity_id)") }} as name_in_order,
        {{ whose }}
    from {{ ref('numeric_window_embeddings') }}
    where
        entity_type <> 'SCENARIO'
        and model_id in ('num-stab-core-v1', 'joint-profile-core-v1')

),

-- Several states of one scenario stand for it by their mean.
branches as (

    select
        scenarios.entity_id,
        scenarios.as_of_date,
        states.model_id,
        cells.position,
        sum(cells.value::float8 order by states.name_in_order)
        / count(cells.value) as value
    from ({{ scenarios }}) as scenarios
    inner join states
        on
            scenarios.scenario_set_id = states.scenario_set_id
            and scenarios.scenario_id = states.scenario_id
            and scenarios.as_of_date = states.as_of_date
    cross join
        lateral unnest(states.embedding)
        with ordinality as cells (value, position)
    group by
        scenarios.entity_id,
        scenarios.as_of_date,
        states.model_id,
        cells.position

),

weighted as (

    select
        scenarios.entity_id,
        scenarios.as_of_date,
        cells.position,
        coalesce({{ weights.stab }} * stab.value, 0)
        + {{ weights.scenario }} * cells.value::float8
        + coalesce({{ weights.profile }} * profile.value, 0) as total,
        case when stab.value is null then 0 else {{ weights.stab }} end
        + {{ weights.scenario }}
        + case when profile.value is null then 0 else {{ weights.profile }} end as weight
    from ({{ scenarios }}) as scenarios
    cross join
        lateral unnest(scenarios.embedding)
        with ordinality as cells (value, position)
    left join branches as stab
        on
            scenarios.entity_id = stab.entity_id
            and scenarios.as_of_date = stab.as_of_date
            and cells.position = stab.position
            and stab.model_id = 'num-stab-core-v1'
    left join branches as profile
        on
            scenarios.entity_id = profile.entity_id
            and scenarios.as_of_date = profile.as_of_date
            and cells.position = profile.position
            and profile.model_id = 'joint-profile-core-v1'
    where (scenarios.entity_id, scenarios.as_of_date) in (
        select
            branches.entity_id,
            branches.as_of_date
        from branches
    )

),

combined as (

    select
        entity_id,
        as_of_date,
        array_agg((total / weight)::real order by position) as embedding
    from weighted
    group by entity_id, as_of_date

),

final as (

    select
        'STAB_FRAGILITY_V0'::text as joint_type,
        scenarios.as_of_date,
        jsonb_build_object(
            'source', 'scenario',
            'entity_type', scenarios.entity_type,
            'scenario_set_id', scenarios.scenario_set_id,
            'scenario_id', scenarios.scenario_id,
            'as_of_date', scenarios.as_of_date
        ) as entity_scope,
        'joint-stab-fragility-v1'::text as model_id,
        -- Alone, a scenario is its own vector, bit for bit.
        coalesce(combined.embedding, scenarios.embedding) as embedding
    from ({{ scenarios }}) as scenarios
    left join combined
        on
            scenarios.entity_id = combined.entity_id
            and scenarios.as_of_date = combined.as_of_date

)

select * from final
