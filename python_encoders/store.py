"""Everything that Python reads from and writes to Postgres.

Values reach SQL as parameters; a streamed query, which COPY lets have none, finds them in
settings of its session.
"""

import contextlib
import os
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import adbc_driver_manager
import pyarrow as pa
import yaml
from adbc_driver_manager.dbapi import Connection
from adbc_driver_postgresql import StatementOptions

from python_encoders.connection import PROJECT_DIR, first_line
from python_encoders.errors import WorkFailedError, WrongUsageError

ENTITY_TYPE = "SCENARIO"

# Of three batches in hand at a time. Larger ones need more memory and are no faster.
BATCH_BYTES = 4 * 1024**2

SOURCE_COLUMNS = {
    "scenario_sets": {"scenario_set_id", "horizon_days"},
    "scenario_paths": {
        "scenario_set_id",
        "scenario_id",
        "horizon_index",
        "instrument_id",
        "factor_id",
        "macro_id",
        "return_value",
    },
}


class Scope(NamedTuple):
    """What a command is about.

    Attributes
    ----------
    model_ids : tuple of str
        The encoders.
    scenario_set_id : str or None
        One set, or all of them.
    limit : int or None
        The first so many scenario ids of each set, in their order; or all of them.
    """

    model_ids: tuple[str, ...]
    scenario_set_id: str | None = None
    limit: int | None = None


def quoted(identifier: str) -> str:
    """Quote a SQL identifier."""
    return '"' + identifier.replace('"', '""') + '"'


def target_schema() -> str:
    """Name the schema that dbt builds into (``DBT_SCHEMA``)."""
    return os.environ.get("DBT_SCHEMA") or "analytics"


def relation(name: str) -> str:
    """Name a relation that dbt has built."""
    return f"{quoted(target_schema())}.{quoted(name)}"


def fetch(connection: Connection, query: str, parameters: list[object]) -> pa.Table:
    """Run one query with parameters and return its rows."""
    with connection.cursor() as cursor:
        cursor.execute(query, parameters or None)
        return cursor.fetch_arrow_table()


def project_vars() -> dict[str, Any]:
    """Read the project's dbt vars and their defaults."""
    project = yaml.safe_load((PROJECT_DIR / "dbt_project.yml").read_text())
    return dict(project["vars"])


def dbt_var(name: str, variables: dict[str, Any]) -> Any:
    """Find what a dbt var is: as given, else the project's default."""
    return variables.get(name, project_vars()[name])


def check_source(connection: Connection, schema: str) -> None:
    """Check that the source tables are there, with the columns that staging reads.

    Raises
    ------
    WorkFailedError
        Names the schema, the table and the columns that are missing; there are no paths;
        or a set is there twice.
    """
    found = fetch(
        connection,
        """
        select relations.relname::text as table_name, columns.attname::text as column_name
        from pg_catalog.pg_namespace as schemas
        inner join pg_catalog.pg_class as relations
            on schemas.oid = relations.relnamespace
        inner join pg_catalog.pg_attribute as columns
            on relations.oid = columns.attrelid
        where
            schemas.nspname = $1
            and relations.relname in ('scenario_sets', 'scenario_paths')
            and columns.attnum > 0
            and not columns.attisdropped
        """,
        [schema],
    ).to_pylist()
    columns: dict[str, set[str]] = {table: set() for table in SOURCE_COLUMNS}
    for row in found:
        columns[row["table_name"]].add(row["column_name"])
    check_columns(schema, columns, f"database {os.environ['PGDATABASE']}", "dbt seed")
    sets, paths = (f"{quoted(schema)}.{quoted(table)}" for table in SOURCE_COLUMNS)
    if not fetch(connection, f"select 1 as found from {paths} limit 1", []).num_rows:
        raise no_paths(schema)
    twice = fetch(
        connection,
        f"""
        select scenario_set_id::text as scenario_set_id from {sets}
        where scenario_set_id <> ''
        group by scenario_set_id
        having count(*) > 1
        limit 1
        """,
        [],
    )["scenario_set_id"].to_pylist()
    if twice:
        raise set_is_there_twice(schema, twice[0])


