-- The demonstration data, where it is loaded at all, is loaded first:
-- depends_on: {{ ref('scenario_sets') }}

with

source as (

    select
        scenario_set_id,
        -- Deployments differ in their columns; a row as jsonb can be asked for any of
        -- them, and this table is small.
        to_jsonb(scenario_sets) as columns
    from {{ source('prometheus', 'scenario_sets') }} as scenario_sets

),

created as (

    select
        *,
        -- A time without a zone is taken as UTC, whatever the session's zone.
        (
            columns ->> 'created_at'
            || case
                when columns ->> 'created_at' ~ 'T.*[-+][0-9:]+$' then ''
                else '+00'
            end
        )::timestamptz as created_at
    from source

),

renamed as (

    select
        -- ids
        scenario_set_id::text as scenario_set_id,

        -- texts
        columns ->> 'name' as set_name,
        columns ->> 'description' as set_description,
        columns ->> 'category' as category,
        columns -> 'metadata' as metadata,

        -- numbers
        (columns ->> 'horizon_days')::int as horizon_days,
        (columns ->> 'num_paths')::int as num_paths,

        -- times
        coalesce(
            (columns ->> 'base_date_end')::date,
            (columns ->> 'as_of_date')::date,
            (columns ->> 'scenario_date')::date,
            (created_at at time zone 'UTC')::date
        ) as as_of_date,
        created_at
    from created

)

select * from renamed
