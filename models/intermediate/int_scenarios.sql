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
        scenario_set_id,
        scenario_id,
        raw_scenario_set_id,
        raw_scenario_id,
        sum(row_hash) as content_hash
    from {{ ref('stg_prometheus__scenario_paths') }}
    -- The first by the source's index. Its collation may take two spellings for one id.
    where {{ in_scope('raw_scenario_set_id') }} and {{ in_scope() }}
    group by scenario_set_id, scenario_id, raw_scenario_set_id, raw_scenario_id

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
        content_hash
    from scanned

)

select * from final
