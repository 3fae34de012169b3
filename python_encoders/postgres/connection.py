"""Which Postgres a command talks to, and connections to it over ADBC."""

import contextlib
import os
import re
from collections.abc import Iterator

import adbc_driver_manager
import adbc_driver_postgresql.dbapi
from adbc_driver_manager.dbapi import Connection

from python_encoders.dbt_project import PROJECT_DIR
from python_encoders.errors import WorkFailedError, WrongUsageError

EMBEDDED_HOME = PROJECT_DIR / ".postgres"

# As in profiles.yml.
_DEFAULTS = {
    "PGPORT": "5432",
    "PGUSER": "postgres",
    "PGDATABASE": "postgres",
    "PGCONNECT_TIMEOUT": "10",
}

# No result depends on the session. These settings keep it so where a role, a database or
# the user has others. The connection that holds the locks is idle while dbt builds.
_SESSION_OPTIONS = (
    "-c TimeZone=UTC -c standard_conforming_strings=on -c DateStyle=ISO,MDY "
    "-c extra_float_digits=1 -c idle_session_timeout=0"
)

_SEVERITY = re.compile("(?:ERROR|FATAL|PANIC):")


def choose_server() -> None:
    """Point this process at its server: ``PGHOST``, else the embedded one.

    Sets the ``PG*`` variables in ``os.environ``, where libpq and the dbt profile find
    them. ``PGOPTIONS`` keeps what the user has set. The settings that this project pins
    come after it. Starts nothing and connects to nothing.

    Raises
    ------
    WrongUsageError
        When ``PGSERVICE`` is set: the dbt profile's own parameters go before those of the
        service, so dbt and the encoder would use two databases. Or when the database's
        name has a quote.
    WorkFailedError
        When ``PGHOST`` is unset and there is no embedded server.
    """
    if os.environ.get("PGSERVICE"):
        raise WrongUsageError(
            "PGSERVICE is set, and dbt does not follow it; unset it, and name the server "
            "by PGHOST, PGPORT, PGUSER and PGDATABASE"
        )
    if not os.environ.get("PGHOST"):
        env_file = EMBEDDED_HOME / "env"
        if not env_file.exists():
            raise WorkFailedError(
                "no Postgres to talk to: PGHOST is unset and there is no embedded server; "
                "start it with `make db`, or set PGHOST"
            )
        os.environ.update(
            re.findall(r"^export (\w+)=(.*)$", env_file.read_text(), flags=re.MULTILINE)
        )
    for name, value in _DEFAULTS.items():
        # To libpq, an empty variable is not set.
        if not os.environ.get(name):
            os.environ[name] = value
    if set("'\"") & set(os.environ["PGDATABASE"]):
        raise WrongUsageError(
            f"database {os.environ['PGDATABASE']} has a quote in its name, and dbt does "
            "not quote it; rename the database"
        )
    os.environ["PGCLIENTENCODING"] = "UTF8"
    options = os.environ.get("PGOPTIONS", "")
    if not options.endswith(_SESSION_OPTIONS):
        os.environ["PGOPTIONS"] = f"{options} {_SESSION_OPTIONS}".lstrip()


def connect(*, autocommit: bool = False) -> Connection:
    """Connect to the server that ``choose_server`` chose.

    libpq reads host, password, TLS and the rest from the environment itself.

    Raises
    ------
    WorkFailedError
        When the server cannot be reached or refuses the login.
    """
    try:
        connection: Connection = adbc_driver_postgresql.dbapi.connect(
            "postgresql:///?application_name=scenario-embeddings",
            autocommit=autocommit,
        )
        return connection
    except adbc_driver_manager.Error as error:
        raise WorkFailedError(
            f"cannot connect to Postgres at {os.environ['PGHOST']}, port "
            f"{os.environ['PGPORT']}: {first_line(error)}; `make db` starts the embedded "
            "server (with PGHOST unset)"
        ) from error


@contextlib.contextmanager
def plain_errors() -> Iterator[None]:
    """Turn what the driver raises into one line.

    Raises
    ------
    WorkFailedError
        Says what the server or the driver said.
    KeyboardInterrupt
        On Ctrl-C, the driver cancels its statement and reports that instead.
    """
    try:
        yield
    except adbc_driver_manager.Error as error:
        message = f"Postgres: {first_line(error)}"
        if "user request" in message:
            raise KeyboardInterrupt from error
        raise WorkFailedError(message) from error


def first_line(error: BaseException) -> str:
    """Reduce a driver's error to the line that says what happened."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # Prefer the server's own words. The text of the query may stand before them.
    said = [_SEVERITY.split(line)[-1] for line in lines if _SEVERITY.search(line)]
    text = (said or lines or [type(error).__name__])[0]
    return re.sub(
        r"^\s*(IO: )?(\[libpq\] )?(Failed to connect: )?(PQ\w+\(\) failed: )?", "", text
    )
