{{
    config(
        materialized='incremental',
        unique_key=['scenario_set_id', 'scenario_id'],
        indexes=[{'columns': ['scenario_set_id', 'scenario_id'], 'unique': true}],
        full_refresh=none if var('scenario_set_id') is none else false,
        post_hook=[
            "{{ remove_gone(ref('stg_prometheus__scenario_paths')) }}",
            "{{ analyze_table() }}"
        ]
    )
}}

with

paths as (

    select * from {{ ref('stg_prometheus__scenario_paths') }}
    where {{ in_scope() }}

),

-- The one scan of all paths, in any order and by as many workers as there are. What it
-- finds unchanged is not read again.
scanned as (

    select
        scenario_set_id,
        scenario_id,
        count(*) as num_rows,
        {{ hash_of_hashes('cell_hash') }} as layout_hash,
        {{ hash_of_hashes('value_hash') }} as values_hash
    from paths
    group by scenario_set_id, scenario_id

),

set_ids as (

    select scenario_set_id from {{ ref('stg_prometheus__scenario_sets') }}
    {% if is_incremental() %}

    union

    select scenario_set_id from {{ this }}
    {% endif %}

),

set_pairs as (

    select
        shorter.scenario_set_id as shorter_id,
        longer.scenario_set_id as longer_id
    from set_ids as shorter
    inner join set_ids as longer
        on
            left(longer.scenario_set_id, length(shorter.scenario_set_id) + 1)
            = shorter.scenario_set_id || ':'

),

-- `A:B` + `C` and `A` + `B:C` would be one entity_id: neither may take it.
sets_with_prefix as (

    select shorter_id as scenario_set_id from set_pairs
    union
    select longer_id as scenario_set_id from set_pairs

),

entity_ids as (

    select distinct
        scenario_set_id::{{ type_text() }} as scenario_set_id,
        scenario_id::{{ type_text() }} as scenario_id,
        scenario_set_id || ':' || scenario_id as entity_id
    from {{ ref('stg_prometheus__scenario_paths') }}
    where
        scenario_set_id in (
            select sets_with_prefix.scenario_set_id from sets_with_prefix
        )
    {% if is_incremental() %}

    union

    -- Scenarios that have gone from sets that this run is not about still have panels.
    select
        scenario_set_id,
        scenario_id,
        scenario_set_id || ':' || scenario_id as entity_id
    from {{ this }}
    where
        not {{ in_scope() }}
        and scenario_set_id in (
            select sets_with_prefix.scenario_set_id from sets_with_prefix
        )
    {% endif %}

),

shared_entity_ids as (

    select
        scenario_set_id,
        scenario_id,
        count(*) over (partition by entity_id) > 1 as is_shared
    from entity_ids

),

final as (

    select
        -- ids
        scanned.scenario_set_id::{{ type_text() }} as scenario_set_id,
        scanned.scenario_id::{{ type_text() }} as scenario_id,
        -- In the source's own type, by which its index finds the rows.
        scanned.scenario_id as source_scenario_id,
        coalesce(shared_entity_ids.is_shared, false) as is_shared_entity_id,

        -- order
        row_number() over (
            partition by scanned.scenario_set_id
            order by {{ scenario_order('scanned.scenario_id') }}
        )::int as scenario_rank,

        -- what is there
        scanned.num_rows,
        scanned.layout_hash,
        scanned.values_hash,
        false as is_gone
    from scanned
    left join shared_entity_ids
        on
            scanned.scenario_set_id::{{ type_text() }} = shared_entity_ids.scenario_set_id
            and scanned.scenario_id::{{ type_text() }} = shared_entity_ids.scenario_id

)

{{
    changes_of(
        'final',
        key=['scenario_set_id', 'scenario_id'],
        findings=[
            'is_shared_entity_id', 'scenario_rank', 'num_rows', 'layout_hash',
            'values_hash',
        ]
    )
}}
