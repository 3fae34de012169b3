-- A vector whose scenario has changed, has been rejected or has gone would go on answering
-- searches for a panel that no longer exists. A warning before the encoder has run, an
-- error after it (var encoded_model_ids).
{{ config(severity="error" if var("encoded_model_ids") else "warn") }}

{% set model_ids = var("encoded_model_ids") or var("scenario_model_ids") %}
{#- Named in any case, as the macro says. #}
{% set limited = limited_scenarios() %}

with

embeddings as (

    select * from {{ ref('numeric_window_embeddings') }}
    where
        entity_type = 'SCENARIO'
        and {{ holds(text_array(model_ids), 'model_id') }}
        and {{ in_scope(json_text('window_spec', 'scenario_set_id')) }}
    {% if scenario_limit() is not none %}
            and (
                {{ json_text('window_spec', 'scenario_set_id') }},
                {{ json_text('window_spec', 'scenario_id') }}
            )
            in ({{ limited }})
        {% endif %}

)

select
    embeddings.entity_id,
    embeddings.as_of_date,
    embeddings.model_id,
    embeddings.panel_fingerprint
from embeddings
left join {{ ref('int_scenario_panels_per_model') }} as panels
    on
        panels.is_taken
        and embeddings.entity_id = panels.entity_id
        and embeddings.as_of_date = panels.as_of_date
        and embeddings.model_id = panels.model_id
        and embeddings.panel_fingerprint = panels.panel_fingerprint
where panels.entity_id is null
