"""Postgres: the server, connections to it, and all that Python reads and writes there.

``server`` is a module. It is imported only where the embedded server is started or stopped.
"""

from python_encoders.postgres.checks import (
    check_is_built,
    check_pooling,
    check_set_in_source,
    check_set_is_built,
    check_source,
    check_target_is_ours,
    column_types,
    index_to_create,
    schemas_of_source,
    tables_with_row_security,
)
from python_encoders.postgres.connection import (
    EMBEDDED_HOME,
    choose_server,
    connect,
    plain_errors,
)
from python_encoders.postgres.encoding import encode
from python_encoders.postgres.forecast import forecast
from python_encoders.postgres.locks import lock
from python_encoders.postgres.pending_panels import BATCH_BYTES
from python_encoders.postgres.scales import scale_as, scale_by_sd
from python_encoders.postgres.sql import fetch, quoted, relation, with_text_parameters
from python_encoders.postgres.vectors import coverage, rejections

__all__ = [
    "BATCH_BYTES",
    "EMBEDDED_HOME",
    "check_is_built",
    "check_pooling",
    "check_set_in_source",
    "check_set_is_built",
    "check_source",
    "check_target_is_ours",
    "choose_server",
    "column_types",
    "connect",
    "coverage",
    "encode",
    "fetch",
    "forecast",
    "index_to_create",
    "lock",
    "plain_errors",
    "quoted",
    "rejections",
    "relation",
    "scale_as",
    "scale_by_sd",
    "schemas_of_source",
    "server",
    "tables_with_row_security",
    "with_text_parameters",
]
