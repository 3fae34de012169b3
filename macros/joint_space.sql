{# The var joint_weights, checked: its numbers become part of a view. #}
{% macro joint_weights() %}
    {% set weights = var("joint_weights") %}
    {% if weights is not mapping or weights | sort != ["profile", "scenario", "stab"] %}
        {{ exceptions.raise_compiler_error(
            "joint_weights must give stab, scenario and profile, not " ~ weights
        ) }}
    {% endif %}
    {% for branch, weight in weights.items() %}
        {% if weight is not number or weight < 0 or (branch == "scenario" and not weight) %}
            {{ exceptions.raise_compiler_error(
                "joint_weights." ~ branch ~ " must be a number of 0 or more (scenario: more"
                ~ " than 0), not " ~ weight
            ) }}
        {% endif %}
    {% endfor %}
    {{ return(weights) }}
{% endmacro %}
