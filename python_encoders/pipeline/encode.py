"""Encode what is pending over panels that dbt has built, on either engine.

A run imports its own engine alone: the other one need not be installed.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from python_encoders.dbt_project import ENCODING_RELATIONS
from python_encoders.encoders import check_models
from python_encoders.pipeline.reporter import Reporter
from python_encoders.scope import Encoded, Scope

if TYPE_CHECKING:
    from adbc_driver_manager.dbapi import Connection

    from python_encoders.marts import NeighborVars


def encode_only(scope: Scope, reporter: Reporter, target: str = "postgres") -> Encoded:
    """Encode what is pending over panels that dbt has built.

    Parameters
    ----------
    scope : Scope
    reporter : Reporter
    target : str
        The engine, ``postgres`` or ``spark``.

    Returns
    -------
    Encoded

    Raises
    ------
    WrongUsageError
        Unknown model or set.
    WorkFailedError
        Nothing is built yet, the engine is out of reach, or the prune guard stops the run.
    """
    check_models(scope.model_ids)
    if target == "spark":
        return _encode_on_spark(scope, reporter)
    return _encode_on_postgres(scope, reporter)


def _encode_on_postgres(scope: Scope, reporter: Reporter) -> Encoded:
    from python_encoders import postgres
    from python_encoders.marts import NeighborVars

    postgres.choose_server()
    with postgres.plain_errors(), postgres.connect(autocommit=True) as connection:
        postgres.check_is_built(connection, *ENCODING_RELATIONS)
        if scope.scenario_set_id is not None:
            postgres.check_set_is_built(connection, scope.scenario_set_id)
        for schema in postgres.schemas_of_source(connection):
            say_row_security(connection, schema, reporter)
        with encoder_locks(connection, scope.model_ids, reporter):
            return encode_and_fill(connection, scope, NeighborVars.read({}), reporter)


def encode_and_fill(
    connection: "Connection", scope: Scope, neighbors: "NeighborVars", reporter: Reporter
) -> Encoded:
    """Encode what is pending on Postgres, then bring the marts of the vectors up to date.

    Parameters
    ----------
    connection : Connection
        In autocommit. It holds the encoders' locks.
    scope : Scope
    neighbors : NeighborVars
        The neighbours are of all sets, whatever the scope.
    reporter : Reporter

    Returns
    -------
    Encoded
    """
    from python_encoders import postgres
    from python_encoders.marts import fill_neighbors

    encoded = postgres.encode(
        scope, reporter.progress, lambda: postgres.check_lock(connection)
    )
    with (
        postgres.lock(connection, "neighbors", tell_holder(reporter, "the neighbours")),
        postgres.connect() as filling,
    ):
        num_written = fill_neighbors(filling, neighbors)
    if num_written:
        reporter.say(f"neighbours: written for {num_written} vectors")
    return encoded


def _encode_on_spark(scope: Scope, reporter: Reporter) -> Encoded:
    from python_encoders.spark import session as spark_session

    spark_session.check_installed()
    from python_encoders.spark import encoding, store

    with spark_session.open_session() as session:
        store.check_is_built(session, *ENCODING_RELATIONS)
        if scope.scenario_set_id is not None:
            store.check_set_is_built(session, scope.scenario_set_id)
        return encoding.encode(session, scope, reporter.progress)


def say_row_security(connection: "Connection", schema: str, reporter: Reporter) -> None:
    """Say where row policies may hide rows of the source's schema from this role."""
    from python_encoders import postgres

    if tables := postgres.tables_with_row_security(connection, schema):
        reporter.say(
            f"row security is active on {' and '.join(tables)}: rows that a policy "
            "hides from this role count as gone"
        )


def tell_holder(reporter: Reporter, what: str) -> Callable[[str], None]:
    """Make the callback of a lock that has to wait: it names the lock and its holder."""
    return lambda holder: reporter.say(f"waiting for {what}: held by {holder}")


@contextlib.contextmanager
def encoder_locks(
    connection: "Connection", model_ids: Sequence[str], reporter: Reporter
) -> Iterator[None]:
    """Hold the locks of these encoders on Postgres.

    Parameters
    ----------
    connection : Connection
        In autocommit.
    model_ids : sequence of str
    reporter : Reporter
        Told the holder of a lock that another session holds.

    Raises
    ------
    WorkFailedError
        The connection was lost, and the locks with it; or a pooler keeps no locks.
    """
    from python_encoders.postgres import check_pooling, lock

    check_pooling(connection)
    with contextlib.ExitStack() as locks:
        # All runs take them in one order, so that no two runs wait for each other.
        for model_id in sorted(model_ids):
            locks.enter_context(lock(connection, model_id, tell_holder(reporter, model_id)))
        yield
