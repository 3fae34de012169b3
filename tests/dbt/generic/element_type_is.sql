{# A contract does not tell real[] from double precision[]; the catalogue does. #}
{% test element_type_is(model, column_name, element_type) %}

{{ other_element_type(model, column_name, element_type) }}

{% endtest %}
