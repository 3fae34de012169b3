"""Checks before a run: of the source tables, and of what dbt has built."""

import os

import adbc_driver_manager
from adbc_driver_manager.dbapi import Connection

from python_encoders.dbt_project import ENCODING_RELATIONS, target_schema
from python_encoders.errors import WorkFailedError
from python_encoders.postgres.sql import fetch, quoted, relation
from python_encoders.source_tables import (
    SOURCE_COLUMNS,
    check_columns,
    no_paths,
    set_is_there_twice,
    unknown_set,
)


def column_types(connection: Connection, schema: str) -> dict[str, dict[str, str]]:
    """Give the columns of each source table with their types. A missing table has none."""
    found = fetch(
        connection,
        """
        select
            relations.relname::text as table_name,
            columns.attname::text as column_name,
            pg_catalog.format_type(columns.atttypid, columns.atttypmod) as type_name
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
        order by columns.attnum
        """,
        [schema],
    ).to_pylist()
    columns: dict[str, dict[str, str]] = {table: {} for table in SOURCE_COLUMNS}
    for row in found:
        columns[row["table_name"]][row["column_name"]] = row["type_name"]
    return columns


def check_source(connection: Connection, schema: str) -> None:
    """Check that the source tables are there, with the columns that staging reads.

    Raises
    ------
    WorkFailedError
        Names the schema, the table and the columns that are missing. Also where
        there are no paths, or a set is there twice.
    """
    columns = {
        table: set(types) for table, types in column_types(connection, schema).items()
    }
    check_columns(schema, columns, f"database {os.environ['PGDATABASE']}", "dbt seed")
    sets, paths = (f"{quoted(schema)}.{quoted(table)}" for table in SOURCE_COLUMNS)
    if not fetch(connection, f"select 1 as found from {paths} limit 1", []).num_rows:
        raise no_paths(schema)
    twice = fetch(
        connection,
        f"""
        select scenario_set_id::text collate "C" as scenario_set_id from {sets}
        where scenario_set_id::text <> ''
        group by 1
        having count(*) > 1
        limit 1
        """,
        [],
    )["scenario_set_id"].to_pylist()
    if twice:
        raise set_is_there_twice(schema, twice[0])


def check_pooling(connection: Connection) -> None:
    """Check that two open connections are two sessions of the server.

    Raises
    ------
    WorkFailedError
        They share one: a pooler gives a session to each transaction. A lock would be held
        by whoever comes next.
    """
    backend = "select pg_backend_pid() as backend"
    with connection.adbc_clone() as second:
        # In a transaction it would keep one of the pooler's sessions for itself.
        second.adbc_connection.set_autocommit(True)
        pids = [fetch(one, backend, [])["backend"][0] for one in (connection, second)]
    if pids[0] == pids[1]:
        raise WorkFailedError(
            "two connections share one session of the server: a pooler in transaction "
            "mode, where locks do not hold; connect to Postgres itself, or to a pooler in "
            "session mode"
        )


def schemas_of_source(connection: Connection) -> list[str]:
    """Name the schema whose tables the staging views read. Two, where each has its own."""
    return [
        str(name)
        for name in fetch(
            connection,
            """
            select distinct schemas.nspname::text as name
            from pg_catalog.pg_rewrite as rules
            inner join pg_catalog.pg_depend as depends
                on
                    depends.classid = 'pg_catalog.pg_rewrite'::regclass
                    and rules.oid = depends.objid
                    and depends.refclassid = 'pg_catalog.pg_class'::regclass
            inner join pg_catalog.pg_class as tables on depends.refobjid = tables.oid
            inner join pg_catalog.pg_namespace as schemas
                on tables.relnamespace = schemas.oid
            where
                rules.ev_class in (to_regclass($1), to_regclass($2))
                and tables.oid <> rules.ev_class
            """,
            [relation(f"stg_prometheus__{table}") for table in SOURCE_COLUMNS],
        )["name"].to_pylist()
    ]


