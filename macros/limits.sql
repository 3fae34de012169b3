{# The longest horizon, in days, that an encoder is defined for. #}
{% macro max_horizon_days() -%}
    1024
{%- endmacro %}


{# The largest float32: no encoder's vector can carry a return beyond it. #}
{% macro max_return() -%}
    3.4028234663852886e38
{%- endmacro %}


{# The largest finite double. #}
{% macro max_double() -%}
    1.7976931348623157e308
{%- endmacro %}


{# The smallest normal double above 0. #}
{% macro min_double() -%}
    2.2250738585072014e-308
{%- endmacro %}
