-- Such rows are ignored, which is right for a set that was shortened and wrong for one
-- whose horizon_days lies.
{{ config(severity="warn", fail_calc="coalesce(sum(num_rows_ignored), 0)") }}

select
    scenario_set_id,
    sum(num_rows_ignored) as num_rows_ignored
from {{ ref('int_scenario_panels') }}
where {{ in_scope() }}
group by scenario_set_id
having sum(num_rows_ignored) > 0
