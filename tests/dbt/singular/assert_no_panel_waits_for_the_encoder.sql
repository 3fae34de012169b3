-- A panel without a vector would be missing from every search. A warning before the encoder
-- has run, an error after it (var encoded_model_ids). Models that nobody has begun to use
-- are not waited for; where none has been begun, all of them are.
{{ config(severity="error" if var("encoded_model_ids") else "warn") }}

{% set encoded_model_ids = text_array(var("encoded_model_ids")) %}

{% set waiting %}
    with

    -- (Named once: Postgres would write to disk what is named twice.)
    embeddings as (

        select * from {{ ref('numeric_window_embeddings') }}
        where entity_type = 'SCENARIO'

    ),

    begun as (

        select distinct model_id from {{ ref('numeric_window_embeddings') }}
        where
            entity_type = 'SCENARIO'
            and {{ holds(text_array(var("scenario_model_ids")), "model_id") }}

    ),

    models as (

        select model_id from {{ elements(encoded_model_ids) }} as encoded (model_id)

        union all

        select model_id from {{ ref('int_encoder_limits') }}
        where
            cardinality({{ encoded_model_ids }}) = 0
            and {{ holds(text_array(var("scenario_model_ids")), "model_id") }}
            and (
                model_id in (select begun.model_id from begun)
                or not exists (select 1 from begun)
            )

    )

    select
        panels.model_id,
        panels.scenario_set_id,
        panels.scenario_id,
        panels.panel_fingerprint
    from ({{ limited_scenarios() }}) as limited
    inner join {{ ref('int_scenario_panels_per_model') }} as panels
        on
            limited.scenario_set_id = panels.scenario_set_id
            and limited.scenario_id = panels.scenario_id
            and panels.is_taken
    inner join models on panels.model_id = models.model_id
    left join embeddings
        on
            panels.entity_id = embeddings.entity_id
            and panels.as_of_date = embeddings.as_of_date
            and panels.model_id = embeddings.model_id
            and panels.panel_fingerprint = embeddings.panel_fingerprint
    where embeddings.entity_id is null
{% endset %}

{#- (After the encoder, one that waits is an error, and says so itself.) #}
{% if execute and not var("encoded_model_ids") and flags.WHICH in ("build", "test") %}
    {% set num_waiting = run_query(
        "select count(*) from (" ~ waiting ~ ") as waiting"
    ).rows[0][0] %}
    {% if num_waiting %}
        {{ log(
            num_waiting ~ " vectors wait for the encoder; to write them:"
            ~ " python -m python_encoders encode --model-id all",
            info=true
        ) }}
    {% endif %}
{% endif %}

{{ waiting }}
