"""Sessions of other people's servers: roles with settings, services, poolers, policies."""

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from conftest import execute, stored_vectors
from test_errors import the_line

from python_encoders.postgres import (
    choose_server,
    connect,
    fetch,
    with_text_parameters,
)

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
    role = f"scenario_session_{os.getpid()}"
    execute(f"create role {role} superuser login password 'x'")
    for name, value in HOSTILE.items():
        execute(f"alter role {role} set {name} = {value}")
    monkeypatch.setenv("PGOPTIONS", "")
    yield role
    monkeypatch.undo()
    execute(f"drop role {role}")


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


@pytest.mark.parametrize("command", ["backfill", "encode", "doctor"])
def test_a_service_that_names_another_database_is_refused(
    seeded, front, monkeypatch, tmp_path, command
):
    services = tmp_path / "services"
    services.write_text("[svc_a]\ndbname=template1\n")
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    monkeypatch.setenv("PGSERVICE", "svc_a")
    done = front(command)

    told = done.stdout if command == "doctor" else done.stderr
    assert "PGSERVICE is set, and dbt does not follow it" in told
    assert done.returncode == (1 if command == "doctor" else 2)
    monkeypatch.delenv("PGSERVICE")
    for database in (None, "template1"):
        assert execute("select to_regnamespace('analytics')", None, database) == [(None,)]


@pytest.fixture
def reader(built, monkeypatch):
    """Makes a role that reads the source. The test becomes it by calling what it gets."""
    role = f"scenario_reads_{os.getpid()}"
    execute(f"create role {role} login password 'x'")
    execute(f"grant usage on schema raw to {role}")
    execute(f"grant select on all tables in schema raw to {role}")

    def become(rights):
        execute(rights.format(role=role))
        monkeypatch.setenv("PGUSER", role)
        monkeypatch.setenv("PGPASSWORD", "x")

    yield become
    monkeypatch.undo()
    execute(f"drop owned by {role}; drop role {role}")


def test_a_policy_that_is_narrowed_between_two_runs_takes_no_vectors(
    reader, front, monkeypatch
):
    execute(
        """
        alter table raw.scenario_paths enable row level security;
        create policy all_rows on raw.scenario_paths for select using (true)
        """
    )
    administrator = os.environ["PGUSER"]
    relations = execute(
        """
        select oid::regclass::text from pg_class
        where relnamespace = 'analytics'::regnamespace and relkind in ('r', 'v')
        """
    )
    to_role = (f"alter table {name} owner to {{role}}" for (name,) in relations)
    reader(";".join(["alter schema analytics owner to {role}", *to_role]))
    role = os.environ["PGUSER"]
    says = "row security is active on scenario_paths: rows that a policy hides"
    wide = front("encode")
    assert wide.returncode == 0, wide.stderr
    assert says in wide.stdout
    assert "vectors: 0 written, 0 pruned" in wide.stdout

    monkeypatch.setenv("PGUSER", administrator)
    execute(
        """
        drop policy all_rows on raw.scenario_paths;
        create policy one_set on raw.scenario_paths for select
        using (scenario_set_id = 'SET_ABC123')
        """
    )
    monkeypatch.setenv("PGUSER", role)
    for command in ("backfill", "encode"):
        narrow = front(command)
        assert narrow.returncode == 1
        assert says in narrow.stdout
        assert "24 of the 143 scenarios in scope" in narrow.stderr
        assert "24 gone from the source. No vector was" in narrow.stderr
    assert execute("select count(*) from analytics.numeric_window_embeddings") == [(143,)]


