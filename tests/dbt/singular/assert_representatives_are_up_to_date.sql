-- A reader would revalue a book on scenarios that no longer stand for the set. An error
-- for the encoders that have just run (var encoded_model_ids), which nobody else can write
-- to. A warning in a plain `dbt test`, which may come before the encoder.
{{ config(severity="error" if var("encoded_model_ids") else "warn") }}

{% set model_ids = var("representative_model_ids") %}
{% if var("encoded_model_ids") %}
    {% set model_ids = model_ids | select("in", var("encoded_model_ids")) | list %}
{% endif %}

with

vectors as (

    select distinct on (model_id, entity_id)
        model_id,
        entity_id,
        panel_fingerprint
    from {{ ref('numeric_window_embeddings') }}
    where
        entity_type = 'SCENARIO'
        and model_id = any({{ text_array(model_ids) }})
        -- A vector of zeros has no direction.
        and ({{ text_literal(var("representative_metric")) }} = 'l2' or 0 <> any(embedding))
    order by model_id asc, entity_id asc, as_of_date desc

),

represented as (

    select * from {{ ref('scenario_representatives') }}
    where model_id = any({{ text_array(model_ids) }})

)

select
    coalesce(vectors.model_id, represented.model_id) as model_id,
    coalesce(vectors.entity_id, represented.entity_id) as entity_id,
    'no row, no vector or another vector' as problem
from vectors
full outer join represented
    on
        vectors.model_id = represented.model_id
        and vectors.entity_id = represented.entity_id
where
    vectors.entity_id is null
    or represented.entity_id is null
    or vectors.panel_fingerprint <> represented.panel_fingerprint

union all

select
    represented.model_id,
    represented.entity_id,
    'represented by ' || represented.representative_id as problem
from represented
left join represented as representatives
    on
        represented.model_id = representatives.model_id
        and represented.scenario_set_id = representatives.scenario_set_id
        and represented.representative_id = representatives.scenario_id
        and representatives.scenario_id = representatives.representative_id
        and representatives.weight > 0
where representatives.entity_id is null

union all

select
    model_id,
    scenario_set_id as entity_id,
    'number or weights of the representatives' as problem
from represented
group by model_id, scenario_set_id
having
    count(*) filter (where weight > 0)
    <> least({{ var("num_representatives") }}, count(*))
    or abs(sum(weight) - 1) > 1e-9
