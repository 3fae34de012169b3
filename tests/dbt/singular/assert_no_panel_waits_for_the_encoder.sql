-- A panel without a vector would be missing from every search. A warning before the encoder
-- has run, an error after it (var encoded_model_ids).
{{ config(severity="error" if var("encoded_model_ids") else "warn") }}

{% set model_ids = var("encoded_model_ids") or var("scenario_model_ids") %}

{% set waiting %}
    select
        models.model_id,
        panels.scenario_set_id,
        panels.scenario_id,
        panels.panel_fingerprint
    from ({{ limited_scenarios() }}) as limited
    inner join {{ ref('scenario_panels') }} as panels
        on
            limited.scenario_set_id = panels.scenario_set_id
            and limited.scenario_id = panels.scenario_id
    cross join unnest({{ text_array(model_ids) }}) as models (model_id)
    left join {{ ref('numeric_window_embeddings') }} as embeddings
        on
            embeddings.entity_type = 'SCENARIO'
            and panels.scenario_set_id || ':' || panels.scenario_id = embeddings.entity_id
            and panels.as_of_date = embeddings.as_of_date
            and models.model_id = embeddings.model_id
            and panels.panel_fingerprint = embeddings.panel_fingerprint
    where embeddings.entity_id is null
{% endset %}

{% if execute and flags.WHICH in ("build", "test") %}
    {% set num_waiting = run_query(
        "select count(*) from (" ~ waiting ~ ") as waiting"
    ).rows[0][0] %}
    {% if num_waiting %}
        {{ log(
            num_waiting ~ " panels wait for the encoder; to encode them:"
            ~ " python -m python_encoders encode",
            info=true
        ) }}
    {% endif %}
{% endif %}

{{ waiting }}
