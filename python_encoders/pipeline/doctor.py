"""What a backfill would meet on Postgres: its own checks, run one after the other."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from python_encoders.dbt_project import ENCODING_RELATIONS, dbt_var, target_schema
from python_encoders.encoders import ENCODERS
from python_encoders.errors import WorkFailedError, WrongUsageError
from python_encoders.pipeline.dbt_chain import DbtChain, start_dbt, verbatim_vars
from python_encoders.prune_guard import check_prune
from python_encoders.scope import Scope
from python_encoders.wording import counted

if TYPE_CHECKING:
    from adbc_driver_manager.dbapi import Connection


# Tests of dbt's that look at the panels of the last run, and what to do about each row.
_TESTS_OF_UNITS = {
    "assert_no_set_looks_like_levels": "`load --values levels` makes returns of levels",
    "assert_no_series_outweighs_the_others": "another unit? See docs/load.md, Units",
}


class Finding(NamedTuple):
    """One line of what the doctor found.

    Attributes
    ----------
    subject : str
    found : str
    advice : str
        What to do. Empty where nothing is to be done.
    is_failure : bool
        Whether a backfill would fail.
    """

    subject: str
    found: str
    advice: str = ""
    is_failure: bool = False


def diagnose(variables: dict[str, Any]) -> Iterator[Finding]:
    """Find out what a backfill of all sets would meet, and write nothing.

    Parameters
    ----------
    variables : dict
        The dbt vars of the backfill.

    Yields
    ------
    Finding
        The last one is a failure where nothing more can be found out.
    """
    from python_encoders import postgres
    from python_encoders.marts import VectorMarts

    schema = str(dbt_var("source_schema", variables))
    try:
        postgres.choose_server()
        with postgres.plain_errors(), postgres.connect(autocommit=True) as connection:
            yield from _server(connection)
            yield _checked("pooling", lambda: postgres.check_pooling(connection))
            yield _checked("source", lambda: postgres.check_source(connection, schema))
            yield from _source(connection, schema, variables)
            yield _checked("marts", lambda: VectorMarts.read(variables))
            chain = None
            try:
                chain = start_dbt(verbatim_vars(variables))
                yield Finding("dbt", "ok")
            except (WorkFailedError, WrongUsageError) as error:
                yield _failure("dbt", error)
            yield from _target(connection)
            yield from _last_run(connection, schema, chain)
    except (WorkFailedError, WrongUsageError) as error:
        yield _failure("connection", error)


def _checked(subject: str, check: Callable[[], object]) -> Finding:
    from python_encoders import postgres

    try:
        with postgres.plain_errors():
            check()
    except (WorkFailedError, WrongUsageError) as error:
        return _failure(subject, error)
    return Finding(subject, "ok")


def _failure(subject: str, error: Exception) -> Finding:
    # The messages of the commands say what to do behind the first semicolon.
    found, _, advice = str(error).partition("; ")
    return Finding(subject, found, advice or "see docs/workflow.md, section 5", True)


def _server(connection: "Connection") -> Iterator[Finding]:
    from python_encoders import postgres

    [server] = postgres.fetch(
        connection,
        """
        select
            current_setting('server_version') as version,
            current_setting('server_version_num')::int >= 140000 as is_supported,
            (
                select extversion from pg_catalog.pg_extension where extname = 'vector'
            ) as pgvector,
            current_setting('server_encoding') as encoding,
            databases.datcollate::text as locale,
            databases.datcollate in ('C', 'POSIX') as is_by_code_point,
            current_setting('TimeZone') = 'UTC'
            and current_setting('standard_conforming_strings') = 'on'
            and current_setting('idle_session_timeout') = '0' as is_pinned
        from pg_catalog.pg_database as databases
        where databases.datname = current_database()
        """,
        [],
    ).to_pylist()
    yield Finding(
        "server",
        f"PostgreSQL {server['version']}",
        "" if server["is_supported"] else "use PostgreSQL 14 or later",
        not server["is_supported"],
    )
    pgvector = server["pgvector"]
    yield Finding("pgvector", pgvector or "not installed; only searches use it")
    sorts = "sorts" if server["is_by_code_point"] else "does not sort"
    yield Finding(
        "locale",
        f"{server['encoding']}, {server['locale']}: "
        f"it {sorts} by code point, and no result depends on it",
    )
    yield Finding(
        "session",
        "pinned" if server["is_pinned"] else "PGOPTIONS does not reach the server",
        ""
        if server["is_pinned"]
        else "a pooler drops PGOPTIONS: give the role idle_session_timeout 0",
    )


def _source(
    connection: "Connection", schema: str, variables: dict[str, Any]
) -> Iterator[Finding]:
    from python_encoders import postgres
    from python_encoders.search import check_index_metric

    for table, columns in postgres.column_types(connection, schema).items():
        types = ", ".join(f"{name} {its_type}" for name, its_type in columns.items())
        yield Finding(table, types or "not there")
    if statement := postgres.index_to_create(connection, schema):
        yield Finding("index", "scenario_paths has none on set and scenario", statement)
    if tables := postgres.tables_with_row_security(connection, schema):
        yield Finding(
            "row security",
            f"active on {' and '.join(tables)}",
            "see that its policies let this role read all rows",
        )
    index_metric = dbt_var("vector_index_metric", variables)
    if index_metric is not None:
        yield _checked("vector index", lambda: check_index_metric(connection, index_metric))


def _target(connection: "Connection") -> Iterator[Finding]:
    from python_encoders import postgres

    try:
        state = postgres.check_target_is_ours(connection)
    except WorkFailedError as error:
        yield _failure("target", error)
        return
    yield Finding("target", f"schema {target_schema()}: {state}")


def _last_run(
    connection: "Connection", schema: str, chain: DbtChain | None
) -> Iterator[Finding]:
    from python_encoders import postgres

    try:
        postgres.check_is_built(
            connection, *ENCODING_RELATIONS, "stg_prometheus__scenario_paths"
        )
    except WorkFailedError:
        yield Finding("backfill", "nothing is built yet, or not all of it", "run one")
        return
    scope = Scope(tuple(ENCODERS))
    coverage = postgres.coverage(connection, scope).to_pylist()
    for row in coverage:
        if row["num_rejected"]:
            yield Finding(
                f"set {row['scenario_set_id']}",
                f"{row['num_rejected']} of {row['num_in_source']} rejected by "
                f"{row['model_id']}",
                "see scenario_rejections, scenario_model_rejections, docs/rejections.md",
            )
    if chain is not None:
        for test, rows in chain.rows_found(*_TESTS_OF_UNITS).items():
            for row in rows:
                yield Finding("units", row, _TESTS_OF_UNITS[test])
    if (read := postgres.schemas_of_source(connection)) != [schema]:
        yield Finding(
            "backfill",
            f"the last run read schema {' and '.join(read)}, not {schema}; vectors of "
            "scenarios that are not in the new one would be pruned",
            "give each source a DBT_SCHEMA of its own",
        )
        return
    yield from _backfill(connection, scope, sum(row["num_pending"] for row in coverage))


def _backfill(
    connection: "Connection", scope: Scope, num_pending: int
) -> Iterator[Finding]:
    from python_encoders import postgres

    told = postgres.forecast(connection, scope)
    yield Finding(
        "since the last run",
        f"scenarios by their ids: {told.num_new} new, {told.num_gone} gone; only a build "
        "tells which rows have changed",
    )
    num_encoded = num_pending + told.num_new * len(scope.model_ids)
    yield Finding(
        "backfill",
        f"would encode up to {counted(num_encoded, 'vector')} and prune "
        f"{told.num_pruned}, with all encoders; more where rows have changed",
    )
    yield _checked(
        "prune guard", lambda: check_prune(told.num_scenarios_by_loss, max_prune=None)
    )
