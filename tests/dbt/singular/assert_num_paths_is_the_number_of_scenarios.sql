-- Paths that were never written are not rejected by anything: nothing is there to reject.
{{ config(severity="warn") }}

select
    scenario_set_id,
    num_paths,
    num_scenarios
from {{ ref('int_scenario_sets') }}
where {{ in_scope() }} and num_paths <> num_scenarios