def check_columns(
    schema: str, columns: dict[str, set[str]], home: str, seed_command: str
) -> None:
    """Check that the source tables have the columns that staging reads.

    Parameters
    ----------
    schema : str
    columns : dict
        The columns of each source table; of one that is not there, none.
    home : str
        What the schema is in.
    seed_command : str
        What loads the demonstration data there.

    Raises
    ------
    WorkFailedError
        Names the schema, the table and the columns that are missing.
    """
    for table, needed in SOURCE_COLUMNS.items():
        if not columns[table]:
            raise WorkFailedError(
                f"no table {table} in schema {schema} of {home}; the dbt var source_schema "
                f"says which schema holds the scenario tables, `{seed_command}` loads the "
                "demonstration data"
            )
        if missing := sorted(needed - columns[table]):
            raise WorkFailedError(
                f"{schema}.{table} has no column {', '.join(missing)}; staging needs it"
            )


def no_paths(schema: str) -> WorkFailedError:
    """Say that there are no paths: more likely they are being loaded than gone for good."""
    return WorkFailedError(
        f"{schema}.scenario_paths is empty; nothing was built, and no vector was pruned"
    )


def set_is_there_twice(schema: str, set_id: str) -> WorkFailedError:
    """Say which: its scenarios would have two horizons, or two dates."""
    return WorkFailedError(f"{schema}.scenario_sets has set {set_id!r} more than once")


def check_set_in_source(connection: Connection, schema: str, set_id: str) -> None:
    """Check that the source knows the set.

    Raises
    ------
    WrongUsageError
        Says which sets exist.
    """
    sets, paths = (f"{quoted(schema)}.{quoted(table)}" for table in SOURCE_COLUMNS)
    query = f"""
        select 1 as found
        where
            exists (select 1 from {sets} where scenario_set_id = $1)
            or exists (select 1 from {paths} where scenario_set_id = $1)
        """
    if not fetch(connection, query, [set_id]).num_rows:
        _refuse_unknown_set(connection, sets, set_id)


def check_set_is_built(connection: Connection, set_id: str) -> None:
    """Check that dbt has built the set's panels.

    Raises
    ------
    WrongUsageError
        Says which sets have been built.
    """
    built = relation("int_scenario_panels")
    query = f"select 1 as found from {built} where scenario_set_id = $1 limit 1"
    if not fetch(connection, query, [set_id]).num_rows:
        _refuse_unknown_set(connection, built, set_id)


def _refuse_unknown_set(connection: Connection, relation: str, set_id: str) -> None:
    known = fetch(
        connection,
        f"""
        select distinct scenario_set_id::text collate "C" as scenario_set_id
        from {relation}
        order by 1
        limit 21
        """,
        [],
    )["scenario_set_id"].to_pylist()
    raise unknown_set(set_id, known)


def unknown_set(set_id: str, known: list[str]) -> WrongUsageError:
    """Say that there is no such set, and which ones there are; the first 20 of them."""
    names = ", ".join(known[:20]) + (", …" if len(known) > 20 else "")
    return WrongUsageError(f"unknown scenario set {set_id!r}; there are: {names or 'none'}")


def check_is_built(connection: Connection, *names: str) -> None:
    """Check that dbt has built these relations.

    Raises
    ------
    WorkFailedError
        Names the relation that is missing.
    """
    for name in names:
        query = "select to_regclass($1)::text as relation"
        if fetch(connection, query, [relation(name)])["relation"][0].as_py() is None:
            raise WorkFailedError(
                f"schema {target_schema()} has no {name}; build it with `dbt run` first"
            )


@contextlib.contextmanager
def lock(
    connection: Connection, name: str, on_wait: Callable[[str], None]
) -> Iterator[None]:
    """Hold the advisory lock on a name within the target schema.

    Parameters
    ----------
    connection : Connection
        In autocommit; the lock goes with it, however it ends.
    name : str
        What is locked.
    on_wait : callable
        Told who holds the lock, when it has to be waited for.

    Raises
    ------
    WorkFailedError
        The connection was lost, and the lock with it.
    """
    keys: list[object] = [f"scenario_embeddings:{target_schema()}", name]
    tried = fetch(
        connection,
        "select pg_try_advisory_lock(hashtext($1), hashtext($2)) as taken",
        keys,
    )
    if not tried["taken"][0].as_py():
        holders = fetch(
            connection,
            """
            select
                format(
                    'process %s of %s, since %s',
                    sessions.pid, sessions.usename, sessions.backend_start::timestamptz(0)
                ) as holder
            from pg_catalog.pg_locks as locks
            inner join pg_catalog.pg_stat_activity as sessions on locks.pid = sessions.pid
            where
                locks.locktype = 'advisory'
                and locks.granted
                and locks.database = (
                    select oid from pg_catalog.pg_database
                    where datname = current_database()
                )
                and locks.classid = hashtext($1)::bit(32)::bigint::oid
                and locks.objid = hashtext($2)::bit(32)::bigint::oid
            """,
            keys,
        )["holder"].to_pylist()
        on_wait(holders[0] if holders else "another process")
        _notice_the_client_going(connection)
        fetch(connection, "select pg_advisory_lock(hashtext($1), hashtext($2))", keys)
    try:
        yield
    except BaseException:
        # What went wrong is what has to be told, not that the lock went with it.
        with contextlib.suppress(adbc_driver_manager.Error):
            _unlock(connection, keys)
        raise
    try:
        _unlock(connection, keys)
    except adbc_driver_manager.Error as error:
        raise _lost_lock(error) from error


