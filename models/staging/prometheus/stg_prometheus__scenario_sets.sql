-- The demonstration data, where it is loaded at all, is loaded first:
-- depends_on: {{ ref('scenario_sets') }}

{% set types = column_types(source('prometheus', 'scenario_sets')) -%}

with

source as (

    select
        scenario_set_id,
        -- Deployments differ in their columns; a row as JSON can be asked for any of
        -- them, and this table is small.
        {{ row_as_json('scenario_sets') }} as columns
    from {{ source('prometheus', 'scenario_sets') }} as scenario_sets

),

as_text as (

    select
        *,
        {{ json_text('columns', 'horizon_days') }} as horizon_days,
        {{ json_text('columns', 'num_paths') }} as num_paths,
        {{ json_text('columns', 'base_date_end') }} as base_date_end,
        {{ json_text('columns', 'as_of_date') }} as as_of_date,
        {{ json_text('columns', 'scenario_date') }} as scenario_date,
        {{ json_text('columns', 'created_at') }} as created_at,
        {{ json_member('columns', 'metadata') }} as metadata
    from source

),

renamed as (

    select
        -- ids
        {{ canonical_id('scenario_set_id', types) }} as scenario_set_id,

        -- texts
        {{ json_text('columns', 'name') }} as set_name,
        {{ json_text('columns', 'description') }} as set_description,
        {{ json_text('columns', 'category') }} as category,
        {{ parsed_json('metadata') }} as metadata,

        -- numbers and times; NULL where the source's is none
        {{ int_or_null('horizon_days') }} as horizon_days,
        {{ int_or_null('num_paths') }} as num_paths,
        case
            when base_date_end is not null
                then {{ day_or_null('base_date_end', types.get('base_date_end')) }}
            when as_of_date is not null
                then {{ day_or_null('as_of_date', types.get('as_of_date')) }}
            when scenario_date is not null
                then {{ day_or_null('scenario_date', types.get('scenario_date')) }}
            else {{ utc_day(time_or_null('created_at')) }}
        end as as_of_date,
        {{ time_or_null('created_at') }} as created_at
    from as_text

)

select * from renamed
