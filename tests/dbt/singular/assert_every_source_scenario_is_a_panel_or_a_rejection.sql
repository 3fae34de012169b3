-- A scenario that is in the source but in neither table would silently have no vector; one
-- that is in a table but no longer in the source would keep a vector of nothing.
{% set limit = scenario_limit() %}

with

in_source as (

    select
        scenario_set_id::text as scenario_set_id,
        scenario_id::text as scenario_id
    from (
        select distinct
            scenario_set_id,
            scenario_id
        from {{ ref('stg_prometheus__scenario_paths') }}
        where {{ in_scope() }}
    ) as ids

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

),

source_in_limit as (

    select
        scenario_set_id,
        scenario_id
    from (
        select
            *,
            row_number() over (
                partition by scenario_set_id
                order by {{ scenario_order() }}
            ) as scenario_rank
        from in_source
    ) as ranked
    {% if limit is not none %}
        where scenario_rank <= {{ limit }}
    {% endif %}

),

lost as (

    select * from source_in_limit
    except all
    select * from accounted_for

),

-- A limited run says nothing of what lies beyond its limit.
left_over as (

    select * from accounted_for
    except all
    select * from in_source

)

select
    'lost' as fault,
    scenario_set_id,
    scenario_id
from lost

{% if limit is none %}

    union all

    select
        'left over' as fault,
        scenario_set_id,
        scenario_id
    from left_over

{% endif %}
