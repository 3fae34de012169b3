-- A scenario that is missing from the joint space, or is there twice, would bias whatever is
-- averaged over the space.
with

vectors as (

    select
        as_of_date,
        window_spec ->> 'scenario_set_id' as scenario_set_id,
        window_spec ->> 'scenario_id' as scenario_id
    from {{ ref('numeric_window_embeddings') }}
    where
        entity_type = 'SCENARIO'
        and model_id = {{ text_literal(var('joint_scenario_model_id')) }}

),

places as (

    select
        as_of_date,
        entity_scope ->> 'scenario_set_id' as scenario_set_id,
        entity_scope ->> 'scenario_id' as scenario_id
    from {{ ref('joint_embeddings') }}

)

(
    select * from vectors
    except all
    select * from places
)

union all

(
    select * from places
    except all
    select * from vectors
)
