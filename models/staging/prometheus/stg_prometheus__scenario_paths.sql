-- The demonstration data, where it is loaded at all, is loaded first:
-- depends_on: {{ ref('scenario_paths') }}

with

source as (

    select
        scenario_set_id,
        -- In the source's own type: a cast here would cost the index on it.
        scenario_id,
        horizon_index,
        instrument_id as raw_instrument_id,
        {{ null_if_sentinel('instrument_id') }} as instrument_id,
        {{ null_if_sentinel('factor_id') }} as factor_id,
        {{ null_if_sentinel('macro_id') }} as macro_id,
        -- Nearly every row is one of these, and this tells it at a fifth of the cost.
        coalesce(
            macro_id = '__NONE__'
            and factor_id = '__INSTRUMENT__'
            and instrument_id <> ''
            and instrument_id not like '\_%',
            false
        ) as is_plain_instrument,
        return_value
    from {{ source('prometheus', 'scenario_paths') }}
    -- A row without these belongs to no scenario; the source's tests count such rows.
    where scenario_set_id is not null and scenario_id is not null

),

renamed as (

    select
        -- ids
        scenario_set_id,
        scenario_id,
        case
            when is_plain_instrument then 1
            else num_nonnulls(instrument_id, factor_id, macro_id)
        end as num_series_ids,
        case
            when is_plain_instrument then 'INSTRUMENT'
            when num_nonnulls(instrument_id, factor_id, macro_id) <> 1 then null
            when instrument_id is not null then 'INSTRUMENT'
            when factor_id is not null then 'FACTOR'
            else 'MACRO'
        end as series_kind,
        case
            when is_plain_instrument then raw_instrument_id
            when num_nonnulls(instrument_id, factor_id, macro_id) <> 1 then null
            when instrument_id is not null then instrument_id
            when factor_id is not null
                then {{ qualified_series_id('FACTOR', 'factor_id') }}
            else {{ qualified_series_id('MACRO', 'macro_id') }}
        end as series_id,

        -- numbers
        horizon_index::int as horizon_index,
        return_value::float8 as return_value
    from source

)

select * from renamed
