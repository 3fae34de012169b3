"""Names and values in SQL text, and a query's rows."""

import pyarrow as pa
from adbc_driver_manager.dbapi import Connection

from python_encoders.dbt_project import target_schema
from python_encoders.scope import Scope


def quoted(identifier: str) -> str:
    """Quote a SQL identifier."""
    return '"' + identifier.replace('"', '""') + '"'


def relation(name: str) -> str:
    """Name a relation that dbt has built."""
    return f"{quoted(target_schema())}.{quoted(name)}"


def fetch(connection: Connection, query: str, parameters: list[object]) -> pa.Table:
    """Run one query with parameters and return its rows."""
    with connection.cursor() as cursor:
        cursor.execute(query, parameters or None)
        return cursor.fetch_arrow_table()


def scope_parameters(scope: Scope) -> list[object]:
    """Give $1, the models, and $2, the set or nothing."""
    return [",".join(scope.model_ids), scope.scenario_set_id or ""]
