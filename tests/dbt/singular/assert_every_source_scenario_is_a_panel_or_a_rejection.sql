-- A scenario that is in the source but in neither table would silently have no vector; one
-- that is in a table but no longer in the source would keep a vector of nothing. Sets that
-- have not been built are another test's business. (It asks the source itself, not what the
-- run has noted of it.)
{% set limit = scenario_limit() %}
{% set scenarios = ref('int_scenarios') %}

{% set built_sets %}
    select distinct scenario_set_id from {{ ref('int_scenario_panels_checked') }}
    where {{ in_scope() }}
{% endset %}

with

ids as (

    {{ source_scenario_ids(built_sets) }}

),

in_source as (

    select
        scenario_set_id,
        scenario_id::{{ type_text() }} as scenario_id
    from ids

),

accounted_for as (

    select
        scenario_set_id,
        scenario_id
    from {{ ref('scenario_panels') }}
    where {{ in_scope() }}

    union all

    select
        scenario_set_id,
        scenario_id
    from {{ ref('scenario_rejections') }}
    where {{ in_scope() }}

    union all

    -- Rejected once, and its rows have changed since: the next run judges it.
    select
        checked.scenario_set_id,
        checked.scenario_id
    from {{ ref('int_scenario_panels_checked') }} as checked
    inner join {{ scenarios }} as scenarios
        on
            checked.scenario_set_id = scenarios.scenario_set_id
            and checked.scenario_id = scenarios.scenario_id
    where
        not checked.is_sound
        and not {{ same_rows('scenarios', 'checked') }}
        and {{ in_scope('checked.scenario_set_id') }}

),

lost as (

    select
        in_source.scenario_set_id,
        in_source.scenario_id
    from in_source
    {% if limit is not none %}
        inner join {{ scenarios }} as scenarios
            on
                in_source.scenario_set_id = scenarios.scenario_set_id
                and in_source.scenario_id = scenarios.scenario_id
                and scenarios.scenario_rank <= {{ limit }}
    {% endif %}

    except all

    select
        scenario_set_id,
        scenario_id
    from accounted_for

),

-- A limited run says nothing of what lies beyond its limit.
left_over as (

    select
        scenario_set_id,
        scenario_id
    from accounted_for
    where {{ 'true' if limit is none else 'false' }}

    except all

    select
        scenario_set_id,
        scenario_id
    from in_source

)

select
    'lost' as fault,
    scenario_set_id,
    scenario_id
from lost

union all

select
    'left over' as fault,
    scenario_set_id,
    scenario_id
from left_over