def _unlock(connection: Connection, keys: list[object]) -> None:
    fetch(connection, "select pg_advisory_unlock(hashtext($1), hashtext($2))", keys)


def _notice_the_client_going(connection: Connection) -> None:
    """Have a wait end when its client is killed; Postgres before 14 cannot."""
    with contextlib.suppress(adbc_driver_manager.Error):  # nor can every platform
        fetch(
            connection,
            """
            select set_config(name, '1s', false) from pg_catalog.pg_settings
            where name = 'client_connection_check_interval'
            """,
            [],
        )


def check_lock(connection: Connection) -> None:
    """Check that the connection, and so the locks it holds, is still there.

    Raises
    ------
    WorkFailedError
        It is not: another process may be at work by now.
    """
    try:
        fetch(connection, "select 1 as alive", [])
    except adbc_driver_manager.Error as error:
        raise _lost_lock(error) from error


def _lost_lock(error: BaseException) -> WorkFailedError:
    return WorkFailedError(
        f"the connection that held the lock was lost: {first_line(error)}; the same "
        "command goes on where this one stopped"
    )


def _parameters(scope: Scope) -> list[object]:
    """Give $1, the models, and $2, the set or nothing."""
    return [",".join(scope.model_ids), scope.scenario_set_id or ""]


def _pending(scope: Scope) -> str:
    """Select the keys of the panels that lack a vector, and for which models they do."""
    limited = f"""
        inner join {relation("int_scenarios")} as scenarios
            on
                expected.scenario_set_id = scenarios.scenario_set_id
                and expected.scenario_id = scenarios.scenario_id
                and scenarios.scenario_rank <= {scope.limit}
        """
    return f"""
        select
            expected.scenario_set_id,
            expected.scenario_id,
            expected.panel_fingerprint,
            array_agg(expected.model_id) as model_ids
        from {relation("int_expected_embeddings")} as expected
        {limited if scope.limit else ""}
        left join {relation("numeric_window_embeddings")} as embeddings
            on
                embeddings.entity_type = '{ENTITY_TYPE}'
                and expected.entity_id = embeddings.entity_id
                and expected.as_of_date = embeddings.as_of_date
                and expected.model_id = embeddings.model_id
                and expected.panel_fingerprint = embeddings.panel_fingerprint
        where
            embeddings.entity_id is null
            and expected.is_supported
            and expected.model_id = any(
                string_to_array(current_setting('scenario_embeddings.model_ids'), ',')
            )
            and current_setting('scenario_embeddings.scenario_set_id')
            in ('', expected.scenario_set_id)
        group by
            expected.scenario_set_id, expected.scenario_id, expected.panel_fingerprint
        """


@contextlib.contextmanager
def pending_panels(
    connection: Connection, scope: Scope
) -> Iterator[tuple[int, Iterator[pa.RecordBatch]]]:
    """Stream the panels that lack a vector of their present fingerprint, each once.

    Which they are is put down before, in a temporary table. So the stream, which lasts as
    long as the writing does, holds no lock on the vectors: whoever wants to alter that
    table would wait for the stream, the writing would wait behind them, and the stream for
    the writing, for ever.

    Yields
    ------
    int
        How many vectors are lacking, over all models.
    iterator of pyarrow.RecordBatch
        With scenario_set_id, scenario_id, as_of_date, horizon_days, num_series, series_ids
        (list of text), panel (list of float64, row-major H·N), panel_fingerprint and
        is_pending (list of bool, in the order of the scope's models); batches of about
        ``BATCH_BYTES``.

    Raises
    ------
    WorkFailedError
        While the batches are read: the connection was lost, say.
    """
    fetch(
        connection,
        """
        select
            set_config('scenario_embeddings.model_ids', $1, false),
            set_config('scenario_embeddings.scenario_set_id', $2, false)
        """,
        _parameters(scope),
    )
    with connection.cursor() as cursor:
        cursor.execute(f"create temporary table pending_panels as {_pending(scope)}")
    counted = fetch(
        connection,
        """
        select coalesce(sum(cardinality(model_ids)), 0)::bigint as num_pending
        from pg_temp.pending_panels
        """,
        [],
    )
    connection.commit()
    with connection.cursor() as cursor:
        cursor.adbc_statement.set_options(
            **{StatementOptions.BATCH_SIZE_HINT_BYTES.value: BATCH_BYTES}
        )
        cursor.execute(
            f"""
            select
                panels.*,
                array(
                    select models.model_id = any(pending.model_ids)
                    from string_to_array(
                        current_setting('scenario_embeddings.model_ids'), ','
                    ) as model_ids
                    cross join unnest(model_ids) with ordinality as models (model_id, place)
                    order by models.place
                ) as is_pending
            from {relation("scenario_panels")} as panels
            inner join pg_temp.pending_panels as pending
                on
                    panels.scenario_set_id = pending.scenario_set_id
                    and panels.scenario_id = pending.scenario_id
                    and panels.panel_fingerprint = pending.panel_fingerprint
            """
        )
        batches = _batches(cursor.fetch_record_batch())
        with contextlib.closing(_read_ahead(batches)) as batches_ahead:
            yield counted["num_pending"][0].as_py(), batches_ahead


