{# A var's value as a SQL literal: quotes in a set's id stay inside it. #}
{% macro text_literal(value) -%}
    {{ dbt.string_literal(dbt.escape_single_quotes(value | string)) }}
{%- endmacro %}


{#
    True for rows of the scenario sets in scope: one set (var scenario_set_id), or all.
    Never used in a view, whose text would outlive the run that had the var.
#}
{% macro in_scope(column="scenario_set_id") -%}
    {%- if var("scenario_set_id") is none -%}
        true
    {%- else -%}
        {{ column }} = {{ text_literal(var("scenario_set_id")) }}
    {%- endif -%}
{%- endmacro %}


{# The var scenario_limit as a number, or none. #}
{% macro scenario_limit() %}
    {% set limit = var("scenario_limit") %}
    {% if limit is not none and (limit is not integer or limit < 1) %}
        {{ exceptions.raise_compiler_error(
            "scenario_limit must be a whole number of at least 1, not " ~ limit
        ) }}
    {% endif %}
    {{ return(limit) }}
{% endmacro %}


{#
    The order of scenario ids within a set: whole numbers as numbers (2 before 10), then
    everything else by code point, whatever the database's locale.
#}
{% macro scenario_order(column="scenario_id") -%}
    case
        when {{ column }}::text ~ '^-?[0-9]{1,18}$' then {{ column }}::text::bigint
    end nulls last,
    {{ column }}::text collate "C"
{%- endmacro %}
