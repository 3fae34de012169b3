{#
    The scenarios in scope whose rows, or the verdict on whose layout, are not what this
    model's table was made from; and of these the ones that meet the condition, which may
    name `scenarios` (int_scenarios) and `verdicts` (int_scenario_layouts).
#}
{% macro due_scenarios(verdict, condition) -%}
    select
        scenarios.scenario_set_id,
        scenarios.scenario_id,
        scenarios.source_scenario_id,
        scenarios.is_shared_entity_id,
        scenarios.num_rows,
        scenarios.layout_hash,
        scenarios.values_hash
    from {{ ref('int_scenarios') }} as scenarios
    inner join {{ ref('int_scenario_layouts') }} as verdicts
        on
            scenarios.scenario_set_id = verdicts.scenario_set_id
            and scenarios.num_rows = verdicts.num_rows
            and scenarios.layout_hash = verdicts.layout_hash
    {% if leaves_unchanged() -%}
    left join {{ this }} as known
        on
            scenarios.scenario_set_id = known.scenario_set_id
            and scenarios.scenario_id = known.scenario_id
    {% endif -%}
    where
        {{ in_scope('scenarios.scenario_set_id') }}
        and {{ condition }}
        {% if scenario_limit() is not none -%}
        and scenarios.scenario_rank <= {{ scenario_limit() }}
        {% endif -%}
        {% if leaves_unchanged() -%}
        and (
            known.scenario_id is null
            or not {{ same_rows('scenarios', 'known') }}
            or scenarios.is_shared_entity_id is distinct from known.is_shared_entity_id
            {% for column in verdict -%}
            or verdicts.{{ column }} is distinct from known.{{ column }}
            {% endfor -%}
            or (known.is_sound and verdicts.series_ids is distinct from known.series_ids)
        )
        {%- endif %}
{%- endmacro %}
