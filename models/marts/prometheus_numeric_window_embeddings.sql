with

embeddings as (

    select * from {{ ref('numeric_window_embeddings') }}
    where entity_type = 'SCENARIO'

),

final as (

    select
        entity_type,
        entity_id,
        window_spec,
        as_of_date,
        model_id,
        {{ little_endian_bytes('embeddings.embedding') }} as vector,
        null::{{ type_text() }} as vector_ref,
        created_at
    from embeddings

)

select * from final
