{% test elements_are_finite(model, column_name) %}

select {{ column_name }}
from {{ model }}
where
    {{ has_non_finite_element(column_name) }}

{% endtest %}
