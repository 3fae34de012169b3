-- A view, because the encoder writes after dbt has run: it is never behind the vectors.
with

sets as (

    select * from {{ ref('int_scenario_sets') }}

),

-- What the last run judged. Rows that have changed beyond its limit are not judged yet, and
-- what has gone from the source does not count.
judged as (

    select
        panels.scenario_set_id,
        panels.scenario_id,
        panels.rejection_reason,
        panels.horizon_days,
        panels.num_series,
        -- Beyond a run's limit the set may have another header than the panel.
        sets.scenario_set_id is not null as has_present_header
    from {{ ref('int_scenario_panels') }} as panels
    inner join {{ ref('int_scenarios') }} as scenarios
        on
            panels.scenario_set_id = scenarios.scenario_set_id
            and panels.scenario_id = scenarios.scenario_id
            and panels.content_hash = scenarios.content_hash
    left join sets
        on
            panels.scenario_set_id = sets.scenario_set_id
            and panels.is_in_scenario_sets = sets.is_in_scenario_sets
            and panels.horizon_days is not distinct from sets.horizon_days
            and panels.as_of_date is not distinct from sets.as_of_date

),

by_set as (

    select
        scenario_set_id,
        count(rejection_reason)::int as num_rejected,
        max(case when rejection_reason is null then horizon_days * num_series end)
            as num_cells_per_panel
    from judged
    group by scenario_set_id

),

by_model as (

    select
        expected.scenario_set_id,
        expected.model_id,
        count(expected.rejection_reason)::int as num_rejected,
        count(embeddings.entity_id)::int as num_encoded,
        avg(
            {{ json_double('embeddings.window_spec', 'cells_dropped') }} / (
                {{ json_double('embeddings.window_spec', 'window_days') }}
                * {{ json_double('embeddings.window_spec', 'num_series') }}
            )
        ) as share_of_cells_dropped,
        avg({{ json_double('embeddings.window_spec', 'squared_return_dropped') }})
            as share_of_squared_return_dropped
    from {{ ref('int_expected_embeddings') }} as expected
    inner join judged
        on
            expected.scenario_set_id = judged.scenario_set_id
            and expected.scenario_id = judged.scenario_id
    left join {{ ref('numeric_window_embeddings') }} as embeddings
        on
            embeddings.entity_type = 'SCENARIO'
            and expected.is_supported
            and expected.has_present_axis
            and judged.has_present_header
            and expected.entity_id = embeddings.entity_id
            and expected.as_of_date = embeddings.as_of_date
            and expected.model_id = embeddings.model_id
            and expected.panel_fingerprint = embeddings.panel_fingerprint
    group by expected.scenario_set_id, expected.model_id

),

models as (

    select model_id
    from {{ elements_of(text_array(scenario_model_ids())) }} as expected (model_id)
    union
    select model_id from by_model
    where num_encoded > 0

),

final as (

    select
        -- ids
        sets.scenario_set_id,
        models.model_id,
        sets.category,

        -- scenarios
        sets.num_scenarios as num_in_source,
        coalesce(by_model.num_encoded, 0) as num_encoded,
        coalesce(by_set.num_rejected, 0) + coalesce(by_model.num_rejected, 0)
            as num_rejected,
        sets.num_scenarios
        - coalesce(by_model.num_encoded, 0)
        - coalesce(by_set.num_rejected, 0)
        - coalesce(by_model.num_rejected, 0) as num_pending,

        -- what the vectors keep
        by_set.num_cells_per_panel,
        by_model.share_of_cells_dropped,
        by_model.share_of_squared_return_dropped
    from sets
    cross join models
    left join by_set on sets.scenario_set_id = by_set.scenario_set_id
    left join by_model
        on
            sets.scenario_set_id = by_model.scenario_set_id
            and models.model_id = by_model.model_id

)

select * from final
