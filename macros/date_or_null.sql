{#
    A text as a date where it is one (YYYY-MM-DD), else NULL: a plain cast of free JSON would
    fail for one scenario and take the rows of all others along.
#}
{% macro date_or_null(text) -%}
    case
        when {{ text }} ~ '^(?!0000)[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$' then
            case
                when
                    right({{ text }}, 2)::int <= extract(
                        day from (left({{ text }}, 7) || '-01')::date
                        + interval '1 month' - interval '1 day'
                    )
                    then ({{ text }})::date
            end
    end
{%- endmacro %}