def _read_ahead(batches: Iterator[pa.RecordBatch]) -> Generator[pa.RecordBatch]:
    # Server and driver are at the next batch while the last one is encoded and written.
    with ThreadPoolExecutor(max_workers=1) as reader:
        following = reader.submit(next, batches, None)
        while (batch := following.result()) is not None:
            following = reader.submit(next, batches, None)
            yield batch


def _batches(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    # What goes wrong amid the stream comes as an error of Arrow's, not of the driver's.
    try:
        yield from reader
    except (pa.ArrowException, OSError) as error:
        raise WorkFailedError(f"Postgres: {first_line(error)}") from error


def prune(connection: Connection, scope: Scope) -> int:
    """Delete the orphaned and outdated vectors in scope; count them.

    Orphaned: the scenario is gone from the source, or rejected, or has another date by now.
    Outdated: an encoder outside of this run made the vector from a panel that has changed
    since. (The encoders of this run write theirs anew.) A vector whose scenario or set no
    run of dbt has built yet stays.
    """
    limited = f"""
            and exists (
                select 1 from {relation("int_scenarios")} as scenarios
                where
                    scenarios.scenario_set_id = embeddings.scenario_set_id
                    and scenarios.scenario_id = embeddings.scenario_id
                    and scenarios.scenario_rank <= {scope.limit}
            )
        """
    pruned = fetch(
        connection,
        f"""
        with embeddings as (
            select
                *,
                window_spec ->> 'scenario_set_id' as scenario_set_id,
                window_spec ->> 'scenario_id' as scenario_id
            from {relation("numeric_window_embeddings")}
            where
                entity_type = '{ENTITY_TYPE}'
                and model_id in (select model_id from {relation("encoder_limits")})
        ),

        doomed as materialized (
            select
                embeddings.entity_type,
                embeddings.entity_id,
                embeddings.as_of_date,
                embeddings.model_id,
                embeddings.panel_fingerprint
            from embeddings
            where
                $2 in ('', embeddings.scenario_set_id)
                and not exists (
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
                -- Scenarios that dbt has seen and not built: beyond a limit, say.
                and not exists (
                    select 1 from {relation("int_scenarios")} as scenarios
                    left join {relation("int_scenario_panels")} as panels
                        on
                            scenarios.scenario_set_id = panels.scenario_set_id
                            and scenarios.scenario_id = panels.scenario_id
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
                {limited if scope.limit else ""}
        ),

        -- A vector that another run has written anew since then has another fingerprint.
        pruned as (
            delete from {relation("numeric_window_embeddings")} as embeddings
            using doomed
            where
                embeddings.entity_type = doomed.entity_type
                and embeddings.entity_id = doomed.entity_id
                and embeddings.as_of_date = doomed.as_of_date
                and embeddings.model_id = doomed.model_id
                and embeddings.panel_fingerprint
                is not distinct from doomed.panel_fingerprint
            returning 1
        )

        select count(*) as num_pruned from pruned
        """,
        _parameters(scope),
    )
    connection.commit()
    return int(pruned["num_pruned"][0].as_py())


def create_staging(connection: Connection) -> None:
    """Create the temporary table that vectors are copied into; it goes with the session."""
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
                ),
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
    """Tell the planner what has been written; it would take the table for empty.

    Not of the vectors and window_specs, whose statistics take a second and nobody asks for.
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
        _parameters(scope),
    )
