with

checked as (

    select * from {{ ref('int_scenario_panels_checked') }}

)

select
    scenario_set_id,
    scenario_id,
    as_of_date,
    horizon_days,
    num_series,
    series_ids,
    panel,
    panel_fingerprint
from checked
where is_sound
