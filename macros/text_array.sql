{# A list var as a text array, empty lists included. #}
{% macro text_array(values) -%}
    array[
        {%- for value in values -%}
            {{ text_literal(value) }}{% if not loop.last %}, {% endif %}
        {%- endfor -%}
    ]::text[]
{%- endmacro %}
