{#
    A text as a time; without a zone it is taken as UTC, whatever the session's zone.

        {{ utc_time(json_text('columns', 'created_at')) }}
#}
{% macro utc_time(text) -%}
    {{ adapter.dispatch("utc_time")(text) }}
{%- endmacro %}

{% macro postgres__utc_time(text) -%}
    (
        {{ text }}
        || case
            when {{ text }} ~ 'T.*[-+][0-9:]+$' then ''
            else '+00'
        end
    )::timestamptz
{%- endmacro %}

{# (The profile has the session in UTC.) #}
{% macro spark__utc_time(text) -%}
    {{ cast_or_fail(text, "timestamp") }}
{%- endmacro %}


{#
    The day of a time in UTC.

        {{ utc_day('created_at') }}
#}
{% macro utc_day(time) -%}
    {{ adapter.dispatch("utc_day")(time) }}
{%- endmacro %}

{% macro postgres__utc_day(time) -%}
    ({{ time }} at time zone 'UTC')::date
{%- endmacro %}

{% macro spark__utc_day(time) -%}
    {{ time }}::date
{%- endmacro %}


{#
    A text as a date; of a time with a zone, its day in UTC, whatever the session's zone.

        {{ date_in_utc(json_text('columns', 'base_date_end')) }}
#}
{% macro date_in_utc(text) -%}
    {{ adapter.dispatch("date_in_utc")(text) }}
{%- endmacro %}

{% macro postgres__date_in_utc(text) -%}
    case
        when {{ text }} ~ '^[0-9]+-[0-9]{2}-[0-9]{2}[T ].*[-+][0-9:]+( BC)?$'
            then {{ utc_day("(" ~ text ~ ")::timestamptz") }}
        else {{ cast_or_fail(text, "date") }}
    end
{%- endmacro %}

{# (The profile has the session in UTC.) #}
{% macro spark__date_in_utc(text) -%}
    {{ cast_or_fail(text, "date") }}
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
