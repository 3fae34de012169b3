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
        -- Postgres sends the highest byte of a float first, readers want the lowest first.
        (
            select
                string_agg(
                    substring(cells.sent from 4 for 1) || substring(cells.sent from 3 for 1)
                    || substring(cells.sent from 2 for 1)
                    || substring(cells.sent from 1 for 1),
                    ''::bytea order by cells.position
                )
            from (
                select
                    float4send(elements.value) as sent,
                    elements.position
                from
                    unnest(embeddings.embedding)
                    with ordinality as elements (value, position)
            ) as cells
        ) as vector,
        null::text as vector_ref,
        created_at
    from embeddings

)

select * from final
