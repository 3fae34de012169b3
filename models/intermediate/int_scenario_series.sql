{{
    config(
        materialized='incremental',
        unique_key='scenario_set_id',
        indexes=[{'columns': ['scenario_set_id']}],
        post_hook=[
            "{{ delete_gone(ref('int_scenarios'), ['scenario_set_id']) }}",
            "{{ analyze_columns(['scenario_set_id', 'instrument_id', 'factor_id', 'macro_id']) }}"
        ]
    )
}}

with

-- A set is stale without series made from the same content, horizon and kinds.
sets as (

    select
        sets.scenario_set_id,
        sets.raw_scenario_set_id,
        sets.horizon_days,
        sets.content_hash,
        {% if keeps_existing_rows() -%}
        not exists (
            select 1 from {{ this }} as existing
            where
                sets.scenario_set_id = existing.scenario_set_id
                and sets.content_hash = existing.content_hash
                and sets.horizon_days is not distinct from existing.horizon_days
                and existing.series_kinds = '{{ series_kinds() | join(", ") }}'
        ) as is_stale
        {%- else -%}
            true as is_stale
        {%- endif %}
    from {{ ref('int_scenario_sets') }} as sets
    where {{ in_scope('sets.scenario_set_id') }}

),

-- One pass over the rows of each stale set.
id_triples as (

    select
        sets.scenario_set_id,
        sets.horizon_days,
        triples.*
    from sets
    cross join lateral (
        select
            paths.instrument_id,
            paths.factor_id,
            paths.macro_id,
            min(paths.horizon_index) filter (where paths.horizon_index >= 1) as first_step,
            sum(paths.row_hash) as content_hash
        from {{ ref('stg_prometheus__scenario_paths') }} as paths
        where
            sets.is_stale
            and sets.raw_scenario_set_id = paths.raw_scenario_set_id
            and sets.scenario_set_id = paths.scenario_set_id
            -- (Spark would read other sets too.)
            and {{ in_scope('paths.raw_scenario_set_id') }}
        group by paths.instrument_id, paths.factor_id, paths.macro_id
    ) as triples

),

without_sentinels as (

    select
        *,
        case when not {{ is_sentinel('instrument_id') }} then instrument_id end
            as instrument,
        case when not {{ is_sentinel('factor_id') }} then factor_id end as factor,
        case when not {{ is_sentinel('macro_id') }} then macro_id end as macro
    from id_triples

),

identified as (

    select
        *,
        (instrument is not null)::int + (factor is not null)::int + (macro is not null)::int
            as num_series_ids,
        case
            when instrument is not null then 'INSTRUMENT'
            when factor is not null then 'FACTOR'
            when macro is not null then 'MACRO'
        end as series_kind,
        case
            when instrument is not null then instrument
            when factor is not null then {{ qualified_series_id('FACTOR', 'factor') }}
            when macro is not null then {{ qualified_series_id('MACRO', 'macro') }}
        end as series_id
    from without_sentinels

),

-- The axis of a set: the series of the wanted kinds that any of its scenarios has within
-- the horizon.
with_axis as (

    select
        *,
        num_series_ids = 1
        and series_kind in ('{{ series_kinds() | join("', '") }}')
        and coalesce(first_step <= horizon_days, false) as is_on_axis
    from identified

),

final as (

    select
        -- ids as the rows have them
        scenario_set_id,
        instrument_id,
        factor_id,
        macro_id,

        -- the series
        num_series_ids,
        case when num_series_ids = 1 then series_kind end as series_kind,
        case when num_series_ids = 1 then series_id end as series_id,
        case
            when is_on_axis
                then dense_rank() over (
                    partition by scenario_set_id, is_on_axis
                    order by {{ by_code_point('series_id') }}
                )
        end::int as series_position,

        -- what the set's series were made from: the rows as they were read
        horizon_days,
        '{{ series_kinds() | join(", ") }}' as series_kinds,
        sum(content_hash) over (partition by scenario_set_id) as content_hash
    from with_axis

)

select
    *,
    max(series_position) over (partition by scenario_set_id) as num_series
from final
