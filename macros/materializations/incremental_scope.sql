{#
    For a pre-hook: delete the rows of the sets in scope, which the model is about to write
    anew. The lock keeps another run from doing the same at once: neither would see the
    other's rows, and all would be there twice.
#}
{% macro clear_scope() -%}
    {{ adapter.dispatch("clear_scope")() }}
{%- endmacro %}

{% macro postgres__clear_scope() -%}
    {% if is_incremental() -%}
        lock table {{ this }} in share row exclusive mode;
        delete from {{ this }} where {{ in_scope() }}
    {%- endif %}
{%- endmacro %}

{# (Partitions that it writes are replaced; a set may have no rows to write any more.) #}
{% macro spark__clear_scope() -%}
    {% if is_incremental() %}
        {% do spark__drop_partitions(
            "select distinct scenario_set_id from " ~ this ~ " where " ~ in_scope()
        ) %}
    {% endif %}
{%- endmacro %}


{#
    For a post-hook: delete the rows in scope whose key a relation has no longer. A limited
    run deletes nothing: it is not about what lies beyond its limit.
#}
{% macro delete_gone(relation, key) -%}
    {% if scenario_limit() is none -%}
        {{ adapter.dispatch("delete_gone")(relation, key) }}
    {%- endif %}
{%- endmacro %}

{% macro postgres__delete_gone(relation, key) -%}
    delete from {{ this }} as existing
    where
        {{ in_scope("existing.scenario_set_id") }}
        and not exists (
            select 1 from {{ relation }} as present
            where
                {% for column in key -%}
                    {{ "and " if not loop.first }}existing.{{ column }} = present.{{ column }}
                {% endfor %}
        )
{%- endmacro %}

{# (A set's partition has been written whole; what can be left is a set that has gone.) #}
{% macro spark__delete_gone(relation, key) -%}
    {% if is_incremental() %}
        {% do spark__drop_partitions(
            "select distinct scenario_set_id from " ~ this ~ " where " ~ in_scope()
            ~ " except select scenario_set_id from " ~ relation ~ " where " ~ in_scope()
        ) %}
    {% endif %}
{%- endmacro %}

{# Drop this model's partitions of the sets that a query names. #}
{% macro spark__drop_partitions(sets) %}
    {% set partitions = [] %}
    {% for row in run_query(sets).rows %}
        {% set set_id = text_literal(row[0]) %}
        {% do partitions.append("partition (scenario_set_id = " ~ set_id ~ ")") %}
    {% endfor %}
    {% if partitions %}
        {% do run_query(
            "alter table " ~ this ~ " drop if exists " ~ partitions | join(", ")
        ) %}
    {% endif %}
{% endmacro %}


{#
    True where a model keeps the rows that are up to date. On Spark it never does: a set's
    partition is written whole.
#}
{% macro keeps_existing_rows() %}
    {{ return(is_incremental() and target.type != "spark") }}
{% endmacro %}


{# For a post-hook: statistics of some columns for the planner; Spark looks as it goes. #}
{% macro analyze_columns(columns) -%}
    {% if target.type != "spark" -%}
        analyze {{ this }} ({{ columns | join(", ") }})
    {%- endif %}
{%- endmacro %}
