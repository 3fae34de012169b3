"""The extension pgvector, where the database has it."""

import os

from adbc_driver_manager.dbapi import Connection

from python_encoders.errors import WorkFailedError, WrongUsageError
from python_encoders.metrics import METRICS
from python_encoders.postgres import fetch


def find_pgvector(connection: Connection) -> str | None:
    """Name the schema that the extension pgvector is installed in, if it is."""
    found = fetch(
        connection,
        """
        select schemas.nspname::text as name
        from pg_catalog.pg_extension as extensions
        inner join pg_catalog.pg_namespace as schemas
            on extensions.extnamespace = schemas.oid
        where extensions.extname = 'vector'
        """,
        [],
    )["name"].to_pylist()
    return found[0] if found else None


def check_index_metric(connection: Connection, metric: object) -> None:
    """Check that an index on vectors can be built for a metric.

    Raises
    ------
    WrongUsageError
        No such metric.
    WorkFailedError
        No extension. Says how to install it.
    """
    if metric not in METRICS:
        raise WrongUsageError(
            f"the var vector_index_metric is {' or '.join(METRICS)}, not {metric!r}"
        )
    if find_pgvector(connection) is None:
        raise WorkFailedError(
            "the var vector_index_metric needs the extension pgvector; in database "
            f"{os.environ['PGDATABASE']}: create extension vector"
        )
