-- The demonstration data, where it is loaded at all, is loaded first:
-- depends_on: {{ ref('scenario_paths') }}

-- Without CTEs, because Postgres looks rows up by index only through a view that has none.
select
    -- ids
    scenario_set_id,
    scenario_id,
    {{ num_not_null(['instrument_id', 'factor_id', 'macro_id']) }} as num_series_ids,
    case
        when {{ num_not_null(['instrument_id', 'factor_id', 'macro_id']) }} <> 1 then null
        when instrument_id is not null then 'INSTRUMENT'
        when factor_id is not null then 'FACTOR'
        else 'MACRO'
    end as series_kind,
    case
        when {{ num_not_null(['instrument_id', 'factor_id', 'macro_id']) }} <> 1 then null
        when instrument_id is not null then instrument_id
        when factor_id is not null
            then {{ qualified_series_id('FACTOR', 'factor_id') }}
        else {{ qualified_series_id('MACRO', 'macro_id') }}
    end as series_id,

    -- ids as the source writes them: its primary key orders by these
    raw_instrument_id,
    raw_factor_id,
    raw_macro_id,

    -- numbers
    {{ cast_or_fail('horizon_index', 'int') }} as horizon_index,
    {{ cast_or_fail('return_value', type_double()) }} as return_value,

    -- hashes, to tell what has changed
    cell_hash,
    {{ value_hash('return_value::' ~ type_double(), 'cell_hash') }} as value_hash
from (
    select
        scenario_set_id,
        -- In the source's own type: a cast here would cost the index on it.
        scenario_id,
        horizon_index,
        instrument_id as raw_instrument_id,
        factor_id as raw_factor_id,
        macro_id as raw_macro_id,
        {{ null_if_sentinel('instrument_id') }} as instrument_id,
        {{ null_if_sentinel('factor_id') }} as factor_id,
        {{ null_if_sentinel('macro_id') }} as macro_id,
        {{ cell_hash('horizon_index', 'instrument_id', 'factor_id', 'macro_id') }}
            as cell_hash,
        return_value
    from {{ source('prometheus', 'scenario_paths') }}
    -- A row without these belongs to no scenario; the source's tests count such rows.
    where {{ names_a_set('scenario_set_id') }} and scenario_id is not null
) as source
