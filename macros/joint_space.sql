{# The var joint_scenario_model_id, checked: by an unknown encoder, the space is empty. #}
{% macro joint_scenario_model_id() %}
    {% set model_id, model_ids = var("joint_scenario_model_id"), scenario_model_ids() %}
    {% if model_id not in model_ids %}
        {{ exceptions.raise_compiler_error(
            "joint_scenario_model_id must be one of scenario_model_ids ("
            ~ model_ids | join(", ") ~ "), not " ~ model_id
        ) }}
    {% endif %}
    {{ return(model_id) }}
{% endmacro %}


{# The var joint_weights, checked: its numbers become part of a view. #}
{% macro joint_weights() %}
    {% set weights = var("joint_weights") %}
    {% if weights is not mapping or weights | sort != ["profile", "scenario", "stab"] %}
        {{ exceptions.raise_compiler_error(
            "joint_weights must give stab, scenario and profile, not " ~ weights
        ) }}
    {% endif %}
    {% for branch, weight in weights.items() %}
        {% if weight is boolean or weight is not number or weight < 0
            or (branch == "scenario" and not weight) %}
            {{ exceptions.raise_compiler_error(
                "joint_weights." ~ branch ~ " must be a number of 0 or more (scenario: more"
                ~ " than 0), not " ~ weight
            ) }}
        {% endif %}
    {% endfor %}
    {{ return(weights) }}
{% endmacro %}
