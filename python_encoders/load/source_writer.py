"""Write a set into the source tables, in one transaction."""

import contextlib
import json
from collections.abc import Iterator

import adbc_driver_manager
from adbc_driver_manager.dbapi import Connection

from python_encoders.dbt_project import PROJECT_DIR
from python_encoders.errors import WorkFailedError, WrongUsageError
from python_encoders.load.scenario_set import ScenarioSet, metadata, path_rows
from python_encoders.postgres import fetch, quoted, relation, with_text_parameters

_TEXT = ("text", "varchar")
# What COPY in binary can be given, by table and column.
_COLUMN_TYPES: dict[str, dict[str, tuple[str, ...]]] = {
    "scenario_sets": {
        "scenario_set_id": _TEXT,
        "name": _TEXT,
        "category": _TEXT,
        "horizon_days": ("int4",),
        "num_paths": ("int4",),
        "base_date_end": ("date",),
        "created_at": ("timestamptz",),
        "metadata": ("jsonb",),
    },
    "scenario_paths": {
        "scenario_set_id": _TEXT,
        "scenario_id": _TEXT,
        "horizon_index": ("int4",),
        "instrument_id": _TEXT,
        "factor_id": _TEXT,
        "macro_id": _TEXT,
        "return_value": ("float8",),
    },
}


def write_set(
    connection: Connection, schema: str, scenario_set: ScenarioSet, *, replace: bool
) -> bool:
    """Write a set, unless it is there with the same content.

    Creates what is missing of schema and tables. All of it is one transaction: a load
    that is interrupted leaves the source as it was.

    Parameters
    ----------
    connection : Connection
        Not in autocommit.
    schema : str
        The source schema.
    scenario_set : ScenarioSet
    replace : bool
        Whether a set with other content may be replaced.

    Returns
    -------
    bool
        False where the same content was there.

    Raises
    ------
    WrongUsageError
        The set is there with other content, and ``replace`` is not said.
    WorkFailedError
        The tables are of other types or the demonstration data, or the role may not write.
    """
    with _rights_explained():
        _create_tables(connection, schema)
        _check_tables(connection, schema)
        sets = f"{quoted(schema)}.scenario_sets"
        # Another load waits here, readers do not.
        _execute(connection, f"lock table {sets} in share row exclusive mode")
        if _is_there(connection, schema, scenario_set, replace):
            return False
        _write_divisors(connection, scenario_set)
        _write_header(connection, schema, scenario_set)
        _write_paths(connection, schema, scenario_set)
        connection.commit()
    return True


def _create_tables(connection: Connection, schema: str) -> None:
    """Create what is missing. Where all is there, the role need not be allowed to."""
    if all(_column_types(connection, schema, table) for table in _COLUMN_TYPES):
        return
    found = fetch(
        connection, "select 1 as found from pg_namespace where nspname = $1", [schema]
    )
    if not found.num_rows:
        _execute(connection, f"create schema {quoted(schema)}")
    _execute(connection, f"set local search_path to {quoted(schema)}")
    statements = (PROJECT_DIR / "setup" / "source_tables.sql").read_text()
    for statement in statements.strip().rstrip(";").split(";\n"):
        _execute(connection, statement)


def _check_tables(connection: Connection, schema: str) -> None:
    for table, expected in _COLUMN_TYPES.items():
        name = f"{schema}.{table}"
        if "demonstration data" in _comment(connection, schema, table):
            raise WorkFailedError(
                f"{name} holds the demonstration data, which `dbt seed` would write anew; "
                "load beside it: --vars '{source_schema: mine}' and DBT_SCHEMA=mine_vectors"
            )
        types = _column_types(connection, schema, table)
        for column, allowed in expected.items():
            if types.get(column) not in allowed:
                raise WorkFailedError(
                    f"{name}.{column} is {types.get(column, 'missing')}, and load writes "
                    f"{allowed[0]}, as in setup/source_tables.sql; load into another "
                    "schema: --vars '{source_schema: mine}'"
                )


