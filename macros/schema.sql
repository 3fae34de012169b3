{#
    A configured schema is taken as it is, so that seeds land in the source schema. Names
    that dbt would let out of their quotes, in SQL or in a hook's Jinja, are refused: every
    command comes by here, with the var source_schema and with DBT_SCHEMA.
#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- set name = custom_schema_name if custom_schema_name else target.schema -%}
    {%- for sign in ["'", '"', "{"] if sign in name -%}
        {{ exceptions.raise_compiler_error(
            "a schema's name (DBT_SCHEMA, the var source_schema) must not have a " ~ sign
            ~ ", and this one does: " ~ name
        ) }}
    {%- endfor -%}
    {%- if name != name | trim or name.encode() | length > 63 -%}
        {{ exceptions.raise_compiler_error(
            "a schema's name (DBT_SCHEMA, the var source_schema) is too long (63 bytes at "
            ~ "most) or begins or ends with a blank: '" ~ name ~ "'"
        ) }}
    {%- endif -%}
    {{ name }}
{%- endmacro %}
