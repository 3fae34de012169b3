{{
    config(
        materialized='incremental',
        indexes=[{'columns': ['scenario_set_id', 'scenario_id'], 'unique': true}],
        pre_hook="{{ clear_scope() }}",
        post_hook="{{ analyze_columns(['scenario_set_id', 'scenario_id', 'scenario_rank']) }}"
    )
}}

with

-- The one scan of all rows in scope. What has not changed is not read again.
scanned as (

    select
        raw_scenario_set_id,
        raw_scenario_id,
        count(*) as num_rows,
        sum(row_hash) as content_hash
    from {{ ref('stg_prometheus__scenario_paths') }}
    where {{ in_scope('raw_scenario_set_id') }}
    group by raw_scenario_set_id, raw_scenario_id

),

identified as (

    select
        *,
        {{ canonical_id('raw_scenario_set_id') }} as scenario_set_id,
        {{ canonical_id('raw_scenario_id') }} as scenario_id
    from scanned

),

final as (

    select
        -- ids
        scenario_set_id,
        scenario_id,
        raw_scenario_set_id,
        raw_scenario_id,

        -- order
        row_number() over (
            partition by scenario_set_id
            order by {{ scenario_order('scenario_id') }}
        )::int as scenario_rank,

        -- what is there
        num_rows,
        content_hash
    from identified

)

select * from final
