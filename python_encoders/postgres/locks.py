"""Advisory locks: two runs of one encoder, or of the panels, wait for each other.

Every run takes its encoders' locks first, in one order, and that of the panels last and
alone, so no two runs wait for each other.
"""

import contextlib
from collections.abc import Callable, Iterator

import adbc_driver_manager
from adbc_driver_manager.dbapi import Connection

from python_encoders.dbt_project import target_schema
from python_encoders.errors import WorkFailedError
from python_encoders.postgres.connection import first_line
from python_encoders.postgres.sql import fetch


@contextlib.contextmanager
def lock(
    connection: Connection,
    name: str,
    on_wait: Callable[[str], None],
    *,
    is_shared: bool = False,
) -> Iterator[None]:
    """Hold the advisory lock on a name within the target schema.

    Parameters
    ----------
    connection : Connection
        In autocommit. The lock goes with it, however it ends.
    name : str
        The name to lock.
    on_wait : callable
        Called with the holder of the lock, where another session holds it.
    is_shared : bool
        Whether other sessions may hold the lock at the same time, all of them shared.

    Raises
    ------
    WorkFailedError
        The connection was lost, and the lock with it.
    """
    keys: list[object] = [f"scenario_embeddings:{target_schema()}", name]
    shared = "_shared" if is_shared else ""
    tried = fetch(
        connection,
        f"select pg_try_advisory_lock{shared}(hashtext($1), hashtext($2)) as taken",
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
        fetch(
            connection,
            f"select pg_advisory_lock{shared}(hashtext($1), hashtext($2))",
            keys,
        )
    try:
        yield
    except BaseException:
        # The first error is the one to report, not the loss of the lock after it.
        with contextlib.suppress(adbc_driver_manager.Error):
            _unlock(connection, shared, keys)
        raise
    try:
        _unlock(connection, shared, keys)
    except adbc_driver_manager.Error as error:
        raise _lost_lock(error) from error


def _unlock(connection: Connection, shared: str, keys: list[object]) -> None:
    fetch(
        connection,
        f"select pg_advisory_unlock{shared}(hashtext($1), hashtext($2))",
        keys,
    )


def _notice_the_client_going(connection: Connection) -> None:
    """Have a wait end when its client is killed.

    Postgres before 14, and some platforms, cannot do this.
    """
    with contextlib.suppress(adbc_driver_manager.Error):
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
