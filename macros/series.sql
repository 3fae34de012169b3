{#
    True where a producer's id names nothing. Its primary key forbids NULL, so that an
    instrument's row has factor_id '__INSTRUMENT__' and macro_id '__NONE__'.
#}
{% macro is_sentinel(id) -%}
    (
        {{ id }} = ''
        or (left({{ id }}, 2) = '__' and right({{ id }}, 2) = '__' and length({{ id }}) > 3)
    )
{%- endmacro %}


{#
    The id of a factor or macro series on a panel's axis. An instrument cannot have an id
    of this form, because `__...__` is a sentinel.
#}
{% macro qualified_series_id(kind, id) -%}
    '__{{ kind }}:' || {{ id }} || '__'
{%- endmacro %}


{# The kinds of series that a panel takes (var series_kinds). #}
{% macro series_kinds() -%}
    {%- set kinds = var("series_kinds") -%}
    {%- set allowed = ["INSTRUMENT", "FACTOR", "MACRO"] -%}
    {%- if kinds is string or not kinds or kinds | reject("in", allowed) | list -%}
        {{ exceptions.raise_compiler_error(
            "series_kinds must be a list out of " ~ allowed ~ ", not " ~ kinds
        ) }}
    {%- endif -%}
    {{ return(kinds | list) }}
{%- endmacro %}
