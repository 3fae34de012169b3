{# A 64-bit float: dbt.type_float() is 32 bits on Spark.   `value::{{ type_double() }}` #}
{% macro type_double() -%}
    {{ "double" if target.type == "spark" else "float8" }}
{%- endmacro %}


{# JSON; Spark keeps it as text.   `null::{{ type_json() }}` #}
{% macro type_json() -%}
    {{ "string" if target.type == "spark" else "jsonb" }}
{%- endmacro %}


{# A point in time.   `null::{{ type_moment() }}` #}
{% macro type_moment() -%}
    {{ "timestamp" if target.type == "spark" else "timestamptz" }}
{%- endmacro %}


{# An array of a type.   `null::{{ type_array('real') }}` #}
{% macro type_array(element) -%}
    {{ "array<" ~ element ~ ">" if target.type == "spark" else element ~ "[]" }}
{%- endmacro %}


{#
    A cast that fails where the value is not of the type. Postgres never does otherwise;
    dbt-spark switches that off (spark.sql.ansi.enabled), and a plain cast would give NULL.

        {{ cast_or_fail('horizon_index', 'int') }}
#}
{% macro cast_or_fail(value, type) -%}
    {{ adapter.dispatch("cast_or_fail")(value, type) }}
{%- endmacro %}

{% macro postgres__cast_or_fail(value, type) -%}
    {{ value }}::{{ type }}
{%- endmacro %}

{% macro spark__cast_or_fail(value, type) -%}
    coalesce(
        try_cast({{ value }} as {{ type }}),
        if(
            {{ value }} is null,
            null,
            raise_error(concat('not of type {{ type }}: ', {{ value }}))
        )
    )
{%- endmacro %}


{#
    The types of a table's columns by name; of a domain, the type below it. Empty where the
    table is not there: while dbt parses, and in a unit test.

        {% set types = column_types(source('prometheus', 'scenario_paths')) %}
#}
{% macro column_types(table) %}
    {% set types = {} %}
    {% if execute and table.schema %}
        {% do types.update(adapter.dispatch("column_types")(table)) %}
    {% endif %}
    {{ return(types) }}
{% endmacro %}

{# (dbt's own macro does not see the columns of a materialized view.) #}
{% macro postgres__column_types(table) %}
    {% set types = {} %}
    {% set columns = run_query(
        "select columns.attname::text,"
        ~ " format_type(coalesce(nullif(types.typbasetype, 0), types.oid), null)"
        ~ " from pg_catalog.pg_attribute as columns"
        ~ " inner join pg_catalog.pg_type as types on columns.atttypid = types.oid"
        ~ " where columns.attrelid = to_regclass(" ~ text_literal(table) ~ ")"
        ~ " and columns.attnum > 0 and not columns.attisdropped"
    ) %}
    {% for name, type in columns.rows %}
        {% do types.update({name: type}) %}
    {% endfor %}
    {{ return(types) }}
{% endmacro %}

{% macro spark__column_types(table) %}
    {% set types = {} %}
    {% if load_relation(table) %}
        {% for column in adapter.get_columns_in_relation(table) %}
            {% do types.update({column.name: column.dtype}) %}
        {% endfor %}
    {% endif %}
    {{ return(types) }}
{% endmacro %}


{#
    A column as a whole number (int), NULL where it is none: one row must not fail the run.

        {{ int_or_null('horizon_index', types) }}

    Arguments: the column, or an expression that is text; what `column_types` gives.
#}
{% macro int_or_null(column, types={}) -%}
    {{ adapter.dispatch("int_or_null")(column, types) }}
{%- endmacro %}

{% macro postgres__int_or_null(column, types) -%}
    {%- set type = types.get(column, "text") -%}
    {%- if type in ["smallint", "integer"] -%}
        {{ column }}::int
    {%- else -%}
        {%- set is_number = type in ["bigint", "numeric", "real", "double precision"] -%}
        {%- set number = column if is_number else column ~ "::text::numeric" -%}
        case
            {%- if not is_number %}
            when {{ column }}::text
                !~ '^[[:space:]]*[-+]?[0-9]{1,18}([.]0*)?[[:space:]]*$'
                then null
            {%- endif %}
            when {{ number }} not between -2147483648 and 2147483647 then null
            when {{ number }} = trunc({{ number }}) then {{ number }}::int
        end
    {%- endif -%}
{%- endmacro %}

{% macro spark__int_or_null(column, types) -%}
    case
        when try_cast({{ column }} as double) = floor(try_cast({{ column }} as double))
            then try_cast(try_cast({{ column }} as double) as int)
    end
{%- endmacro %}


{#
    A column as a 64-bit float, NULL where it is none, or beyond what one holds.

        {{ double_or_null('return_value', types) }}

    Arguments: the column; what `column_types` gives.
#}
{% macro double_or_null(column, types) -%}
    {{ adapter.dispatch("double_or_null")(column, types) }}
{%- endmacro %}

{% macro postgres__double_or_null(column, types) -%}
    {%- set type = types.get(column, "text") -%}
    {%- if type in ["smallint", "integer", "bigint", "real", "double precision"] -%}
        {{ column }}::float8
    {%- else -%}
        {%- set number = column if type == "numeric" else column ~ "::text::numeric" -%}
        {#- (A cast of a numeric fails below the smallest double too.) -#}
        case
            {%- if type != "numeric" %}
            when {{ column }}::text
                !~ '^[[:space:]]*[-+]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][-+]?[0-9]{1,3})?[[:space:]]*$'
                then null
            {%- endif %}
            when {{ number }} = 0 or abs({{ number }}) between 1e-307 and 1.7e308
                then {{ number }}::float8
        end
    {%- endif -%}
{%- endmacro %}

{% macro spark__double_or_null(column, types) -%}
    try_cast({{ column }} as double)
{%- endmacro %}
