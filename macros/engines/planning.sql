{# Tell the planner what a table holds, of some columns or all; Spark looks as it goes. #}
{% macro analyze_table(columns=none) -%}
    {{ adapter.dispatch("analyze_table")(columns) }}
{%- endmacro %}

{% macro postgres__analyze_table(columns) -%}
    analyze {{ this }}{% if columns is not none %} ({{ columns }}){% endif %}
{%- endmacro %}

{% macro spark__analyze_table(columns) -%}
{%- endmacro %}


{#
    A fence at a subquery's end: Postgres' planner takes what follows to leave a single row.
    (The number 0 would keep the query from parallel workers.)
#}
{% macro planner_fence() -%}
    {{ adapter.dispatch("planner_fence")() }}
{%- endmacro %}

{% macro postgres__planner_fence() -%}
    offset '0'
{%- endmacro %}

{% macro spark__planner_fence() -%}
{%- endmacro %}


{# How Postgres would go about a query, in its own words. #}
{% macro plan_of(query) %}
    {{ return(run_query("explain " ~ query).columns[0].values() | join("\n")) }}
{% endmacro %}


{#
    For a pre-hook: have rows that are needed in the order of the source's primary key read
    in it (which Postgres 16 and later can make use of). Of a large table, Postgres would
    take the narrower index and sort each scenario instead, for twice the time. Until the
    transaction ends, which the model is built in; and only where there is an index in that
    order, without which all rows would be sorted.
#}
{% macro read_in_key_order() -%}
    {{ adapter.dispatch("read_in_key_order")() }}
{%- endmacro %}

{% macro postgres__read_in_key_order() -%}
    {% set first_row %}
        select 1
        from {{ ref("stg_prometheus__scenario_paths") }}
        order by
            scenario_set_id, scenario_id, horizon_index,
            raw_instrument_id, raw_factor_id, raw_macro_id
        limit 1
    {% endset %}
    {% if execute and "Sort  (cost" not in plan_of(first_row) -%}
        set local enable_incremental_sort = off;
        set local random_page_cost = 1.1
    {%- endif %}
{%- endmacro %}

{% macro spark__read_in_key_order() -%}
{%- endmacro %}


{#
    A hint after `select`: send the rows that a query finds, joined under a name, to every
    worker, where they are few. Spark joins by dealing out both sides otherwise, and would
    move all paths for the sake of some scenarios; and of none, it would not look at them.
    For `dbt run` alone: `dbt build` would count within unit tests, whose rows it cannot see.
#}
{% macro sent_to_workers(name, query) -%}
    {{ adapter.dispatch("sent_to_workers")(name, query) }}
{%- endmacro %}

{% macro postgres__sent_to_workers(name, query) -%}
{%- endmacro %}

{% macro spark__sent_to_workers(name, query) -%}
    {% if execute and flags.WHICH == "run" -%}
        {% set few = 100000 %}
        {% set count = "select count(*) from (select 1 from (" ~ query ~ ") as found" -%}
        {% if run_query(count ~ " limit " ~ few ~ ") as few").rows[0][0] < few -%}
            /*+ broadcast({{ name }}) */
        {%- endif %}
    {%- endif %}
{%- endmacro %}
