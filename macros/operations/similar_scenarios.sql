{#
    The scenarios nearest to one, as a select for a model or an analysis of your own: rank,
    entity_id, scenario_set_id, scenario_id, as_of_date and distance. Postgres'
    SQL, without pgvector. Equal distances go by entity_id; of several dates, the newest counts.
#}
{% macro similar_scenarios(
    entity_id,
    model_id="num-scenario-core-v1",
    top_k=10,
    metric="cosine",
    scenario_set_id=none
) %}
    {% if metric not in ("l2", "cosine") or top_k is not integer or top_k < 1 %}
        {{ exceptions.raise_compiler_error(
            "metric must be l2 or cosine and top_k a whole number of at least 1, not "
            ~ metric ~ " and " ~ top_k
        ) }}
    {% endif %}
    {% set newest %}
        select distinct on (entity_id)
            entity_id,
            window_spec ->> 'scenario_set_id' as scenario_set_id,
            window_spec ->> 'scenario_id' as scenario_id,
            as_of_date,
            embedding
        from {{ ref("numeric_window_embeddings") }}
        where entity_type = 'SCENARIO' and model_id = {{ text_literal(model_id) }}
        order by entity_id, as_of_date desc
    {% endset %}
    select
        row_number() over (
            order by measured.distance, candidates.entity_id collate "C"
        )::int as rank,
        candidates.entity_id,
        candidates.scenario_set_id,
        candidates.scenario_id,
        candidates.as_of_date,
        measured.distance
    from ({{ newest }}) as asked
    inner join ({{ newest }}) as candidates on asked.entity_id <> candidates.entity_id
    cross join lateral (
        select
            {% if metric == "l2" -%}
                sqrt(sum((pairs.a::float8 - pairs.b) ^ 2 order by pairs.position)) as distance
            {%- else -%}
                1 - sum(pairs.a::float8 * pairs.b order by pairs.position) / nullif(
                    sqrt(
                        sum(pairs.a::float8 ^ 2 order by pairs.position)
                        * sum(pairs.b::float8 ^ 2 order by pairs.position)
                    ),
                    0
                ) as distance
            {%- endif %}
        from unnest(asked.embedding, candidates.embedding)
            with ordinality as pairs (a, b, position)
    ) as measured
    where
        asked.entity_id = {{ text_literal(entity_id) }}
        and measured.distance is not null
        {% if scenario_set_id is not none -%}
            and candidates.scenario_set_id = {{ text_literal(scenario_set_id) }}
        {%- endif %}
    order by rank
    limit {{ top_k }}
{% endmacro %}
