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


{#
    The kinds of series that a panel takes (var series_kinds). Empty where the var is not
    set: then a set's instruments, or all its series where it has none.
#}
{% macro series_kinds() -%}
    {%- set kinds = var("series_kinds") -%}
    {%- set allowed = ["INSTRUMENT", "FACTOR", "MACRO"] -%}
    {%- if kinds is none -%}
        {{ return([]) }}
    {%- endif -%}
    {%- if kinds is string or not kinds or kinds | reject("in", allowed) | list -%}
        {{ exceptions.raise_compiler_error(
            "series_kinds must be a list out of " ~ allowed ~ ", not " ~ kinds
        ) }}
    {%- endif -%}
    {{ return(kinds | list) }}
{%- endmacro %}


{#
    A return divided by its series' divisor: one IEEE division. NULL where the quotient
    leaves the range of normal doubles; Postgres would raise an error there.
#}
{% macro scaled_return(return_value, divisor) -%}
    case
        when {{ divisor }} = 1 then {{ return_value }}
        when {{ divisor }} < 1 and abs({{ return_value }}) > {{ max_double() }} * {{ divisor }}
            then null
        when
            {{ divisor }} > 1
            and {{ return_value }} <> 0
            and abs({{ return_value }}) < {{ min_double() }} * {{ divisor }}
            then null
        else {{ return_value }} / {{ divisor }}
    end
{%- endmacro %}
