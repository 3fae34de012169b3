{#
    Conditions that part the path rows to be read, a query for each, so that several workers
    can read: on its own, Postgres aggregates in order on one worker only. They are ranges
    of the source's primary key where a good part of the scenarios in scope is due, and one
    condition on all of them where few are. Spark parts the rows itself; none at all where
    nothing is due spares it a pass over them.
#}
{% macro path_ranges(due) %}
    {{ return(adapter.dispatch("path_ranges")(due)) }}
{% endmacro %}

{% macro postgres__path_ranges(due) %}
    {% if not execute or load_relation(ref("int_scenarios")) is none %}
        {{ return(["true"]) }}
    {% endif %}
    {% set parts %}
        with

        due as (

            {{ due }}

        ),

        scenarios as (

            select
                scenario_set_id,
                source_scenario_id,
                count(*) over () as num_scenarios,
                count(*) over (partition by scenario_set_id) as num_in_set
            from {{ ref("int_scenarios") }}
            where {{ in_scope() }}

        ),

        parted as (

            select
                *,
                ntile(
                    greatest(
                        1,
                        least(
                            round(8.0 * num_in_set / num_scenarios), num_in_set / 1000
                        )::int
                    )
                ) over (
                    partition by scenario_set_id order by source_scenario_id
                ) as part
            from scenarios

        )

        select distinct on (scenario_set_id, part)
            scenario_set_id,
            part,
            source_scenario_id::text as first_id,
            max(part) over (partition by scenario_set_id) as num_parts,
            (select count(*) from due) as num_due,
            num_scenarios
        from parted
        order by scenario_set_id, part, source_scenario_id
    {% endset %}
    {% set parts = run_query(parts).rows %}
    {% if not parts or not parts[0]["num_due"] %}
        {{ return([]) }}
    {% elif parts[0]["num_due"] * 10 < parts[0]["num_scenarios"] %}
        {{ return([
            "(scenario_set_id, scenario_id) in ("
            ~ "select due.scenario_set_id, due.source_scenario_id from (" ~ due ~ ") as due)"
        ]) }}
    {% endif %}
    {% set ranges = [] %}
    {% set whole_sets = [] %}
    {% for part in parts %}
        {% set set_id = text_literal(part["scenario_set_id"]) %}
        {% if part["num_parts"] == 1 %}
            {% do whole_sets.append(set_id) %}
        {% else %}
            {# Open at both ends of the set: every row lies in exactly one range. #}
            {% set conditions = ["scenario_set_id = " ~ set_id] %}
            {% if part["part"] > 1 %}
                {% do conditions.append("scenario_id >= " ~ text_literal(part["first_id"])) %}
            {% endif %}
            {% if part["part"] < part["num_parts"] %}
                {% do conditions.append(
                    "scenario_id < " ~ text_literal(loop.nextitem["first_id"])
                ) %}
            {% endif %}
            {% do ranges.append(conditions | join(" and ")) %}
        {% endif %}
    {% endfor %}
    {% if whole_sets %}
        {% do ranges.append("scenario_set_id in (" ~ whole_sets | join(", ") ~ ")") %}
    {% endif %}
    {{ return(ranges) }}
{% endmacro %}

{% macro spark__path_ranges(due) %}
    {% if not execute or load_relation(ref("int_scenarios")) is none %}
        {{ return(["true"]) }}
    {% endif %}
    {% set is_due = run_query("select 1 from (" ~ due ~ ") as due limit 1").rows | length %}
    {{ return(["true"] if is_due else []) }}
{% endmacro %}
