{# Types whose names the engines do not share. #}
{% macro type_text() -%}
    {{ adapter.dispatch("type_text")() }}
{%- endmacro %}

{% macro postgres__type_text() -%}
    text
{%- endmacro %}

{% macro spark__type_text() -%}
    string
{%- endmacro %}


{% macro type_double() -%}
    {{ adapter.dispatch("type_double")() }}
{%- endmacro %}

{% macro postgres__type_double() -%}
    float8
{%- endmacro %}

{% macro spark__type_double() -%}
    double
{%- endmacro %}


{# Spark keeps JSON as text. #}
{% macro type_json() -%}
    {{ adapter.dispatch("type_json")() }}
{%- endmacro %}

{% macro postgres__type_json() -%}
    jsonb
{%- endmacro %}

{% macro spark__type_json() -%}
    string
{%- endmacro %}


{% macro type_moment() -%}
    {{ adapter.dispatch("type_moment")() }}
{%- endmacro %}

{% macro postgres__type_moment() -%}
    timestamptz
{%- endmacro %}

{% macro spark__type_moment() -%}
    timestamp
{%- endmacro %}


{% macro type_array(element) -%}
    {{ adapter.dispatch("type_array")(element) }}
{%- endmacro %}

{% macro postgres__type_array(element) -%}
    {{ element }}[]
{%- endmacro %}

{% macro spark__type_array(element) -%}
    array<{{ element }}>
{%- endmacro %}


{#
    A cast that fails where the value is not of the type. Postgres never does otherwise;
    dbt-spark switches that off (spark.sql.ansi.enabled), and a plain cast would give NULL.
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


{# A query that finds the column's type where it is not an array of float4 or float8. #}
{% macro other_element_type(relation, column, element_type) -%}
    {{ adapter.dispatch("other_element_type")(relation, column, element_type) }}
{%- endmacro %}

{% macro postgres__other_element_type(relation, column, element_type) -%}
select
    format_type(atttypid, atttypmod) as actual,
    '{{ element_type }}[]'::regtype::text as expected
from pg_attribute
where
    attrelid = to_regclass({{ dbt.string_literal(relation.include(database=false) | string) }})
    and attname = '{{ column }}'
    and atttypid is distinct from '{{ element_type }}[]'::regtype
{%- endmacro %}

{% macro spark__other_element_type(relation, column, element_type) -%}
{% set expected = type_array({"float4": "float", "float8": "double"}[element_type]) %}
{% set actual = [] %}
{% for found in adapter.get_columns_in_relation(relation) if found.name == column %}
    {% do actual.append(found.dtype) %}
{% endfor %}
select
    '{{ actual | join(", ") }}' as actual,
    '{{ expected }}' as expected
where '{{ actual | join(", ") }}' <> '{{ expected }}'
{%- endmacro %}
