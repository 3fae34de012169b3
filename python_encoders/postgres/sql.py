"""Names and values in SQL text, and a query's rows."""

import re
from collections.abc import Sequence

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


def with_text_parameters(query: str, parameters: Sequence[object]) -> str:
    """Say of each parameter that is a text that it is one: ``$1`` becomes ``$1::text``.

    The driver declares it as a type that is read as text is, whichever pg_type lists last:
    refcursor, say, for which there are no functions. A parallel scan lists in any order.
    """
    for number, value in enumerate(parameters, start=1):
        if isinstance(value, str):
            query = re.sub(rf"\${number}(?!\d)", rf"${number}::text", query)
    return query


def fetch(connection: Connection, query: str, parameters: list[object]) -> pa.Table:
    """Run one query with parameters and return its rows."""
    with connection.cursor() as cursor:
        cursor.execute(with_text_parameters(query, parameters), parameters or None)
        return cursor.fetch_arrow_table()


def scope_parameters(scope: Scope) -> list[object]:
    """Give $1, the models, and $2, the set or nothing."""
    return [",".join(scope.model_ids), scope.scenario_set_id or ""]
