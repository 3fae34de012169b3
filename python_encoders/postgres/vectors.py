"""The vectors' table: prune, write, the coverage of the source, and why some lack one."""

import pyarrow as pa
from adbc_driver_manager.dbapi import Connection

from python_encoders.postgres.sql import fetch, relation, scope_parameters
from python_encoders.prune_guard import GONE, check_prune
from python_encoders.rejections import rejection_reasons
from python_encoders.scope import ENTITY_TYPE, Scope


def _orphaned(scope: Scope) -> str:
    """Begin a query: the CTEs embeddings, those in scope, and orphaned, those to delete."""
    limited = f"""
            and exists (
                select 1 from {relation("int_scenarios")} as scenarios
                where
                    scenarios.scenario_set_id = stored.window_spec ->> 'scenario_set_id'
                    and scenarios.scenario_id = stored.window_spec ->> 'scenario_id'
                    and scenarios.scenario_rank <= {scope.limit}
            )
        """
    return f"""
        with embeddings as (
            select
                stored.entity_type,
                stored.entity_id,
                stored.as_of_date,
                stored.model_id,
                stored.panel_fingerprint,
                stored.window_spec ->> 'scenario_set_id' as scenario_set_id,
                stored.window_spec ->> 'scenario_id' as scenario_id
            from {relation("numeric_window_embeddings")} as stored
            where
                stored.entity_type = '{ENTITY_TYPE}'
                and stored.model_id in (select model_id from {relation("encoder_limits")})
                and $2 in ('', stored.window_spec ->> 'scenario_set_id')
                {limited if scope.limit else ""}
        ),

        orphaned as materialized (
            select
                embeddings.entity_type,
                embeddings.entity_id,
                embeddings.as_of_date,
                embeddings.model_id,
                embeddings.panel_fingerprint
            from embeddings
            where
                not exists (
                    select 1 from {relation("int_expected_embeddings")} as expected
                    where
                        expected.is_supported
                        and expected.entity_id = embeddings.entity_id
                        and expected.as_of_date = embeddings.as_of_date
                        and expected.model_id = embeddings.model_id
                        and (
                            expected.panel_fingerprint = embeddings.panel_fingerprint
                            or expected.model_id = any(string_to_array($1, ','))
                        )
                )
                -- Scenarios that dbt has seen and not judged: beyond a limit, or pending.
                and not exists (
                    select 1 from {relation("int_scenarios")} as scenarios
                    left join {relation("int_scenario_panels")} as panels
                        on
                            scenarios.scenario_set_id = panels.scenario_set_id
                            and scenarios.scenario_id = panels.scenario_id
                            and panels.content_hash is not null
                    where
                        scenarios.scenario_set_id = embeddings.scenario_set_id
                        and scenarios.scenario_id = embeddings.scenario_id
                        and panels.scenario_id is null
                )
                -- Sets that dbt has not looked at.
                and (
                    embeddings.scenario_set_id in (
                        select scenario_set_id from {relation("int_scenario_sets")}
                    )
                    or not exists (
                        select 1
                        from {relation("stg_prometheus__scenario_paths")} as paths
                        where paths.scenario_set_id = embeddings.scenario_set_id
                    )
                )
        )
        """


def num_orphaned(connection: Connection, scope: Scope) -> int:
    """Count the orphaned and outdated vectors in scope."""
    counted = fetch(
        connection,
        f"{_orphaned(scope)} select count(*) as num_orphaned from orphaned",
        scope_parameters(scope),
    )
    return int(counted["num_orphaned"][0].as_py())


def num_scenarios_by_loss(connection: Connection, scope: Scope) -> dict[str | None, int]:
    """Count the scenarios in scope that have a vector, by why they would be left without.

    The cause is None where the run keeps a vector of the scenario, or writes one.
    """
    counted = fetch(
        connection,
        f"""
        {_orphaned(scope)},

        scenarios as (
            select
                embeddings.entity_id,
                embeddings.scenario_set_id,
                embeddings.scenario_id,
                bool_and(orphaned.entity_id is not null) as is_orphaned
            from embeddings
            left join orphaned
                on
                    embeddings.entity_id = orphaned.entity_id
                    and embeddings.as_of_date = orphaned.as_of_date
                    and embeddings.model_id = orphaned.model_id
            group by
                embeddings.entity_id, embeddings.scenario_set_id, embeddings.scenario_id
        ),

        expected as (
            select
                entity_id,
                bool_or(is_supported) as is_supported,
                min(rejection_reason) as rejection_reason
            from {relation("int_expected_embeddings")}
            where model_id = any(string_to_array($1, ','))
            group by entity_id
        )

        select
            case
                when scenarios.is_orphaned and expected.is_supported is not true
                    then coalesce(
                        panels.rejection_reason, expected.rejection_reason, '{GONE}'
                    )
            end as cause,
            count(*) as num_scenarios
        from scenarios
        left join expected on scenarios.entity_id = expected.entity_id
        left join {relation("int_scenario_panels")} as panels
            on
                scenarios.scenario_set_id = panels.scenario_set_id
                and scenarios.scenario_id = panels.scenario_id
        group by 1
        """,
        scope_parameters(scope),
    )
    return dict(
        zip(counted["cause"].to_pylist(), counted["num_scenarios"].to_pylist(), strict=True)
    )


