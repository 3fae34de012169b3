{# The scenarios in scope of this run: the sets' own (var scenario_set_id), the first N. #}
{% macro limited_scenarios() -%}
    select
        scenario_set_id,
        scenario_id
    from {{ ref('int_scenarios_ranked') }}
    where
        {{ in_scope() }}
        {% if scenario_limit() is not none -%}
            and scenario_rank <= {{ scenario_limit() }}
        {%- endif %}
{%- endmacro %}
