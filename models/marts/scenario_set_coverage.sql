with

-- As the last run found the source. Rows that have changed beyond its limit are not judged
-- yet.
ids as (

    select
        scenarios.scenario_set_id,
        scenarios.scenario_id,
        {{ same_rows('scenarios', 'checked') }} as is_judged
    from {{ ref('int_scenarios') }} as scenarios
    left join {{ ref('int_scenario_panels_checked') }} as checked
        on
            scenarios.scenario_set_id = checked.scenario_set_id
            and scenarios.scenario_id = checked.scenario_id

),

other_sets as (

    select sets.scenario_set_id
    from {{ ref('stg_prometheus__scenario_sets') }} as sets
    except
    select ids.scenario_set_id from ids

),

-- A set that no run has looked at yet is counted where it is: set by set, because planners
-- take it that there are many of them.
ids_of_other_sets as (

    select
        other_sets.scenario_set_id,
        found.scenario_id
    from other_sets
    cross join lateral (
        select distinct paths.scenario_id::{{ type_text() }} as scenario_id
        from {{ ref('stg_prometheus__scenario_paths') }} as paths
        where paths.scenario_set_id = other_sets.scenario_set_id
    ) as found

),

scenarios as (

    select
        scenario_set_id,
        count(*)::int as num_in_source
    from (
        select
            ids.scenario_set_id,
            ids.scenario_id
        from ids
        union all
        select
            ids_of_other_sets.scenario_set_id,
            ids_of_other_sets.scenario_id
        from ids_of_other_sets
    ) as all_ids
    group by scenario_set_id

),

sets as (

    select
        coalesce(sets.scenario_set_id, scenarios.scenario_set_id)::{{ type_text() }}
            as scenario_set_id,
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

    -- What has gone from the source since it was built counts for nothing here.
    select
        rejections.scenario_set_id,
        count(*)::int as num_rejected
    from {{ ref('scenario_rejections') }} as rejections
    inner join ids
        on
            rejections.scenario_set_id = ids.scenario_set_id
            and rejections.scenario_id = ids.scenario_id
            and ids.is_judged
    group by rejections.scenario_set_id

),

embeddings as (

    select * from {{ ref('numeric_window_embeddings') }}
    where entity_type = 'SCENARIO'

),

by_model as (

    select
        expected.scenario_set_id,
        expected.model_id,
        count(*) filter (where not expected.is_taken)::int as num_rejected,
        count(embeddings.entity_id)::int as num_encoded,
        avg(
            {{ json_double('embeddings.window_spec', 'cells_dropped') }} / (
                {{ json_double('embeddings.window_spec', 'window_days') }}
                * {{ json_double('embeddings.window_spec', 'num_series') }}
            )
        ) as share_of_cells_dropped,
        avg({{ json_double('embeddings.window_spec', 'squared_return_dropped') }})
            as share_of_squared_return_dropped
    from {{ ref('int_scenario_panels_per_model') }} as expected
    inner join ids
        on
            expected.scenario_set_id = ids.scenario_set_id
            and expected.scenario_id = ids.scenario_id
            and ids.is_judged
    left join embeddings
        on
            expected.is_taken
            and expected.entity_id = embeddings.entity_id
            and expected.as_of_date = embeddings.as_of_date
            and expected.model_id = embeddings.model_id
            and expected.panel_fingerprint = embeddings.panel_fingerprint
    group by expected.scenario_set_id, expected.model_id

),

models as (

    select model_id
    from {{ elements(text_array(var('scenario_model_ids'))) }} as expected (model_id)
    union
    select model_id from by_model
    where num_encoded > 0

),

final as (

    select
        -- ids
        sets.scenario_set_id,
        models.model_id,

        -- scenarios
        sets.num_in_source,
        coalesce(by_model.num_encoded, 0) as num_encoded,
        coalesce(rejections.num_rejected, 0)
        + coalesce(by_model.num_rejected, 0) as num_rejected,
        sets.num_in_source
        - coalesce(by_model.num_encoded, 0)
        - coalesce(rejections.num_rejected, 0)
        - coalesce(by_model.num_rejected, 0) as num_pending,

        -- what the vectors keep
        panels.num_cells_per_panel,
        by_model.share_of_cells_dropped,
        by_model.share_of_squared_return_dropped
    from sets
    cross join models
    left join panels on sets.scenario_set_id = panels.scenario_set_id
    left join rejections on sets.scenario_set_id = rejections.scenario_set_id
    left join by_model
        on
            sets.scenario_set_id = by_model.scenario_set_id
            and models.model_id = by_model.model_id

)

select * from final
