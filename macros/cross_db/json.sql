{#
    A table's row as JSON, to be asked for columns that it may lack.

        select {{ row_as_json('scenario_sets') }} from source as scenario_sets
#}
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


{#
    A member of a JSON object as text; NULL where there is none.

        {{ json_text('window_spec', 'scenario_set_id') }}
#}
{% macro json_text(object, member) -%}
    {%- if target.type == "spark" -%}
        get_json_object({{ object }}, '$.{{ member }}')
    {%- else -%}
        ({{ object }} ->> '{{ member }}')
    {%- endif -%}
{%- endmacro %}


{#
    A member of a JSON object as a double.

        {{ json_double('window_spec', 'cells_dropped') }}
#}
{% macro json_double(object, member) -%}
    {{ cast_or_fail(json_text(object, member), type_double()) }}
{%- endmacro %}


{#
    A member of a JSON object as JSON; Spark keeps JSON as text.

        {{ json_member('columns', 'metadata') }}
#}
{% macro json_member(object, member) -%}
    {{ json_text(object, member) if target.type == "spark"
       else object ~ " -> '" ~ member ~ "'" }}
{%- endmacro %}


{#
    A JSON value; where it is a text that holds JSON, what it holds. Postgres can tell such
    a text from 16 on. Before, and on Spark, it stays a text.

        {{ parsed_json(json_member('columns', 'metadata')) }}
#}
{% macro parsed_json(json) -%}
    {{ adapter.dispatch("parsed_json")(json) }}
{%- endmacro %}

{% macro postgres__parsed_json(json) -%}
    {%- set version = 0 -%}
    {%- if execute -%}
        {%- set version = run_query("show server_version_num").rows[0][0] | int -%}
    {%- endif -%}
    {%- set text = "(" ~ json ~ " #>> '{}')" -%}
    {%- if version < 160000 -%}
        {{ json }}
    {%- else -%}
        case
            when jsonb_typeof({{ json }}) = 'string' and pg_input_is_valid({{ text }}, 'jsonb')
                then {{ text }}::jsonb
            else {{ json }}
        end
    {%- endif -%}
{%- endmacro %}

{% macro spark__parsed_json(json) -%}
    {{ json }}
{%- endmacro %}
