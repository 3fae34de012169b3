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

-- A set is stale without series made from the same content, horizon, kinds, scales.
sets as (

    select
        sets.scenario_set_id,
        sets.raw_scenario_set_id,
        sets.horizon_days,
        sets.content_hash,
        sets.scales_hash,
        {% if keeps_existing_rows() -%}
        not exists (
            select 1 from {{ this }} as existing
            where
                sets.scenario_set_id = existing.scenario_set_id
                and sets.content_hash = existing.content_hash
                and sets.horizon_days is not distinct from existing.horizon_days
                and existing.series_kinds = '{{ series_kinds() | join(", ") or "default" }}'
                and sets.scales_hash = existing.scales_hash
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
        sets.scales_hash,
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

within_horizon as (

    select
        *,
        num_series_ids = 1 and coalesce(first_step <= horizon_days, false)
            as is_in_horizon
    from identified

),

with_instruments as (

    select
        *,
        bool_or(is_in_horizon and series_kind = 'INSTRUMENT')
            over (partition by scenario_set_id)
            as has_instruments
    from within_horizon

),

-- The axis of a set: the series of the wanted kinds that any of its scenarios has within
-- the horizon.
with_axis as (

    select
        *,
        is_in_horizon
        and (
            {% if series_kinds() -%}
                series_kind in ('{{ series_kinds() | join("', '") }}')
            {%- else -%}
                series_kind = 'INSTRUMENT' or not has_instruments
            {%- endif %}
        ) as is_on_axis
    from with_instruments

),

-- A set's own divisor of a series goes before the one for every set, and that before 1.
scaled as (

    select
        with_axis.*,
        case
            when own_scales.series_id is not null then own_scales.divisor
            when common_scales.series_id is not null then common_scales.divisor
            else 1
        end as divisor
    from with_axis
    left join {{ ref('series_scales') }} as own_scales
        on
            with_axis.scenario_set_id = own_scales.scenario_set_id
            and with_axis.series_kind = own_scales.series_kind
            and coalesce(with_axis.instrument, with_axis.factor, with_axis.macro)
            = own_scales.series_id
    left join {{ ref('series_scales') }} as common_scales
        on
            common_scales.scenario_set_id = '*'
            and with_axis.series_kind = common_scales.series_kind
            and coalesce(with_axis.instrument, with_axis.factor, with_axis.macro)
            = common_scales.series_id

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
        -- (NaN is the largest double of all.)
        case
            when divisor > 0 and divisor < 'Infinity' then divisor
        end as divisor,

        -- what the set's series were made from: the rows as they were read
        horizon_days,
        '{{ series_kinds() | join(", ") or "default" }}' as series_kinds,
        scales_hash,
        sum(content_hash) over (partition by scenario_set_id) as content_hash
    from scaled

)

select
    *,
    max(series_position) over (partition by scenario_set_id) as num_series
from final