def prune(connection: Connection, scope: Scope) -> int:
    """Delete the orphaned and outdated vectors in scope. Count them.

    Orphaned: the scenario is gone from the source, or rejected, or has another date by now.
    Outdated: an encoder outside of this run made the vector from a panel that has changed
    since. (The encoders of this run write theirs anew.) A vector whose scenario or set no
    run of dbt has judged yet stays.

    Raises
    ------
    WorkFailedError
        The prune guard stops the run. Nothing is deleted.
    """
    # Counted first: a delete takes a lock on the table, and mostly there is nothing to do.
    if not num_orphaned(connection, scope):
        connection.commit()
        return 0
    check_prune(num_scenarios_by_loss(connection, scope), scope.max_prune)
    pruned = fetch(
        connection,
        f"""
        {_orphaned(scope)},

        -- A vector that another run has written anew since then has another fingerprint.
        pruned as (
            delete from {relation("numeric_window_embeddings")} as embeddings
            using orphaned
            where
                embeddings.entity_type = orphaned.entity_type
                and embeddings.entity_id = orphaned.entity_id
                and embeddings.as_of_date = orphaned.as_of_date
                and embeddings.model_id = orphaned.model_id
                and embeddings.panel_fingerprint
                is not distinct from orphaned.panel_fingerprint
            returning 1
        )

        select count(*) as num_pruned from pruned
        """,
        scope_parameters(scope),
    )
    connection.commit()
    return int(pruned["num_pruned"][0].as_py())


def create_staging(connection: Connection) -> None:
    """Create the temporary table that vectors are copied into. It goes with the session."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            create temporary table staged_vectors (
                scenario_set_id text,
                scenario_id text,
                as_of_date date,
                horizon_days int,
                num_series int,
                panel_fingerprint text,
                is_scaled boolean,
                model_id text,
                cells_dropped int,
                squared_return_dropped float8,
                embedding real[]
            ) on commit delete rows
            """
        )
    connection.commit()


def write_vectors(connection: Connection, vectors: pa.RecordBatch) -> None:
    """Write a batch of vectors, in one transaction: COPY into staging, then one upsert."""
    with connection.cursor() as cursor:
        cursor.adbc_ingest("staged_vectors", vectors, mode="append", temporary=True)
        cursor.execute(
            f"""
            insert into {relation("numeric_window_embeddings")} (
                entity_type, entity_id, window_spec, as_of_date, model_id, embedding,
                panel_fingerprint, created_at
            )
            select
                '{ENTITY_TYPE}',
                scenario_set_id || ':' || scenario_id,
                jsonb_build_object(
                    'entity_type', '{ENTITY_TYPE}',
                    'scenario_set_id', scenario_set_id,
                    'scenario_id', scenario_id,
                    'window_days', horizon_days,
                    'num_series', num_series,
                    'cells_dropped', cells_dropped,
                    'squared_return_dropped', squared_return_dropped
                ) || case when is_scaled then '{{"scaled": true}}' else '{{}}' end::jsonb,
                as_of_date,
                model_id,
                embedding,
                panel_fingerprint,
                now()
            from staged_vectors
            on conflict (entity_type, entity_id, as_of_date, model_id) do update set
                window_spec = excluded.window_spec,
                embedding = excluded.embedding,
                panel_fingerprint = excluded.panel_fingerprint,
                created_at = excluded.created_at
            """
        )
    connection.commit()


def analyze_vectors(connection: Connection) -> None:
    """Give the planner statistics of the new rows. Without, it takes the table for empty.

    The columns embedding and window_spec are left out: their statistics take a second, and
    no query uses them.
    """
    columns = "entity_type, entity_id, as_of_date, model_id, panel_fingerprint"
    with connection.cursor() as cursor:
        cursor.execute(f"analyze {relation('numeric_window_embeddings')} ({columns})")
    connection.commit()


def coverage(connection: Connection, scope: Scope) -> pa.Table:
    """Read ``scenario_set_coverage`` for the models, for one set or all."""
    return fetch(
        connection,
        f"""
        select * from {relation("scenario_set_coverage")}
        where
            model_id = any(string_to_array($1, ','))
            and $2 in ('', scenario_set_id)
        order by scenario_set_id collate "C", model_id collate "C"
        """,
        scope_parameters(scope),
    )


def rejections(connection: Connection, scope: Scope) -> pa.Table:
    """Read why scenarios of the sets in scope have no vector: `rejection_reasons`."""
    return fetch(
        connection,
        f"""
        select * from ({rejection_reasons(relation)}) as reasons
        where
            (model_id is null or model_id = any(string_to_array($1, ',')))
            and $2 in ('', scenario_set_id)
        order by scenario_set_id collate "C", model_id collate "C" nulls first, reason
        """,
        scope_parameters(scope),
    )
