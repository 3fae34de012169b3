{#
    The built scenarios that this run is about: those of the sets in scope (var
    scenario_set_id), and of these the first N of the source (var scenario_limit).
#}
{% macro limited_scenarios() -%}
    {# Named in any case: a project parsed without a limit may be run with one. -#}
    {% set scenarios = ref('int_scenarios') -%}
    select
        checked.scenario_set_id,
        checked.scenario_id
    from {{ ref('int_scenario_panels_checked') }} as checked
    {% if scenario_limit() is not none -%}
        inner join {{ scenarios }} as scenarios
            on
                checked.scenario_set_id = scenarios.scenario_set_id
                and checked.scenario_id = scenarios.scenario_id
                and scenarios.scenario_rank <= {{ scenario_limit() }}
    {%- endif %}
    where {{ in_scope('checked.scenario_set_id') }}
{%- endmacro %}
