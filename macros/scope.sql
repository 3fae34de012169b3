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
    {%- set id = column ~ "::" ~ type_text() -%}
    case
        when {{ matches(id, '^-?[0-9]{1,18}$') }} then {{ id }}::bigint
    end nulls last,
    {{ by_code_point(id) }}
{%- endmacro %}
