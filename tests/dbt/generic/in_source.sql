{#
    dbt's own tests for columns of a source. Each waits for the seeds, which load the
    demonstration data into the source: a `dbt build` on a fresh database would otherwise
    test tables that are not there yet.
#}
{% test not_null_in_source(model, column_name) %}
-- depends_on: {{ ref('scenario_sets') }}, {{ ref('scenario_paths') }}
{{ test_not_null(model, column_name) }}
{% endtest %}


{% test names_a_set_in_source(model, column_name) %}
-- depends_on: {{ ref('scenario_sets') }}, {{ ref('scenario_paths') }}
select {{ column_name }}
from {{ model }}
where not ({{ names_a_set(column_name) }})
{% endtest %}
