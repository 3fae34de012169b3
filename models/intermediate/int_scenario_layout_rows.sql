{{
    config(
        materialized='incremental',
        pre_hook="{{ clear_scope() }}",
        full_refresh=none if var('scenario_set_id') is none else false
    )
}}

-- Scenarios with the same rows but for their values are looked at once.
{%- set examples -%}
    select
        scenario_set_id,
        num_rows,
        layout_hash,
        {{ first_in_order('source_scenario_id', 'scenario_rank') }} as source_scenario_id
    from {{ ref('int_scenarios') }}
    where {{ in_scope() }}
    group by scenario_set_id, num_rows, layout_hash
{%- endset %}

with

examples as (

    {{ examples }}

),

read as (

    select
        {{ sent_to_workers('examples', examples) }}
        examples.scenario_set_id,
        examples.num_rows,
        examples.layout_hash,
        row_number() over (
            partition by
                examples.scenario_set_id, examples.num_rows, examples.layout_hash
            order by
                paths.horizon_index,
                paths.raw_instrument_id,
                paths.raw_factor_id,
                paths.raw_macro_id
        )::int as place,
        paths.horizon_index,
        paths.series_kind,
        paths.series_id,
        paths.num_series_ids,
        count(*) over layout as num_rows_read,
        {{ hash_of_hashes('paths.cell_hash', over='layout') }} as layout_hash_read
    from examples
    inner join {{ ref('stg_prometheus__scenario_paths') }} as paths
        on
            examples.scenario_set_id = paths.scenario_set_id
            and examples.source_scenario_id = paths.scenario_id
    window
        layout as (
            partition by
                examples.scenario_set_id, examples.num_rows, examples.layout_hash
        )

),

final as (

    select
        -- ids
        scenario_set_id,
        num_rows,
        layout_hash,
        place,

        -- the row
        horizon_index,
        series_kind::{{ type_text() }} as series_kind,
        series_id::{{ type_text() }} as series_id,
        num_series_ids
    from read
    -- An example that has changed since the scan is no example; the next run finds another.
    where num_rows_read = num_rows and layout_hash_read = layout_hash

)

select * from final
