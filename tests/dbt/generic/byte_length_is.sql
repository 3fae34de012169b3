{% test byte_length_is(model, column_name, length) %}

select
    octet_length({{ column_name }}) as actual,
    {{ length }} as expected
from {{ model }}
where octet_length({{ column_name }}) is distinct from {{ length }}

{% endtest %}
