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
