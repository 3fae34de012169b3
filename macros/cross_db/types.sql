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
