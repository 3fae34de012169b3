{#
    Fail when the table exists and does not carry the comment that dbt puts on its seeds:
    `dbt seed` truncates before it loads, and a desk's own scenario table may bear the
    same name.
#}
{% macro refuse_foreign_table(relation) %}
    {% if execute %}
        {% set comment = run_query(
            "select obj_description(to_regclass("
            ~ dbt.string_literal(relation.include(database=false) | string)
            ~ "), 'pg_class') where to_regclass("
            ~ dbt.string_literal(relation.include(database=false) | string)
            ~ ") is not null"
        ) %}
        {% if comment.rows and "demonstration data" not in (comment.rows[0][0] or "") %}
            {{ exceptions.raise_compiler_error(
                relation.schema ~ "." ~ relation.identifier
                ~ " exists and was not loaded by dbt seed; nothing was overwritten."
                ~ " Leave the seeds out with `--selector chain`."
            ) }}
        {% endif %}
    {% endif %}
{% endmacro %}
