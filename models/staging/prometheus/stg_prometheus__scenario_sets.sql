-- The demonstration data, where it is loaded at all, is loaded first:
-- depends_on: {{ ref('scenario_sets') }}

with

source as (

    select
        scenario_set_id,
        -- Deployments differ in their columns; a row as JSON can be asked for any of
        -- them, and this table is small.
        {{ row_as_json('scenario_sets') }} as columns
    from {{ source('prometheus', 'scenario_sets') }} as scenario_sets

),

created as (

    select
        *,
        {{ utc_time(json_text('columns', 'created_at')) }} as created_at
    from source

),

renamed as (

    select
        -- ids
        {{ canonical_id('scenario_set_id') }} as scenario_set_id,

        -- texts
        {{ json_text('columns', 'name') }} as set_name,
        {{ json_text('columns', 'description') }} as set_description,
        {{ json_text('columns', 'category') }} as category,
        {{ json_member('columns', 'metadata') }} as metadata,

        -- numbers
        {{ cast_or_fail(json_text('columns', 'horizon_days'), 'int') }} as horizon_days,
        {{ cast_or_fail(json_text('columns', 'num_paths'), 'int') }} as num_paths,

        -- times
        coalesce(
            {{ date_in_utc(json_text('columns', 'base_date_end')) }},
            {{ date_in_utc(json_text('columns', 'as_of_date')) }},
            {{ date_in_utc(json_text('columns', 'scenario_date')) }},
            {{ utc_day('created_at') }}
        ) as as_of_date,
        created_at
    from created

)

select * from renamed