@pytest.fixture
def pooler(built, monkeypatch):
    """Starts pgbouncer in a mode before the tests' server, and points to it."""
    program = shutil.which("pgbouncer")
    # Only a system's package manager, as root, can install it.
    if program is None:
        pytest.skip("no pgbouncer: as root, `apt-get install pgbouncer`")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = []
    server = Path(os.environ["PGHOST"])
    owner = server.owner() if server.is_dir() else "nobody"
    # The folders of pytest are closed to the user that it runs as.
    home = Path(tempfile.mkdtemp(prefix="scenario-tests-pooler-"))
    home.chmod(0o755)

    def start(mode):
        users, settings = home / "users", home / "pgbouncer.ini"
        users.write_text(f'"{os.environ["PGUSER"]}" ""\n')
        settings.write_text(
            f"""
            [databases]
            * = host={os.environ["PGHOST"]} port={os.environ["PGPORT"]}
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = {port}
            unix_socket_dir =
            auth_type = trust
            auth_file = {users}
            pool_mode = {mode}
            ignore_startup_parameters = options, extra_float_digits
            """.replace("            ", "")
        )
        running.append(
            subprocess.Popen(
                [program, str(settings)],
                # It refuses to run as root, and the server's socket is its owner's.
                user=owner if os.getuid() == 0 else None,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        monkeypatch.setenv("PGHOST", "127.0.0.1")
        monkeypatch.setenv("PGPORT", str(port))

    yield start
    monkeypatch.undo()
    for process in running:
        process.terminate()
        process.wait()
    shutil.rmtree(home)


def test_a_pooler_in_transaction_mode_is_refused(pooler, front):
    pooler("transaction")

    line = the_line(1, front("encode"))

    assert "two connections share one session of the server" in line


def test_a_pooler_in_session_mode_works(pooler, front):
    pooler("session")

    done = front("encode")

    assert done.returncode == 0, done.stderr
    assert "vectors: 0 written, 0 pruned" in done.stdout


def test_the_doctor_of_a_sound_database_finds_no_failure(built, front):
    told = front("doctor")

    assert told.returncode == 0, told.stderr
    for words in ("PostgreSQL ", "by code point", "pinned", "return_value double"):
        assert words in told.stdout
    assert "1 of 120 rejected by num-scenario-core-v1" in told.stdout
    assert execute("select count(*) from analytics.numeric_window_embeddings") == [(143,)]


def test_the_doctor_says_what_a_backfill_would_change_and_what_is_odd(built, front):
    execute(
        """
        delete from raw.scenario_paths where scenario_set_id = 'HIST_STRESS_20D';
        insert into raw.scenario_paths
        select scenario_set_id, 121, horizon_index, instrument_id, factor_id, macro_id,
            return_value
        from raw.scenario_paths where (scenario_set_id, scenario_id) = ('SET_ABC123', 1);
        -- As the last run would have read levels.
        update analytics.int_scenario_panels
        set panel = array(select 1 + day / 1000.0 from generate_series(1, 200) as day)
        where scenario_set_id = 'SET_ABC123';
        update analytics.numeric_window_embeddings set panel_fingerprint = 'older'
        where entity_id in ('SET_ABC123:1', 'SET_ABC123:2')
        """
    )
    before = stored_vectors()
    told = front("doctor")

    words = " ".join(" ".join(re.findall("^│.*?│(.*?)│", told.stdout, re.M)).split())
    assert "scenario_set_id SET_ABC123, share_of_series 1.00" in words
    assert "scenarios by their ids: 1 new, 24 gone" in words
    # Three encoders have not run yet. Two vectors are outdated, and 24 gone.
    assert f"would encode up to {3 * 143 + 2 + 4} vectors and prune 24" in words
    assert "24 of the 143 scenarios in scope that have a vector would be left" in words
    assert "24 gone from the source." in words
    assert (told.returncode, told.stderr) == (
        1,
        "Error: a backfill would fail: 1 of the above\n",
    )
    assert stored_vectors() == before


def test_the_doctor_says_what_a_backfill_would_fail_on(built, front, monkeypatch):
    execute("alter table raw.scenario_paths rename return_value to shock")
    told = front("doctor", "--vars", "{series_kinds: FACTOR, num_neighbors: 0}")

    assert told.returncode == 1
    assert "raw.scenario_paths has no column return_value" in told.stdout
    assert "series_kinds must be a list out of" in told.stdout
    assert "num_neighbors is a whole number" in told.stdout
    assert "Error: a backfill would fail: 3 of the above" in told.stderr


def test_the_doctor_of_a_server_out_of_reach_says_so(front, monkeypatch):
    monkeypatch.setenv("PGHOST", "127.0.0.1")
    monkeypatch.setenv("PGPORT", "1")
    told = front("doctor")

    assert told.returncode == 1
    assert "cannot connect to Postgres at 127.0.0.1, port 1" in told.stdout
    assert "make db" in told.stdout


def test_a_target_of_another_owner_is_named(reader, front):
    reader(
        """
        grant all on schema analytics to {role};
        grant all on all tables in schema analytics to {role}
        """
    )
    assert "this role does not own" in front("doctor").stdout
    assert "this role does not own analytics." in front("backfill").stderr


def test_a_parameter_that_is_a_text_is_said_to_be_one():
    query = "select $1, $2, $10::int, $1"
    typed = "select $1::text, $2, $10::int, $1::text"
    assert with_text_parameters(query, ["a", 2]) == typed
