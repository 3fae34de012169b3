{% test elements_are_finite(model, column_name) %}

select {{ column_name }}
from {{ model }}
where
    {{ column_name }} && array['NaN', 'Infinity', '-Infinity']::real[]
    or array_position({{ column_name }}, null) is not null

{% endtest %}