def _column_types(connection: Connection, schema: str, table: str) -> dict[str, str]:
    found = fetch(
        connection,
        """
        select attributes.attname::text as column_name, types.typname::text as type_name
        from pg_catalog.pg_attribute as attributes
        inner join pg_catalog.pg_type as types on attributes.atttypid = types.oid
        where
            attributes.attrelid = to_regclass($1)
            and attributes.attnum > 0
            and not attributes.attisdropped
        """,
        [f"{quoted(schema)}.{table}"],
    ).to_pylist()
    return {row["column_name"]: row["type_name"] for row in found}


def _comment(connection: Connection, schema: str, table: str) -> str:
    found = fetch(
        connection,
        "select coalesce(obj_description(to_regclass($1), 'pg_class'), '') as comment",
        [f"{quoted(schema)}.{table}"],
    )
    return str(found["comment"][0].as_py())


def _is_there(
    connection: Connection, schema: str, scenario_set: ScenarioSet, replace: bool
) -> bool:
    """Tell whether the set is there with this content.

    The digest is the one that the last load wrote. The count finds rows that were
    deleted since.
    """
    set_id = scenario_set.scenario_set_id
    found = fetch(
        connection,
        f"""
        select
            sets.metadata #>> '{{load,sha256}}' as digest,
            (
                select count(*) from {quoted(schema)}.scenario_paths as paths
                where paths.scenario_set_id = $1
            ) as num_rows
        from {quoted(schema)}.scenario_sets as sets
        where sets.scenario_set_id = $1
        """,
        [set_id],
    ).to_pylist()
    content = metadata(scenario_set)["load"]
    same = {"digest": content["sha256"], "num_rows": content["num_rows"]}
    if found == [same]:
        return True
    if found and not replace:
        raise WrongUsageError(
            f"set {set_id!r} is in {schema} with other content; --replace writes it anew"
        )
    return False


def _write_divisors(connection: Connection, scenario_set: ScenarioSet) -> None:
    scales = relation("series_scales")
    exists = fetch(connection, "select to_regclass($1) is not null as found", [scales])
    if not exists["found"][0].as_py() and not scenario_set.divisors:
        return
    set_id = scenario_set.scenario_set_id
    _execute(connection, f"delete from {scales} where scenario_set_id = $1", [set_id])
    for (kind, series_id), divisor in scenario_set.divisors.items():
        _execute(
            connection,
            f"""
            insert into {scales} (scenario_set_id, series_kind, series_id, divisor)
            values ($1, $2, $3, $4)
            """,
            [set_id, kind, series_id, divisor],
        )


def _write_header(connection: Connection, schema: str, scenario_set: ScenarioSet) -> None:
    set_id = scenario_set.scenario_set_id
    for table in _COLUMN_TYPES:
        _execute(
            connection,
            f"delete from {quoted(schema)}.{table} where scenario_set_id = $1",
            [set_id],
        )
    _execute(
        connection,
        f"""
        insert into {quoted(schema)}.scenario_sets (
            scenario_set_id, name, category, horizon_days, num_paths, base_date_end,
            created_at, metadata
        )
        values ($1, $2, $3, $4::bigint, $5::bigint, $6::text::date, now(), $7::text::jsonb)
        """,
        [
            set_id,
            scenario_set.name or set_id,
            scenario_set.category,
            scenario_set.num_steps,
            len(scenario_set.cube.scenario_ids),
            scenario_set.as_of,
            json.dumps(metadata(scenario_set), ensure_ascii=False),
        ],
    )


def _write_paths(connection: Connection, schema: str, scenario_set: ScenarioSet) -> None:
    with connection.cursor() as cursor:
        cursor.adbc_ingest(
            "scenario_paths",
            path_rows(scenario_set),
            mode="append",
            db_schema_name=schema,
        )
        # Without statistics the planner takes a new table for empty.
        cursor.execute(f"analyze {quoted(schema)}.scenario_paths")


def _execute(
    connection: Connection, statement: str, parameters: list[object] | None = None
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(with_text_parameters(statement, parameters or []), parameters)


@contextlib.contextmanager
def _rights_explained() -> Iterator[None]:
    try:
        yield
    except adbc_driver_manager.Error as error:
        if error.sqlstate != "42501":
            raise
        raise WorkFailedError(
            f"{str(error).splitlines()[0].split('ERROR:')[-1].strip()}: load needs a role "
            "that may write the source; the one of setup/least_privilege.sql only reads it"
        ) from error
