{#
    An HNSW index of pgvector for each model, on the metric that var vector_index_metric
    names. Built after the load, which is faster than growing it with every row; the
    backfill does so, or by hand: dbt run-operation build_vector_index
#}
{% macro build_vector_index() %}
    {% set metric = var("vector_index_metric") %}
    {% if metric not in ("l2", "cosine") %}
        {{ exceptions.raise_compiler_error(
            "vector_index_metric must be l2 or cosine, not " ~ metric
        ) }}
    {% endif %}
    {% set schemas = run_query(
        "select extnamespace::regnamespace::text from pg_extension where extname = 'vector'"
    ).rows %}
    {% if not schemas %}
        {{ exceptions.raise_compiler_error(
            "vector_index_metric needs pgvector; in this database: create extension vector"
        ) }}
    {% endif %}
    {% set pgvector = schemas[0][0] %}
    {% set embeddings = ref("numeric_window_embeddings") %}
    {% set statements %}
        {% for model_id in var("scenario_model_ids") %}
            create index if not exists
                {{ adapter.quote("hnsw_" ~ metric ~ "_" ~ model_id | replace("-", "_")) }}
            on {{ embeddings }}
            using hnsw (
                (embedding::{{ pgvector }}.vector(384)) {{ pgvector }}.vector_{{ metric }}_ops
            )
            where entity_type = 'SCENARIO' and model_id = {{ text_literal(model_id) }};
        {% endfor %}
        analyze {{ embeddings }};
    {% endset %}
    {% do run_query("begin; " ~ statements ~ " commit;") %}
{% endmacro %}
