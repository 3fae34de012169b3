-- A panel without a vector would be missing from every search. A warning before the encoder
-- has run, an error after it (var encoded_model_ids). Models that nobody has begun to use
-- are not waited for; where none has been begun, all of them are.
{{ config(severity="error" if var("encoded_model_ids") else "warn") }}

{% set encoded_model_ids = text_array(var("encoded_model_ids")) %}

{% set pending %}
    with

    embeddings as (

        select * from {{ ref('numeric_window_embeddings') }}
        where entity_type = 'SCENARIO'

    ),

    begun as (

        select distinct model_id from {{ ref('numeric_window_embeddings') }}
        where
            entity_type = 'SCENARIO'
            and {{ array_contains(text_array(scenario_model_ids()), "model_id") }}

    ),

    models as (

        select model_id from {{ elements_of(encoded_model_ids) }} as encoded (model_id)

        union all

        select model_id from {{ ref('encoder_limits') }}
        where
            cardinality({{ encoded_model_ids }}) = 0
            and {{ array_contains(text_array(scenario_model_ids()), "model_id") }}
            and (
                model_id in (select begun.model_id from begun)
                or not exists (select 1 from begun)
            )

    )

    select
        expected.model_id,
        expected.scenario_set_id,
        expected.scenario_id,
        expected.panel_fingerprint
    from {{ ref('int_expected_embeddings') }} as expected
    inner join models on expected.model_id = models.model_id
    inner join {{ ref('int_scenarios') }} as scenarios
        on
            expected.scenario_set_id = scenarios.scenario_set_id
            and expected.scenario_id = scenarios.scenario_id
    left join embeddings
        on
            expected.entity_id = embeddings.entity_id
            and expected.as_of_date = embeddings.as_of_date
            and expected.model_id = embeddings.model_id
            and expected.panel_fingerprint = embeddings.panel_fingerprint
    where
        expected.is_supported
        and embeddings.entity_id is null
        and {{ in_limited_scope('scenarios') }}
{% endset %}

{#- (After the encoder, a pending one is an error, and says so itself.) #}
{% if execute and not var("encoded_model_ids") and flags.WHICH in ("build", "test") %}
    {% set num_pending = run_query(
        "select count(*) from (" ~ pending ~ ") as pending"
    ).rows[0][0] %}
    {% if num_pending %}
        {{ log(
            "vectors that wait for the encoder: " ~ num_pending
            ~ "; to write them: scenario-embeddings encode --model-id all",
            info=true
        ) }}
    {% endif %}
{% endif %}

{{ pending }}
