{# A table's row as JSON, to be asked for columns that it may lack. #}
{% macro row_as_json(table_alias) -%}
    {{ adapter.dispatch("row_as_json")(table_alias) }}
{%- endmacro %}

{% macro postgres__row_as_json(table_alias) -%}
    to_jsonb({{ table_alias }})
{%- endmacro %}

{% macro spark__row_as_json(table_alias) -%}
    to_json(
        struct({{ table_alias }}.*),
        map('timestampFormat', "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX")
    )
{%- endmacro %}


{# A member of a JSON object as text. #}
{% macro json_text(object, member) -%}
    {{ adapter.dispatch("json_text")(object, member) }}
{%- endmacro %}

{% macro postgres__json_text(object, member) -%}
    ({{ object }} ->> '{{ member }}')
{%- endmacro %}

{% macro spark__json_text(object, member) -%}
    get_json_object({{ object }}, '$.{{ member }}')
{%- endmacro %}


{# A member of a JSON object as a double. #}
{% macro json_double(object, member) -%}
    {{ adapter.dispatch("json_double")(object, member) }}
{%- endmacro %}

{% macro postgres__json_double(object, member) -%}
    ({{ object }} ->> '{{ member }}')::float8
{%- endmacro %}

{% macro spark__json_double(object, member) -%}
    {{ cast_or_fail(json_text(object, member), "double") }}
{%- endmacro %}


{# A member of a JSON object as JSON. #}
{% macro json_member(object, member) -%}
    {{ adapter.dispatch("json_member")(object, member) }}
{%- endmacro %}

{% macro postgres__json_member(object, member) -%}
    {{ object }} -> '{{ member }}'
{%- endmacro %}

{% macro spark__json_member(object, member) -%}
    get_json_object({{ object }}, '$.{{ member }}')
{%- endmacro %}


{# A JSON value where it is an object, else NULL. #}
{% macro json_object_or_null(value) -%}
    {{ adapter.dispatch("json_object_or_null")(value) }}
{%- endmacro %}

{% macro postgres__json_object_or_null(value) -%}
    case
        when jsonb_typeof({{ value }}) = 'object'
            then {{ value }}
    end
{%- endmacro %}

{% macro spark__json_object_or_null(value) -%}
    case when startswith(ltrim({{ value }}), '{') then {{ value }} end
{%- endmacro %}


{# For `from`: the names and values of a JSON object's members. #}
{% macro json_members(object) -%}
    {{ adapter.dispatch("json_members")(object) }}
{%- endmacro %}

{% macro postgres__json_members(object) -%}
    jsonb_each({{ object }})
{%- endmacro %}

{% macro spark__json_members(object) -%}
    explode(from_json({{ object }}, 'map<string, string>'))
{%- endmacro %}


{# A JSON object out of SQL values, by name. #}
{% macro json_object(members) -%}
    {%- set pairs = [] -%}
    {%- for name, value in members.items() -%}
        {%- do pairs.append("'" ~ name ~ "', " ~ value) -%}
    {%- endfor -%}
    {{ adapter.dispatch("json_object")(pairs | join(", ")) }}
{%- endmacro %}

{% macro postgres__json_object(pairs) -%}
    jsonb_build_object({{ pairs }})
{%- endmacro %}

{% macro spark__json_object(pairs) -%}
    to_json(named_struct({{ pairs }}), map('ignoreNullFields', 'false'))
{%- endmacro %}
