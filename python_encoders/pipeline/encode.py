"""Encode what is pending over panels that dbt has built, on either engine.

A run imports its own engine alone: the other one need not be installed.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from python_encoders.dbt_project import ENCODING_RELATIONS, dbt_var
from python_encoders.encoders import check_models
from python_encoders.errors import WrongUsageError
from python_encoders.pipeline.reporter import Reporter
from python_encoders.scope import Encoded, Scope

if TYPE_CHECKING:
    from adbc_driver_manager.dbapi import Connection

    from python_encoders.marts import VectorMarts


def encode_only(
    scope: Scope,
    reporter: Reporter,
    target: str = "postgres",
    variables: Mapping[str, Any] | None = None,
) -> Encoded:
    """Encode what is pending over panels that dbt has built.

    Parameters
    ----------
    scope : Scope
    reporter : Reporter
    target : str
        The engine, ``postgres`` or ``spark``.
    variables : mapping, optional
        dbt vars that are not the project's, such as neighbor_model_ids.

    Returns
    -------
    Encoded

    Raises
    ------
    WrongUsageError
        Unknown model or set, or a var that means nothing.
    WorkFailedError
        Nothing is built yet, the engine is out of reach, or the prune guard stops the run.
    """
    check_models(scope.model_ids)
    if target == "spark":
        check_no_marts(variables or {})
        return _encode_on_spark(scope, reporter)
    return _encode_on_postgres(scope, reporter, variables or {})


def check_no_marts(variables: Mapping[str, Any]) -> None:
    """Check that no mart is asked for that Spark does not have.

    Raises
    ------
    WrongUsageError
        One is.
    """
    for kind in ("neighbor", "representative"):
        if dbt_var(f"{kind}_model_ids", dict(variables)):
            raise WrongUsageError(
                f"the var {kind}_model_ids is for Postgres: Spark has no scenario_{kind}s"
            )


def _encode_on_postgres(
    scope: Scope, reporter: Reporter, variables: Mapping[str, Any]
) -> Encoded:
    from python_encoders import postgres
    from python_encoders.marts import VectorMarts

    marts = VectorMarts.read(variables)
    postgres.choose_server()
    with postgres.plain_errors(), postgres.connect(autocommit=True) as connection:
        postgres.check_is_built(connection, *ENCODING_RELATIONS)
        if scope.scenario_set_id is not None:
            postgres.check_set_is_built(connection, scope.scenario_set_id)
        for schema in postgres.schemas_of_source(connection):
            say_row_security(connection, schema, reporter)
        with encoder_locks(connection, scope.model_ids, reporter):
            return encode_and_fill(connection, scope, marts, reporter)


def encode_and_fill(
    connection: "Connection", scope: Scope, marts: "VectorMarts", reporter: Reporter
) -> Encoded:
    """Encode what is pending on Postgres, then bring the marts of the vectors up to date.

    Parameters
    ----------
    connection : Connection
        In autocommit. It holds the encoders' locks.
    scope : Scope
    marts : VectorMarts
        They are of all sets, whatever the scope.
    reporter : Reporter

    Returns
    -------
    Encoded
    """
    from python_encoders import postgres
    from python_encoders.marts import fill_marts

    encoded = postgres.encode(connection, scope, reporter.progress)
    with (
        postgres.lock(connection, "marts", tell_holder(reporter, "the marts")),
        connection.adbc_clone() as filling,
    ):
        for line in fill_marts(filling, marts):
            reporter.say(line)
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
        The connection was lost, and the locks with it, or a pooler keeps none.
    """
    from python_encoders.postgres import check_pooling, lock

    check_pooling(connection)
    with contextlib.ExitStack() as locks:
        # All runs take them in one order, so that no two runs wait for each other.
        for model_id in sorted(model_ids):
            locks.enter_context(lock(connection, model_id, tell_holder(reporter, model_id)))
        yield
