"""Sessions of other people's servers: roles with settings, services, poolers, policies."""

import os
import shutil
import socket
import subprocess
import time

import pytest
from conftest import DATABASE, add, execute, python, stored_vectors
from test_errors import refused

from python_encoders.errors import WrongUsageError
from python_encoders.postgres import choose_server, connect, fetch

HOSTILE = {
    "standard_conforming_strings": "off",
    "timezone": "'Asia/Kathmandu'",
    "datestyle": "'SQL, DMY'",
    "extra_float_digits": "-10",
    "idle_session_timeout": "'2s'",
}


@pytest.fixture
def hostile_role(postgres, monkeypatch):
    """A superuser whose sessions differ in all that we pin."""
    role = f"hostile_{os.getpid()}"
    execute(f"create role {role} superuser login password 'x'")
    for name, value in HOSTILE.items():
        execute(f"alter role {role} set {name} = {value}")
    monkeypatch.setenv("PGOPTIONS", "")
    yield role
    monkeypatch.undo()
    execute(f"drop role {role}")


def test_a_role_with_other_settings_gets_the_same_vectors(
    source, hostile_role, monkeypatch
):
    add("S", "1", [(1, "ALPHA", 0.1), (1, "BETA", 0.2), (2, "ALPHA", 0.3), (2, "BETA", 0)])
    assert python("python_encoders", "backfill").returncode == 0
    before = stored_vectors()

    done = python(
        "python_encoders", "backfill", PGUSER=hostile_role, PGPASSWORD="x"
    )

    assert done.returncode == 0, done.stderr
    assert "vectors: 0 written, 0 pruned" in done.stdout
    assert stored_vectors() == before


def test_our_settings_come_after_the_users_own(built, hostile_role, monkeypatch):
    monkeypatch.setenv("PGUSER", hostile_role)
    monkeypatch.setenv("PGPASSWORD", "x")
    monkeypatch.setenv("PGOPTIONS", r"-c search_path=a,\ b -c TimeZone=Asia/Tokyo")
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")

    for _ in range(2):
        choose_server()

    assert os.environ["PGOPTIONS"].count("idle_session_timeout") == 1
    with connect() as connection:
        settings = fetch(
            connection,
            """
            select name, setting from pg_catalog.pg_settings
            where name = any(
                array['TimeZone', 'standard_conforming_strings', 'DateStyle', 'search_path',
                'extra_float_digits', 'idle_session_timeout', 'client_encoding']
            )
            """,
            [],
        ).to_pylist()
    assert {row["name"]: row["setting"] for row in settings} == {
        "TimeZone": "UTC",
        "standard_conforming_strings": "on",
        "DateStyle": "ISO, MDY",
        "extra_float_digits": "1",
        "idle_session_timeout": "0",
        "client_encoding": "UTF8",
        "search_path": "a, b",
    }


def test_a_service_is_refused(monkeypatch):
    line = refused(2, "python_encoders", "encode", PGSERVICE="risk")

    assert "PGSERVICE is set, and dbt does not follow it" in line
