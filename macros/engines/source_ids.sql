{#
    The scenarios of some sets in scope that the source holds, each once: scenario_set_id,
    as the query `sets` selects it, and scenario_id in the source's own type. Postgres looks
    at every row for that. Where it says that an index leads it from one id to the next, it
    is asked to go that way, at some microseconds a scenario instead of a tenth of one a row.
#}
{% macro source_scenario_ids(sets) %}
    {{ return(adapter.dispatch("source_scenario_ids")(sets)) }}
{% endmacro %}

{% macro default__source_scenario_ids(sets) %}
    {% set ids %}
        select
            sets.scenario_set_id,
            ids.scenario_id
        from (
            select distinct
                scenario_set_id,
                scenario_id
            from {{ ref("stg_prometheus__scenario_paths") }}
            where {{ in_scope() }}
        ) as ids
        inner join ({{ sets }}) as sets on ids.scenario_set_id = sets.scenario_set_id
    {% endset %}
    {{ return(ids) }}
{% endmacro %}

{% macro postgres__source_scenario_ids(sets) %}
    {% set paths = ref("stg_prometheus__scenario_paths") %}
    {% set from_id_to_id %}
        select
            sets.scenario_set_id,
            ids.scenario_id
        from ({{ sets }}) as sets
        cross join lateral (
            with recursive ids as (

                (
                    select paths.scenario_id
                    from {{ paths }} as paths
                    where paths.scenario_set_id = sets.scenario_set_id
                    order by paths.scenario_id
                    limit 1
                )

                union all

                select following.scenario_id
                from ids
                cross join lateral (
                    select paths.scenario_id
                    from {{ paths }} as paths
                    where
                        paths.scenario_set_id = sets.scenario_set_id
                        and paths.scenario_id > ids.scenario_id
                    order by paths.scenario_id
                    limit 1
                ) as following

            )

            select * from ids
        ) as ids
    {% endset %}
    {% set many = "select avg(num_rows) >= 100 from " ~ ref("int_scenarios") %}
    {% if execute and flags.WHICH in ("build", "test") %}
        {% set plan = plan_of(from_id_to_id) %}
        {#- The set before the id, as in the index; a varchar is compared as text. #}
        {% set by_set_and_id = (
            "Index Cond: .*scenario_set_id\\)?(::text)? = .*scenario_id\\)?(::text)? > \\(?ids"
        ) %}
        {% if (
            modules.re.search(by_set_and_id, plan)
            and "Sort  (cost" not in plan
            and run_query(many).rows[0][0]
        ) %}
            {{ return(from_id_to_id) }}
        {% endif %}
    {% endif %}
    {{ return(default__source_scenario_ids(sets)) }}
{% endmacro %}
