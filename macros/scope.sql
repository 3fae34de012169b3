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


{# The var scenario_model_ids, checked: a text would be read letter by letter. #}
{% macro scenario_model_ids() %}
    {% set model_ids = var("scenario_model_ids") %}
    {% if model_ids is string or model_ids is mapping or model_ids is not iterable
        or model_ids | reject("string") | list %}
        {{ exceptions.raise_compiler_error(
            "scenario_model_ids must be a list of encoders, not " ~ model_ids
        ) }}
    {% endif %}
    {{ return(model_ids | list) }}
{% endmacro %}


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
    True for the scenarios that this run is about: the sets in scope, and of each the first
    N scenarios (var scenario_limit). `scenarios` is an alias of int_scenarios.
#}
{% macro in_limited_scope(scenarios) -%}
    {{ in_scope(scenarios ~ ".scenario_set_id") }}
    {%- if scenario_limit() is not none %}
        and {{ scenarios }}.scenario_rank <= {{ scenario_limit() }}
    {%- endif %}
{%- endmacro %}


{#
    True for the scenarios whose panels this run builds: as above, but on Spark all of a set,
    whose partition is written whole. `scenarios` is an alias of int_scenarios.
#}
{% macro in_panel_scope(scenarios) -%}
    {%- if target.type == "spark" -%}
        {{ in_scope(scenarios ~ ".scenario_set_id") }}
    {%- else -%}
        {{ in_limited_scope(scenarios) }}
    {%- endif -%}
{%- endmacro %}


{#
    The order of scenario ids within a set: whole numbers as numbers (2 before 10), then
    everything else by code point.
#}
{% macro scenario_order(scenario_id) -%}
    case
        when {{ matches(scenario_id, '^-?[0-9]{1,18}$') }} then {{ scenario_id }}::bigint
    end nulls last,
    {{ by_code_point(scenario_id) }}
{%- endmacro %}
