{#
    The scenarios nearest to one, as a select for a model or an analysis of your own: rank,
    entity_id, scenario_set_id, scenario_id, as_of_date and distance. Plain SQL, without
    pgvector. Equal distances go by entity_id.
#}
{% macro similar_scenarios(
    entity_id, model_id="num-scenario-core-v1", top_k=10, metric="cosine"
) %}
    {% if metric not in ("l2", "cosine") %}
        {{ exceptions.raise_compiler_error(
            "metric must be l2 or cosine, not " ~ metric
        ) }}
    {% endif %}
    select
        row_number() over (
            order by measured.distance, candidates.entity_id collate "C"
        )::int as rank,
        candidates.entity_id,
        candidates.window_spec ->> 'scenario_set_id' as scenario_set_id,
        candidates.window_spec ->> 'scenario_id' as scenario_id,
        candidates.as_of_date,
        measured.distance
    from {{ ref("numeric_window_embeddings") }} as asked
    inner join {{ ref("numeric_window_embeddings") }} as candidates
        on
            asked.entity_type = candidates.entity_type
            and asked.model_id = candidates.model_id
            and asked.entity_id <> candidates.entity_id
    cross join lateral (
        select
            {% if metric == "l2" -%}
                sqrt(sum((pairs.a::float8 - pairs.b) ^ 2)) as distance
            {%- else -%}
                1 - sum(pairs.a::float8 * pairs.b) / nullif(
                    sqrt(sum(pairs.a::float8 ^ 2)) * sqrt(sum(pairs.b::float8 ^ 2)), 0
                ) as distance
            {%- endif %}
        from unnest(asked.embedding, candidates.embedding) as pairs (a, b)
    ) as measured
    where
        asked.entity_type = 'SCENARIO'
        and asked.entity_id = {{ text_literal(entity_id) }}
        and asked.model_id = {{ text_literal(model_id) }}
        and measured.distance is not null
    order by rank
    limit {{ top_k | int }}
{% endmacro %}
