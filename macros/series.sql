{#
    An id, or NULL where the producer wrote a sentinel. Its primary key forbids NULL, so an
    instrument's row has factor_id '__INSTRUMENT__' and macro_id '__NONE__'.
#}
{% macro null_if_sentinel(column) -%}
    case
        when {{ column }} = '' or {{ column }} like '\_\_%\_\_' then null
        else {{ column }}
    end
{%- endmacro %}


{#
    The id of a factor or macro series on a panel's axis. An instrument cannot have an id
    of this form, because staging reads `__…__` as a sentinel.
#}
{% macro qualified_series_id(kind, column) -%}
    '__{{ kind }}:' || {{ column }} || '__'
{%- endmacro %}


{# The kinds of series a panel takes, as a SQL list. #}
{% macro series_kinds() -%}
    {%- set known = ["INSTRUMENT", "FACTOR", "MACRO"] -%}
    {%- set kinds = var("series_kinds") -%}
    {%- if kinds is string or not kinds or kinds | reject("in", known) | list -%}
        {{ exceptions.raise_compiler_error(
            "series_kinds must be a list out of " ~ known ~ ", not " ~ kinds
        ) }}
    {%- endif -%}
    ({% for kind in kinds %}'{{ kind }}'{% if not loop.last %}, {% endif %}{% endfor %})
{%- endmacro %}
