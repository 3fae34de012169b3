{#
    Load a seed's rows. dbt's own versions call a macro for every cell, which takes a minute
    for the 36,000 rows shipped here. For Postgres the row of placeholders is made once; to
    Spark a batch of rows goes as one text.
#}
{% macro postgres__load_csv_rows(model, agate_table) %}
    {% set columns = get_seed_column_quoted_csv(model, agate_table.column_names) %}
    {% set placeholders = ["%s"] * agate_table.column_names | length %}
    {% set row_of_placeholders = "(" ~ placeholders | join(", ") ~ ")" %}
    {% set first_statement = [] %}
    {% for rows in agate_table.rows | batch(get_batch_size() | int) %}
        {% set bindings = [] %}
        {% for row in rows %}
            {% do bindings.extend(row) %}
        {% endfor %}
        {% set statement -%}
            insert into {{ this.render() }} ({{ columns }})
            values {{ ([row_of_placeholders] * rows | length) | join(", ") }}
        {%- endset %}
        {% do adapter.add_query(statement, bindings=bindings, abridge_sql_log=true) %}
        {% if loop.first %}{% do first_statement.append(statement) %}{% endif %}
    {% endfor %}
    {{ return(first_statement[0]) }}
{% endmacro %}

{% macro spark__load_csv_rows(model, agate_table) %}
    {% set types = model["config"]["column_types"] %}
    {% set first_statement = [] %}
    {% for rows in agate_table.rows | batch(get_batch_size() | int) %}
        {% set cells = [] %}
        {% for row in rows %}
            {% do cells.append(row.values()) %}
        {% endfor %}
        {% set statement -%}
            insert into {{ this.render() }}
            select
                {% for column in agate_table.column_names -%}
                    {{ cast_or_fail("cells[" ~ loop.index0 ~ "]", types[column]) }}
                        as {{ column }}{{ "," if not loop.last }}
                {% endfor %}
            from explode(
                from_json({{ text_literal(tojson(cells)) }}, 'array<array<string>>')
            ) as seed (cells)
        {%- endset %}
        {% do adapter.add_query(statement, abridge_sql_log=true) %}
        {% if loop.first %}{% do first_statement.append(statement) %}{% endif %}
    {% endfor %}
    {{ return(first_statement[0]) }}
{% endmacro %}


{#
    Fail when the table exists and does not carry the comment that dbt puts on its seeds:
    `dbt seed` empties a table before it loads it, and a desk's own scenario table may bear
    the same name.
#}
{% macro refuse_foreign_table(relation) %}
    {% if execute %}
        {% set comment = adapter.dispatch("comment_of_table")(relation) %}
        {% if comment is not none and "demonstration data" not in comment %}
            {{ exceptions.raise_compiler_error(
                relation.schema ~ "." ~ relation.identifier
                ~ " exists and was not loaded by dbt seed; nothing was overwritten."
                ~ " Leave the seeds out with `--selector chain`, or run the demo beside them:"
            ~ " DBT_SCHEMA=demo_vectors dbt seed --vars '{source_schema: demo}'."
            ) }}
        {% endif %}
    {% endif %}
{% endmacro %}

{# A table's comment, '' where it has none; none where there is no such table. #}
{% macro postgres__comment_of_table(relation) %}
    {% set comment = run_query(
        "select obj_description(to_regclass("
        ~ dbt.string_literal(relation.include(database=false) | string)
        ~ "), 'pg_class') where to_regclass("
        ~ dbt.string_literal(relation.include(database=false) | string)
        ~ ") is not null"
    ) %}
    {{ return((comment.rows[0][0] or "") if comment.rows else none) }}
{% endmacro %}

{% macro spark__comment_of_table(relation) %}
    {% set table = load_relation(relation) %}
    {{ return(table.information if table is not none else none) }}
{% endmacro %}
