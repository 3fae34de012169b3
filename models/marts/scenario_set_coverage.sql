with

scenarios as (

    select
        scenario_set_id,
        count(*)::int as num_in_source
    from (
        select distinct
            scenario_set_id,
            scenario_id
        from {{ ref('stg_prometheus__scenario_paths') }}
    ) as ids
    group by scenario_set_id

),

sets as (

    select
        coalesce(sets.scenario_set_id, scenarios.scenario_set_id)::text as scenario_set_id,
        coalesce(scenarios.num_in_source, 0) as num_in_source
    from {{ ref('stg_prometheus__scenario_sets') }} as sets
    full outer join scenarios on sets.scenario_set_id = scenarios.scenario_set_id

),

panels as (

    select
        scenario_set_id,
        max(horizon_days * num_series) as num_cells_per_panel
    from {{ ref('scenario_panels') }}
    group by scenario_set_id

),

rejections as (

    select
        scenario_set_id,
        count(*)::int as num_rejected
    from {{ ref('scenario_rejections') }}
    group by scenario_set_id

),

embeddings as (

    select * from {{ ref('numeric_window_embeddings') }}
    where entity_type = 'SCENARIO'

),

encoded as (

    select
        scenario_panels.scenario_set_id,
        embeddings.model_id,
        count(*)::int as num_encoded,
        avg((embeddings.window_spec ->> 'cells_dropped')::float8) as mean_cells_dropped,
        avg((embeddings.window_spec ->> 'squared_return_dropped')::float8)
            as share_of_squared_return_dropped
    from embeddings
    inner join {{ ref('scenario_panels') }} as scenario_panels
        on
            embeddings.entity_id
            = scenario_panels.scenario_set_id || ':' || scenario_panels.scenario_id
            and embeddings.as_of_date = scenario_panels.as_of_date
            and embeddings.panel_fingerprint = scenario_panels.panel_fingerprint
    group by scenario_panels.scenario_set_id, embeddings.model_id

),

models as (

    select unnest({{ text_array(var('scenario_model_ids')) }}) as model_id
    union
    select model_id from encoded

),

final as (

    select
        -- ids
        sets.scenario_set_id,
        models.model_id,

        -- scenarios
        sets.num_in_source,
        coalesce(encoded.num_encoded, 0) as num_encoded,
        coalesce(rejections.num_rejected, 0) as num_rejected,
        sets.num_in_source
        - coalesce(encoded.num_encoded, 0)
        - coalesce(rejections.num_rejected, 0) as num_pending,

        -- what the vectors keep
        panels.num_cells_per_panel,
        encoded.mean_cells_dropped / panels.num_cells_per_panel as share_of_cells_dropped,
        encoded.share_of_squared_return_dropped
    from sets
    cross join models
    left join panels on sets.scenario_set_id = panels.scenario_set_id
    left join rejections on sets.scenario_set_id = rejections.scenario_set_id
    left join encoded
        on
            sets.scenario_set_id = encoded.scenario_set_id
            and models.model_id = encoded.model_id

)

select * from final
