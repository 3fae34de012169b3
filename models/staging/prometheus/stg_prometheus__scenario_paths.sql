-- The demonstration data, where it is loaded at all, is loaded first:
-- depends_on: {{ ref('scenario_paths') }}

-- Subqueries instead of CTEs: Postgres merges them with the queries that read the view, and
-- finds rows by the source's index.
{% set types = column_types(source('prometheus', 'scenario_paths')) -%}

select
    *,
    {{ row_hash(
        'horizon_index', ['instrument_id', 'factor_id', 'macro_id'], 'return_value'
    ) }} as row_hash
from (
    select
        -- ids in the source's own types, which its indexes know
        scenario_set_id as raw_scenario_set_id,
        scenario_id as raw_scenario_id,

        -- ids as text; the source may write NULL or '' where a row has no such id
        {{ canonical_id('scenario_set_id', types) }} as scenario_set_id,
        {{ canonical_id('scenario_id', types) }} as scenario_id,
        coalesce({{ canonical_id('instrument_id', types) }}, '') as instrument_id,
        coalesce({{ canonical_id('factor_id', types) }}, '') as factor_id,
        coalesce({{ canonical_id('macro_id', types) }}, '') as macro_id,

        -- numbers; NULL where the source's is none
        {{ int_or_null('horizon_index', types) }} as horizon_index,
        {{ double_or_null('return_value', types) }} as return_value
    from {{ source('prometheus', 'scenario_paths') }}
    -- A row without these belongs to no scenario. The source's tests count such rows.
    where {{ names_a_set('scenario_set_id') }} and scenario_id is not null
) as paths
