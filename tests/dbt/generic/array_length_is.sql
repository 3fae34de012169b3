{% test array_length_is(model, column_name, length) %}

select
    cardinality({{ column_name }}) as actual,
    {{ length }} as expected
from {{ model }}
where cardinality({{ column_name }}) is distinct from {{ length }}

{% endtest %}
