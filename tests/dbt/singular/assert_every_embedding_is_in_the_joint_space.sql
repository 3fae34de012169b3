-- A scenario that is missing from the joint space, or there twice, would bias whatever is
-- averaged over it.

with

vectors as (

    select
        as_of_date,
        window_spec ->> 'scenario_set_id' as scenario_set_id,
        window_spec ->> 'scenario_id' as scenario_id
    from {{ ref('numeric_window_embeddings') }}
    where
        entity_type = 'SCENARIO'
        and model_id = {{ text_literal(joint_scenario_model_id()) }}

),

positions as (

    select
        as_of_date,
        entity_scope ->> 'scenario_set_id' as scenario_set_id,
        entity_scope ->> 'scenario_id' as scenario_id
    from {{ ref('joint_embeddings') }}

)

select
    coalesce(vectors.scenario_set_id, positions.scenario_set_id) as scenario_set_id,
    coalesce(vectors.scenario_id, positions.scenario_id) as scenario_id,
    coalesce(vectors.as_of_date, positions.as_of_date) as as_of_date,
    count(vectors.scenario_id) as num_vectors,
    count(positions.scenario_id) as num_positions
from vectors
full outer join positions
    on
        vectors.scenario_set_id = positions.scenario_set_id
        and vectors.scenario_id = positions.scenario_id
        and vectors.as_of_date = positions.as_of_date
group by 1, 2, 3
having count(vectors.scenario_id) <> 1 or count(positions.scenario_id) <> 1
