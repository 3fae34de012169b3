{#
    An id of the source as text: numbers without trailing zeros, moments as
    20240301T100000Z, everything else as its text. No session changes it. (`collate
    "default"` takes off the collation of the source's column, whose comparisons might
    ignore case.)

        {{ canonical_id('scenario_id', types) }}

    Arguments: the column; what `column_types` gives.
#}
{% macro canonical_id(id, types) -%}
    {{ adapter.dispatch("canonical_id")(id, types.get(id, "text")) }}
{%- endmacro %}

{% macro postgres__canonical_id(id, type) -%}
    {%- if type in ["numeric", "real", "double precision"] -%}
        trim_scale({{ id }}::numeric)::text collate "default"
    {%- elif type == "date" -%}
        (to_jsonb({{ id }}) #>> '{}') collate "default"
    {%- elif type == "timestamp without time zone" -%}
        translate(to_jsonb({{ id }}) #>> '{}', '-:', '') collate "default"
    {%- elif type == "timestamp with time zone" -%}
        (translate(to_jsonb({{ id }} at time zone 'UTC') #>> '{}', '-:', '') || 'Z')
        collate "default"
    {%- else -%}
        {{ id }}::text collate "default"
    {%- endif -%}
{%- endmacro %}

{% macro spark__canonical_id(id, type) -%}
    {%- if type.startswith("decimal") -%}
        regexp_replace({{ id }}::string, r'(\.0+|(\.[0-9]*[1-9])0+)$', '$2')
    {%- elif type.startswith("timestamp") -%}
        concat(
            rtrim('.', rtrim('0', date_format({{ id }}, "yyyyMMdd'T'HHmmss.SSSSSS"))),
            '{{ "" if type == "timestamp_ntz" else "Z" }}'
        )
    {%- else -%}
        {{ id }}::string
    {%- endif -%}
{%- endmacro %}


{#
    A var's value as a SQL literal: quotes in a set's id stay inside it.

        scenario_set_id = {{ text_literal(var('scenario_set_id')) }}
#}
{% macro text_literal(value) -%}
    {#- (Doubled backslashes, and in Postgres an E, mean the same in every session.) -#}
    {%- set text = value | string -%}
    {{ "E" if target.type != "spark" and "\\" in text -}}
    {{ dbt.string_literal(dbt.escape_single_quotes(text | replace("\\", "\\\\"))) }}
{%- endmacro %}


{#
    Sorts texts by code point, which is the order of their UTF-8 bytes, whatever the
    database's locale. Spark knows no other order.

        order by {{ by_code_point('series_id') }}
#}
{% macro by_code_point(text) -%}
    {{ text if target.type == "spark" else text_bytes(text) }}
{%- endmacro %}


{#
    True where a regular expression matches. In Java's, $ would stand before a last newline.

        {{ matches('scenario_id', '^[0-9]+$') }}
#}
{% macro matches(text, pattern) -%}
    {{ adapter.dispatch("matches")(text, pattern) }}
{%- endmacro %}

{% macro postgres__matches(text, pattern) -%}
    {{ text }} ~ '{{ pattern }}'
{%- endmacro %}

{% macro spark__matches(text, pattern) -%}
    {{ text }} rlike r'{{ pattern | replace("$", "\\z") }}'
{%- endmacro %}


{#
    True where an id names a set. On Spark, no partition's name is empty.

        where {{ names_a_set('scenario_set_id') }}
#}
{% macro names_a_set(id) -%}
    {{ id }} is not null {%- if target.type == "spark" %} and {{ id }} <> ''{% endif %}
{%- endmacro %}


{#
    A double as Postgres writes it: the fewest digits that give it back, with an exponent
    below 1e-4 and from 1e15 on. Java (before 19) writes many with a digit too many; of the
    largest and smallest numbers, one in a thousand keeps it or has another last digit.

        {{ double_text('return_value') }}
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
