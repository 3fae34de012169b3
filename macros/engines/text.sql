{#
    A var's value as a SQL literal: quotes in a set's id stay inside it. Spark reads
    backslashes as escapes too.
#}
{% macro text_literal(value) -%}
    {{ adapter.dispatch("text_literal")(value | string) }}
{%- endmacro %}

{% macro postgres__text_literal(value) -%}
    {{ dbt.string_literal(dbt.escape_single_quotes(value)) }}
{%- endmacro %}

{% macro spark__text_literal(value) -%}
    {{ dbt.string_literal(dbt.escape_single_quotes(value | replace("\\", "\\\\"))) }}
{%- endmacro %}


{# A text in code point order, whatever the locale; Spark knows no other. #}
{% macro by_code_point(text) -%}
    {{ adapter.dispatch("by_code_point")(text) }}
{%- endmacro %}

{% macro postgres__by_code_point(text) -%}
    {{ text }} collate "C"
{%- endmacro %}

{% macro spark__by_code_point(text) -%}
    {{ text }}
{%- endmacro %}


{# True where a regular expression matches. In Java's, $ would stand before a last newline. #}
{% macro matches(text, pattern) -%}
    {{ adapter.dispatch("matches")(text, pattern) }}
{%- endmacro %}

{% macro postgres__matches(text, pattern) -%}
    {{ text }} ~ '{{ pattern }}'
{%- endmacro %}

{% macro spark__matches(text, pattern) -%}
    {{ text }} rlike r'{{ pattern | replace("$", "\\z") }}'
{%- endmacro %}


{# True where an id names a set. On Spark, no partition's name is empty. #}
{% macro names_a_set(id) -%}
    {{ adapter.dispatch("names_a_set")(id) }}
{%- endmacro %}

{% macro postgres__names_a_set(id) -%}
    {{ id }} is not null
{%- endmacro %}

{% macro spark__names_a_set(id) -%}
    {{ id }} is not null and {{ id }} <> ''
{%- endmacro %}


{# How many of some values are not NULL. #}
{% macro num_not_null(values) -%}
    {{ adapter.dispatch("num_not_null")(values) }}
{%- endmacro %}

{% macro postgres__num_not_null(values) -%}
    num_nonnulls({{ values | join(", ") }})
{%- endmacro %}

{% macro spark__num_not_null(values) -%}
    {%- for value in values -%}
        ({{ value }} is not null)::int{{ " + " if not loop.last }}
    {%- endfor -%}
{%- endmacro %}


{#
    A double as Postgres writes it: the fewest digits that give it back, with an exponent
    below 1e-4 and from 1e15 on. Java (before 19) writes many with a digit too many; of the
    largest and smallest numbers, one in a thousand keeps it or has another last digit.
#}
{% macro double_text(value) -%}
    {{ adapter.dispatch("double_text")(value) }}
{%- endmacro %}

{% macro postgres__double_text(value) -%}
    {{ value }}::text
{%- endmacro %}

{% macro spark__double_text(value) -%}
    transform(
        slice(
            filter(
                transform(
                    sequence(0, 16),
                    digits -> struct(
                        digits,
                        format_string(concat('%.', digits, 'e'), {{ value }}) as text
                    )
                ),
                written -> written.text::double = {{ value }}
            ),
            1, 1
        ),
        shortest -> case
            when substring_index(shortest.text, 'e', -1)::int between -4 and 14
                then format_string(
                    concat(
                        '%.',
                        greatest(
                            shortest.digits - substring_index(shortest.text, 'e', -1)::int, 0
                        ),
                        'f'
                    ),
                    {{ value }}
                )
            else shortest.text
        end
    )[0]
{%- endmacro %}
