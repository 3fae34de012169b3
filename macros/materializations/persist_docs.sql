{#
    Write the descriptions of a relation and its columns as comments, in one statement. dbt's
    own asks the database twice which columns there are, for a quarter of the time of a run
    with nothing new. Here a description without its column is an error.
#}
{% macro postgres__persist_docs(relation, model, for_relation, for_columns) %}
    {% call statement("persist_docs") %}
        {% if for_relation and config.persist_relation_docs() %}
            {{ alter_relation_comment(relation, model.description) }}
        {% endif %}
        {% if for_columns and config.persist_column_docs() %}
            {% for column in model.columns.values() %}
                comment on column {{ relation }}.{{ adapter.quote(column.name) }}
                is {{ postgres_escape_comment(column.description) }};
            {% endfor %}
        {% endif %}
    {% endcall %}
{% endmacro %}
