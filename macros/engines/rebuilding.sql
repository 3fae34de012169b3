{#
    True where a model leaves alone what it knows to be unchanged. On Spark it never does:
    the partitions of the sets in scope are written whole.
#}
{% macro leaves_unchanged() -%}
    {{ return(adapter.dispatch("leaves_unchanged")()) }}
{%- endmacro %}

{% macro postgres__leaves_unchanged() -%}
    {{ return(is_incremental()) }}
{%- endmacro %}

{% macro spark__leaves_unchanged() -%}
    {{ return(false) }}
{%- endmacro %}


{#
    Delete the rows of the sets in scope from an incremental model that is about to write
    them anew. The lock keeps another run from doing the same at the same time: neither
    would see the other's rows, and all would be there twice. Spark overwrites the
    partitions that it writes, but a set may have no more rows to write.
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

{% macro spark__clear_scope() -%}
    {% if is_incremental() %}
        {% do spark__drop_partitions(
            "select distinct scenario_set_id from " ~ this ~ " where " ~ in_scope()
        ) %}
    {% endif %}
{%- endmacro %}


{#
    Remove from an incremental model what has gone from the relation that it is made from:
    the rows marked is_gone; on Spark, whose partitions are written whole, the sets.
#}
{% macro remove_gone(made_from) -%}
    {{ adapter.dispatch("remove_gone")(made_from) }}
{%- endmacro %}

{% macro postgres__remove_gone(made_from) -%}
    delete from {{ this }} where is_gone
{%- endmacro %}

{% macro spark__remove_gone(made_from) -%}
    {% if is_incremental() %}
        {% do spark__drop_partitions(
            "select scenario_set_id from " ~ this ~ " where " ~ in_scope()
            ~ " except select distinct scenario_set_id from " ~ made_from
            ~ " where " ~ in_scope()
        ) %}
    {% endif %}
{%- endmacro %}

{# Drop this model's partitions of the sets that a query names. #}
{% macro spark__drop_partitions(sets) %}
    {% set partitions = [] %}
    {% for row in run_query(sets).rows %}
        {% do partitions.append("partition (scenario_set_id = " ~ text_literal(row[0]) ~ ")") %}
    {% endfor %}
    {% if partitions %}
        {% do run_query(
            "alter table " ~ this ~ " drop if exists " ~ partitions | join(", ")
        ) %}
    {% endif %}
{% endmacro %}


{#
    What else an incremental model's query selects beside the scenarios it has made: those
    that have gone, for remove_gone. On Spark those beyond the limit, which would go with
    the partition that they share with the others.
#}
{% macro scenarios_not_made(current) -%}
    {{ adapter.dispatch("scenarios_not_made")(current) }}
{%- endmacro %}

{% macro postgres__scenarios_not_made(current) -%}
    {% if is_incremental() and scenario_limit() is none %}

    union all

    {{ gone_rows(current, key=['scenario_set_id', 'scenario_id']) }}

    {% endif %}
{%- endmacro %}

{% macro spark__scenarios_not_made(current) -%}
    {% if is_incremental() and scenario_limit() is not none %}

    union all

    select
        scenario_set_id,
        {% for column in adapter.get_columns_in_relation(this) | map(attribute="name")
            if column != "scenario_set_id" -%}
            {{ column }}{{ "," if not loop.last }}
        {% endfor -%}
    {{ known_rows_not_in(
        "(select * from " ~ current ~ " where scenario_rank <= " ~ scenario_limit() ~ ")",
        key=['scenario_set_id', 'scenario_id']
    ) }}

    {% endif %}
{%- endmacro %}
