{#- Panels are not analyzed: their statistics take a second and nobody asks for them. -#}
{{
    config(
        materialized='incremental',
        unique_key=['scenario_set_id', 'scenario_id'],
        indexes=[{'columns': ['scenario_set_id', 'scenario_id'], 'unique': true}],
        full_refresh=none if var('scenario_set_id') is none
            and var('scenario_limit') is none else false,
        pre_hook="{{ read_in_key_order() }}",
        post_hook=[
            "{{ remove_gone(ref('int_scenarios')) }}",
            "{{ analyze_table('scenario_set_id, scenario_id, is_sound, as_of_date,"
            ~ " num_series, panel_fingerprint, max_abs_return, has_separator_in_id') }}"
        ]
    )
}}

{%- set verdict = [
    'as_of_date', 'horizon_days', 'num_series', 'is_known_set', 'is_valid_horizon',
    'is_whole', 'num_cells', 'last_day', 'num_rows_without_id', 'num_ambiguous_rows',
    'num_rows_ignored',
] %}

-- The linter would indent a query because it stands in a loop.
-- noqa: disable=LT02
-- Those that are not sound, whatever their values.
select
    due.scenario_set_id,
    due.scenario_id,
    false as is_sound,
    null::{{ type_array(type_text()) }} as series_ids,
    null::{{ type_array(type_double()) }} as panel,
    null::{{ type_text() }} as panel_fingerprint,
    null::{{ type_double() }} as max_abs_return,
    null::boolean as has_separator_in_id,
    {% for column in verdict -%}
    layouts.{{ column }},
    {% endfor -%}
    due.is_shared_entity_id,
    null::boolean as has_bad_value,
    due.num_rows,
    due.layout_hash,
    due.values_hash,
    false as is_gone
from (
    {{ due_scenarios(verdict, "(not verdicts.is_sound or scenarios.is_shared_entity_id)") }}
) as due
inner join {{ ref('int_scenario_layouts') }} as layouts
    on
        due.scenario_set_id = layouts.scenario_set_id
        and due.num_rows = layouts.num_rows
        and due.layout_hash = layouts.layout_hash

{% for has_places in [false, true] %}
{% set due_now = due_scenarios(
    verdict,
    "verdicts.is_sound and not scenarios.is_shared_entity_id and verdicts.first_place is "
    ~ ("null" if has_places else "not null"),
) %}
{% for range in path_ranges(due_now) %}

union all

select
    scenario_set_id,
    scenario_id,
    max_abs_return <= {{ max_return() }} as is_sound,
    case when max_abs_return <= {{ max_return() }} then series_ids end as series_ids,
    case when max_abs_return <= {{ max_return() }} then panel end as panel,
    case
        when max_abs_return <= {{ max_return() }}
            then {{ panel_fingerprint('shape', 'panel') }}
    end as panel_fingerprint,
    case when max_abs_return <= {{ max_return() }} then max_abs_return end
        as max_abs_return,
    case when max_abs_return <= {{ max_return() }} then has_separator_in_id end
        as has_separator_in_id,
    {% for column in verdict -%}
    {{ column }},
    {% endfor -%}
    is_shared_entity_id,
    not max_abs_return <= {{ max_return() }} as has_bad_value,
    num_rows,
    layout_hash,
    values_hash,
    false as is_gone
from (
    select
        due.*,
        {% for column in verdict + ['series_ids', 'has_separator_in_id', 'shape'] -%}
        layouts.{{ column }},
        {% endfor -%}
        read.num_rows as num_rows_read,
        read.values_hash as values_hash_read,
        {% if has_places -%}
        {{ elements_at('read.return_values', 'layouts.places') }} as panel,
        {{ largest_at('read.return_values', 'layouts.places') }} as max_abs_return
        {%- else -%}
        {{ elements_from('read.return_values', 'layouts.first_place') }} as panel,
        read.max_abs_return
        {%- endif %}
    from (
        select
            scenario_set_id,
            scenario_id,
            count(*) as num_rows,
            {{ hash_of_hashes('value_hash') }} as values_hash,
            -- In the order of the source's primary key, which spares the sort.
            {{ array_in_order(
                "coalesce(return_value, 'NaN'::" ~ type_double() ~ ")",
                ['horizon_index', 'raw_instrument_id', 'raw_factor_id', 'raw_macro_id'],
            ) }} as return_values,
            max(abs(coalesce(return_value, 'NaN'::{{ type_double() }}))) filter (
                where horizon_index >= 1
            ) as max_abs_return
        from {{ ref('stg_prometheus__scenario_paths') }}
        where {{ in_scope() }} and {{ range }}
        group by scenario_set_id, scenario_id
    ) as read
    inner join ({{ due_now }}) as due
        on
            read.scenario_set_id = due.scenario_set_id
            and read.scenario_id = due.source_scenario_id
    inner join {{ ref('int_scenario_layouts') }} as layouts
        on
            due.scenario_set_id = layouts.scenario_set_id
            and due.num_rows = layouts.num_rows
            and due.layout_hash = layouts.layout_hash
    {{ planner_fence() }} -- noqa: AM09
) as panels
-- What has changed since the scan is left as it was; the next run finds it.
where
    num_rows_read = num_rows
    and values_hash_read = values_hash

{% endfor %}
{% endfor %}

{{ scenarios_not_made(ref('int_scenarios')) }}