def tables_with_row_security(connection: Connection, schema: str) -> list[str]:
    """Name the source tables of which row policies may hide rows from this role."""
    return [
        str(name)
        for name in fetch(
            connection,
            """
            select relations.relname::text as name
            from pg_catalog.pg_class as relations
            inner join pg_catalog.pg_namespace as schemas
                on relations.relnamespace = schemas.oid
            where
                schemas.nspname = $1
                and relations.relname in ('scenario_sets', 'scenario_paths')
                and row_security_active(relations.oid)
            order by relations.relname desc
            """,
            [schema],
        )["name"].to_pylist()
    ]


def index_to_create(connection: Connection, schema: str) -> str | None:
    """Give the statement that creates the index a large scenario_paths lacks, or None.

    dbt reads stale scenarios one by one. Without an index on set and scenario, each of them
    takes a scan of the whole table. Nothing is known of the indexes below a view.
    """
    found = fetch(
        connection,
        """
        select 1 as found
        from pg_catalog.pg_class as paths
        inner join pg_catalog.pg_namespace as schemas on paths.relnamespace = schemas.oid
        where
            schemas.nspname = $1
            and paths.relname = 'scenario_paths'
            and paths.relkind in ('r', 'm', 'p')
            and pg_catalog.pg_table_size(paths.oid) > 16 * 1024 * 1024
            and not exists (
                select 1 from pg_catalog.pg_index as indexes
                where
                    indexes.indrelid = paths.oid
                    and indexes.indisvalid
                    and indexes.indpred is null
                    and (
                        select array_agg(columns.attname::text order by columns.attname)
                        from pg_catalog.pg_attribute as columns
                        where
                            columns.attrelid = paths.oid
                            and columns.attnum in (indexes.indkey[0], indexes.indkey[1])
                    ) = array['scenario_id', 'scenario_set_id']
            )
        """,
        [schema],
    )
    if not found.num_rows:
        return None
    paths = f"{quoted(schema)}.{quoted('scenario_paths')}"
    return f"create index on {paths} (scenario_set_id, scenario_id)"


def check_set_in_source(connection: Connection, schema: str, set_id: str) -> None:
    """Check that the source knows the set.

    Raises
    ------
    WrongUsageError
        Says which sets exist.
    """
    sets, paths = (f"{quoted(schema)}.{quoted(table)}" for table in SOURCE_COLUMNS)
    # (A cast of the paths' own ids would not find their index.)
    set_type = fetch(
        connection,
        """
        select format_type(atttypid, atttypmod) as type from pg_catalog.pg_attribute
        where attrelid = to_regclass($1) and attname = 'scenario_set_id'
        """,
        [paths],
    )["type"][0]
    query = f"""
        select 1 as found
        where
            exists (select 1 from {sets} where scenario_set_id::text = $1)
            or exists (
                select 1 from {paths} where scenario_set_id = cast($1 as {set_type})
            )
        """
    try:
        is_known = fetch(connection, query, [set_id]).num_rows > 0
    except adbc_driver_manager.DataError:  # of another type
        is_known = False
    if not is_known:
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


def check_target_is_ours(connection: Connection) -> str:
    """Check that dbt may build in the target schema. Say in what state it is.

    Raises
    ------
    WorkFailedError
        The role may not create relations there, or does not own one that dbt replaces.
    """
    [target] = fetch(
        connection,
        """
        select
            to_regnamespace(quote_ident($1)) is not null as is_there,
            case
                when to_regnamespace(quote_ident($1)) is null
                    then has_database_privilege(current_database(), 'create')
                else has_schema_privilege(to_regnamespace(quote_ident($1)), 'create')
            end as may_create,
            (
                select min(relations.relname)::text
                from pg_catalog.pg_class as relations
                where
                    relations.relnamespace = to_regnamespace(quote_ident($1))
                    and relations.relname = any(string_to_array($2, ','))
                    and not pg_has_role(relations.relowner, 'usage')
            ) as foreign_relation
        """,
        [target_schema(), ",".join(ENCODING_RELATIONS)],
    ).to_pylist()
    schema = target_schema()
    advice = "`setup/least_privilege.sql` creates a role with this right"
    if not target["may_create"]:
        raise WorkFailedError(f"this role may not create relations in {schema}; {advice}")
    if (foreign := target["foreign_relation"]) is not None:
        raise WorkFailedError(
            f"this role does not own {schema}.{foreign}, and dbt replaces what it builds; "
            f"{advice}"
        )
    return "this role may build here" if target["is_there"] else "dbt will create it"
