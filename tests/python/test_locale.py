"""The same bytes on a server that orders text otherwise, reached by TCP and password.

The embedded build has no ICU, so this takes the system's own PostgreSQL, 15 or later.
"""

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import DATABASE, MODEL, Silent, execute, stored_bytes
from reference import reference_vectors

from python_encoders.store import Scope
from python_encoders.workflow import encode_only


def system_binaries() -> Path | None:
    """Find the newest PostgreSQL of the system that can have ICU databases."""
    found = [
        (int(folder.parent.name), folder)
        for folder in Path("/usr/lib/postgresql").glob("*/bin")
        if folder.parent.name.isdecimal() and int(folder.parent.name) >= 15
    ]
    return max(found)[1] if found else None


@pytest.fixture
def icu_database(postgres: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Start the system's PostgreSQL with a password; make a database in ICU's en-US."""
    binaries = system_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL 15 or later under /usr/lib/postgresql to order by ICU")
    # Postgres does not run as root; the package brings a user of its own.
    owner = {"user": "postgres", "group": "postgres"} if os.getuid() == 0 else {}
    home = Path(tempfile.mkdtemp(prefix="scenario-tests-icu-"))
    password = secrets.token_hex()
    (home / "password").write_text(password)
    if owner:
        for path in (home, home / "password"):
            shutil.chown(path, **owner)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])

    def run(command: str, *arguments: str) -> None:
        subprocess.run(
            [binaries / command, "-D", home / "data", *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            **owner,
        )

    run(
        "initdb",
        *("-U", "postgres", "-A", "scram-sha-256", f"--pwfile={home / 'password'}", "-N"),
    )
    options = f"-c listen_addresses=127.0.0.1 -p {port} -k {home} -c fsync=off"
    run("pg_ctl", "-w", "-l", str(home / "log"), "-o", options, "start")
    try:
        for name, value in {
            "PGHOST": "127.0.0.1",
            "PGPORT": port,
            "PGUSER": "postgres",
            "PGPASSWORD": password,
        }.items():
            monkeypatch.setenv(name, value)
        execute(
            f"""
            create database "{DATABASE}"
            template template0 encoding 'UTF8' locale_provider icu icu_locale 'en-US'
            """,
            database="postgres",
        )
        yield
    finally:
        run("pg_ctl", "-w", "-m", "immediate", "stop")
        shutil.rmtree(home)


def lower_the_first(instrument_id: str) -> str:
    """Write the ids up to JNJ in small letters: last by code point, mixed in by ICU."""
    return instrument_id.lower() if instrument_id <= "JNJ" else instrument_id


def test_an_icu_database_gives_the_same_bytes(icu_database, chain):
    chain()._invoke("seed")
    execute(
        """
        update raw.scenario_paths set instrument_id = lower(instrument_id)
        where instrument_id collate "C" <= 'JNJ'
        """
    )
    by_locale = execute(
        "select distinct instrument_id from raw.scenario_paths order by instrument_id"
    )
    assert [row[0] for row in by_locale] != sorted(row[0] for row in by_locale), (
        "the database orders by code point, so this would prove nothing"
    )

    chain().run()
    encode_only(Scope((MODEL,)), Silent())

    axis = execute(
        """
        select series_id from analytics.int_scenario_axes
        where scenario_set_id = 'SET_ABC123' order by series_position
        """
    )
    assert [row[0] for row in axis] == sorted(row[0] for row in by_locale)
    assert stored_bytes() == dict(reference_vectors(lower_the_first))
