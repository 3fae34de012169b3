{#
    A text as a time, NULL where it is none: one row must not fail the run. Without a zone it
    is taken as UTC, whatever the session's zone.

        {{ time_or_null(json_text('columns', 'created_at')) }}
#}
{% macro time_or_null(text) -%}
    {{ adapter.dispatch("time_or_null")(text) }}
{%- endmacro %}

{% macro postgres__time_or_null(text) -%}
    {%- set clock = "[T ]([01][0-9]|2[0-3])(:[0-5][0-9]){1,2}([.][0-9]+)?" -%}
    {%- set zone = "(Z|[-+](0[0-9]|1[0-4])(:?[0-5][0-9])?)" -%}
    case
        when {{ date_or_null("left(" ~ text ~ ", 10)") }} is null then null
        when {{ text }} ~ '^.{10}({{ clock }})?$' then ({{ text }} || '+00')::timestamptz
        when {{ text }} ~ '^.{10}{{ clock }}{{ zone }}$' then ({{ text }})::timestamptz
    end
{%- endmacro %}

{# (The profile has the session in UTC.) #}
{% macro spark__time_or_null(text) -%}
    try_cast({{ text }} as timestamp)
{%- endmacro %}


{#
    The day of a time in UTC.

        {{ utc_day('created_at') }}
#}
{% macro utc_day(time) -%}
    {{ adapter.dispatch("utc_day")(time) }}
{%- endmacro %}

{% macro postgres__utc_day(time) -%}
    (({{ time }}) at time zone 'UTC')::date
{%- endmacro %}

{% macro spark__utc_day(time) -%}
    ({{ time }})::date
{%- endmacro %}


{#
    The day in UTC of a text that is a date or a time, NULL where it is neither.

        {{ day_or_null(json_text('columns', 'base_date_end'), types.get('base_date_end')) }}

    Arguments: a text; the type of the column that it comes from.
#}
{% macro day_or_null(text, type) -%}
    {%- if type == "date" and target.type != "spark" -%}
        {#- (Infinite ones too, and those before Christ.) -#}
        ({{ text }})::date
    {%- else -%}
        {{ utc_day(time_or_null(text)) }}
    {%- endif -%}
{%- endmacro %}


{#
    A text as a date where it is one (YYYY-MM-DD), else NULL: a plain cast of free JSON would
    fail for one scenario and take the rows of all others along. Postgres alone.

        {{ date_or_null("label ->> 'first_day'") }}
#}
{% macro date_or_null(text) -%}
    case
        when
            {{ text }} ~ '^(?!0000)[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$'
            then
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
