-- A vector whose scenario has changed, has been rejected or has gone would go on answering
-- searches for a panel that no longer exists. A warning before the encoder has run, an
-- error after it (var encoded_model_ids).
{{ config(severity="error" if var("encoded_model_ids") else "warn") }}

with

embeddings as (

    select
        entity_id,
        as_of_date,
        model_id,
        panel_fingerprint,
        {{ json_text('window_spec', 'scenario_set_id') }} as scenario_set_id,
        {{ json_text('window_spec', 'scenario_id') }} as scenario_id
    from {{ ref('numeric_window_embeddings') }}
    where
        entity_type = 'SCENARIO'
        and {{ array_contains(
            text_array(var("encoded_model_ids") or scenario_model_ids()), 'model_id'
        ) }}

)

select
    embeddings.entity_id,
    embeddings.as_of_date,
    embeddings.model_id,
    embeddings.panel_fingerprint
from embeddings
left join {{ ref('int_expected_embeddings') }} as expected
    on
        expected.is_supported
        and embeddings.entity_id = expected.entity_id
        and embeddings.as_of_date = expected.as_of_date
        and embeddings.model_id = expected.model_id
        and embeddings.panel_fingerprint = expected.panel_fingerprint
left join {{ ref('int_scenarios') }} as scenarios
    on
        embeddings.scenario_set_id = scenarios.scenario_set_id
        and embeddings.scenario_id = scenarios.scenario_id
left join {{ ref('int_scenario_panels') }} as judged
    on
        judged.content_hash is not null
        and embeddings.scenario_set_id = judged.scenario_set_id
        and embeddings.scenario_id = judged.scenario_id
where
    expected.entity_id is null
    and {{ in_scope('embeddings.scenario_set_id') }}
    -- A scenario that dbt has seen and not judged is pending.
    and (scenarios.scenario_id is null or judged.scenario_id is not null)
    -- The encoder keeps the vectors of a set that was away while dbt read the source, and
    -- was back after that.
    and (
        {{ 'false' if var("encoded_model_ids") else 'true' }}
        or embeddings.scenario_set_id in (
            select sets.scenario_set_id from {{ ref('int_scenario_sets') }} as sets
        )
    )
    -- A limited run says nothing of what lies beyond its limit.
{% if scenario_limit() is not none -%}
    and scenarios.scenario_rank <= {{ scenario_limit() }}
    {%- endif %}
