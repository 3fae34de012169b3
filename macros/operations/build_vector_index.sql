{#
    An HNSW index of pgvector for each model, on the metric that var vector_index_metric
    names; indexes on another metric go, and without the var all of them. Built after the
    load, which is faster than growing it with every row: the backfill does so, or by hand:
    dbt run-operation build_vector_index --vars '{vector_index_metric: l2}'
#}
{% macro build_vector_index() %}
    {% set wanted = var("vector_index_metric") %}
    {% if wanted not in (none, "l2", "cosine") %}
        {{ exceptions.raise_compiler_error(
            "vector_index_metric must be l2 or cosine, not " ~ wanted
        ) }}
    {% endif %}
    {% set schemas = run_query(
        "select extnamespace::regnamespace::text from pg_extension where extname = 'vector'"
    ).rows %}
    {% if wanted and not schemas %}
        {{ exceptions.raise_compiler_error(
            "vector_index_metric needs pgvector; in this database: create extension vector"
        ) }}
    {% endif %}
    {% set embeddings = ref("numeric_window_embeddings") %}
    {% set statements %}
        {% for model_id in scenario_model_ids() %}
            {% for metric in ("l2", "cosine") %}
                {% set index = adapter.quote(
                    ("hnsw_" ~ metric ~ "_" ~ model_id | replace("-", "_"))
                    | replace('"', '""')
                ) %}
                {% if metric == wanted %}
                    create index if not exists {{ index }}
                    on {{ embeddings }}
                    using hnsw (
                        (embedding::{{ schemas[0][0] }}.vector(384))
                        {{ schemas[0][0] }}.vector_{{ metric }}_ops
                    )
                    where entity_type = 'SCENARIO' and model_id = {{ text_literal(model_id) }};
                {% else %}
                    drop index if exists {{ adapter.quote(embeddings.schema) }}.{{ index }};
                {% endif %}
            {% endfor %}
        {% endfor %}
        analyze {{ embeddings }};
    {% endset %}
    {% do run_query("begin; " ~ statements ~ " commit;") %}
{% endmacro %}
