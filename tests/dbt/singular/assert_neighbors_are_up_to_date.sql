-- A reader would take a scenario for near that is gone, or miss one. An error for the
-- encoders that have just run (var encoded_model_ids), which nobody else can write to. A
-- warning in a plain `dbt test`, which may come before the encoder.
{{ config(severity="error" if var("encoded_model_ids") else "warn") }}

{% set model_ids = var("neighbor_model_ids") %}
{% if var("encoded_model_ids") %}
    {% set model_ids = model_ids | select("in", var("encoded_model_ids")) | list %}
{% endif %}

with

vectors as (

    select distinct
        model_id,
        entity_id
    from {{ ref('numeric_window_embeddings') }}
    where
        entity_type = 'SCENARIO'
        and model_id = any({{ text_array(model_ids) }})
        -- A vector of zeros has no direction.
        and ({{ text_literal(var("neighbor_metric")) }} = 'l2' or 0 <> any(embedding))

),

neighbors as (

    select * from {{ ref('scenario_neighbors') }}
    where model_id = any({{ text_array(model_ids) }})

),

expected as (

    select
        model_id,
        entity_id,
        least(
            {{ var("num_neighbors") }}, count(*) over (partition by model_id) - 1
        ) as num_neighbors
    from vectors

),

found as (

    select
        model_id,
        entity_id,
        count(*) as num_neighbors,
        max(neighbor_rank) as last_rank
    from neighbors
    group by model_id, entity_id

),

in_order as (

    select
        model_id,
        entity_id,
        neighbor_entity_id,
        distance < lag(distance) over (
            partition by model_id, entity_id order by neighbor_rank
        ) as is_nearer_than_the_one_before
    from neighbors

)

select
    coalesce(expected.model_id, found.model_id) as model_id,
    coalesce(expected.entity_id, found.entity_id) as entity_id,
    'number of neighbours' as problem
from expected
full outer join found
    on
        expected.model_id = found.model_id
        and expected.entity_id = found.entity_id
where
    expected.num_neighbors is distinct from coalesce(found.num_neighbors, 0)
    or found.num_neighbors <> found.last_rank

union all

select
    in_order.model_id,
    in_order.entity_id,
    'order or vector of ' || in_order.neighbor_entity_id as problem
from in_order
left join vectors
    on
        in_order.model_id = vectors.model_id
        and in_order.neighbor_entity_id = vectors.entity_id
where in_order.is_nearer_than_the_one_before or vectors.entity_id is null
