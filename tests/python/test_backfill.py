"""The workflow's command over the shipped sets, as a user runs it."""

import functools
import hashlib
import re
import signal
import subprocess
import sys
import time

import pytest
from conftest import (
    MODEL,
    WORKFLOW_COMMAND,
    Silent,
    execute,
    python,
    stored_bytes,
    stored_vectors,
)
from reference import reference_vectors

from python_encoders.pipeline import encode_only
from python_encoders.postgres import connect, encode, pending_panels
from python_encoders.scope import Scope

SESSIONS = """
    pg_stat_activity
    where application_name like 'scenario-embeddings%%' and datname = current_database()
"""


def test_a_limited_run_then_the_rest_then_nothing(seeded, front):
    options = (
        *("--scenario-set-id", "HIST_STRESS_20D"),
        *("--model-id", "num-scenario-core-v1"),
    )

    limited = python(WORKFLOW_COMMAND, *options, "--limit", "10")
    assert limited.returncode == 0, limited.stderr
    assert "vectors: 10 written, 0 pruned" in limited.stdout
    assert set(stored_vectors()) == {f"HIST_STRESS_20D:{i}" for i in range(1, 11)}
    written_first = execute(
        "select max(created_at) from analytics.numeric_window_embeddings"
    )

    rest = front("backfill", *options)
    assert "vectors: 14 written, 0 pruned" in rest.stdout
    assert re.search(
        rf"HIST_STRESS_20D +{MODEL} +24 +24 +0 +0 +400 +4.0% +6.7%", rest.stdout
    )
    assert execute(
        "select count(*) from analytics.numeric_window_embeddings where created_at <= %s",
        written_first[0],
    ) == [(10,)], "the first ten were written again"

    again = front("backfill", *options)
    assert again.returncode == 0
    assert "vectors: 0 written, 0 pruned" in again.stdout
    assert re.search(r"tests: \d+ passed, 0 warned", again.stdout)
    assert "Traceback" not in limited.stderr + rest.stderr + again.stderr


def test_a_rejection_counts_into_the_limit_and_is_seen(seeded, front):
    done = front(
        "backfill",
        *("--scenario-set-id", "SET_ABC123", "--model-id", MODEL, "--limit", "100"),
    )

    assert done.returncode == 0, done.stderr
    assert "vectors: 99 written" in done.stdout
    assert execute(
        "select scenario_id, reason, detail from analytics.scenario_rejections"
    ) == [("37", "MISSING_CELLS", "1 of 200 cells, the first: day 6, series JPM")]


def test_vectors_equal_the_plain_reference_byte_for_byte(built):
    reference = dict(reference_vectors())

    assert len(reference) == 143
    assert stored_bytes() == reference


def test_the_row_order_of_the_source_does_not_matter(seeded, build_and_encode):
    for table in ("scenario_sets", "scenario_paths"):
        execute(f"create table raw.shuffled as select * from raw.{table} order by random()")
        execute(f"drop table raw.{table}")
        execute(f"alter table raw.shuffled rename to {table}")

    build_and_encode()

    assert stored_bytes() == dict(reference_vectors())


@pytest.mark.parametrize("batch_bytes", [1, 20_000])
def test_the_batch_size_does_not_matter(built, monkeypatch, batch_bytes):
    expected = stored_bytes()
    execute("delete from analytics.numeric_window_embeddings")
    monkeypatch.setattr(pending_panels, "BATCH_BYTES", batch_bytes)
    batches = []
    encode(Scope((MODEL,)), lambda done, total: batches.append(done))

    assert len(batches) > 3
    assert stored_bytes() == expected


def test_one_changed_return_re_encodes_one_scenario(built, build_and_encode):
    before = stored_vectors()
    execute(
        """
        update raw.scenario_paths set return_value = return_value + 0.01
        where (scenario_set_id, scenario_id, horizon_index, instrument_id)
            = ('HIST_STRESS_20D', 9, 1, 'JPM')
        """
    )

    assert build_and_encode("HIST_STRESS_20D") == (1, 0)

    after = stored_vectors()
    assert {entity for entity in before if before[entity] != after[entity]} == {
        "HIST_STRESS_20D:9"
    }
    assert build_and_encode("HIST_STRESS_20D") == (0, 0)


def test_what_has_gone_from_the_source_or_is_rejected_loses_its_vector(
    built, build_and_encode
):
    execute(
        """
        delete from raw.scenario_paths
        where
            (scenario_set_id, scenario_id) = ('HIST_STRESS_20D', 9)
            or (scenario_set_id, scenario_id, horizon_index, instrument_id)
            = ('HIST_STRESS_20D', 8, 20, 'XOM')
        """
    )

    assert build_and_encode("HIST_STRESS_20D") == (0, 2)

    assert {"HIST_STRESS_20D:8", "HIST_STRESS_20D:9"}.isdisjoint(stored_vectors())
    assert len(stored_vectors()) == 141


def test_a_set_that_has_gone_from_the_source_loses_its_vectors(built, chain):
    execute("delete from raw.scenario_paths where scenario_set_id = 'HIST_STRESS_20D'")
    execute("delete from raw.scenario_sets where scenario_set_id = 'HIST_STRESS_20D'")

    chain().run()
    assert encode_only(Scope((MODEL,), max_prune=24), Silent()) == (0, 24)
    assert len(stored_vectors()) == 119


def test_a_limited_run_removes_nothing_beyond_its_limit(built, chain):
    execute(
        """
        delete from raw.scenario_paths
        where scenario_set_id = 'HIST_STRESS_20D' and scenario_id > 20
        """
    )

    def encode_first(limit):
        return encode(Scope((MODEL,), "HIST_STRESS_20D", limit), lambda done, total: None)

    chain(scenario_set_id="HIST_STRESS_20D", scenario_limit=5).run()
    assert encode_first(5) == (0, 0)
    assert execute("select count(*) from analytics.scenario_panels") == [(143,)]

    # Now their panels are gone, and still only an unlimited run takes the vectors along.
    chain(scenario_set_id="HIST_STRESS_20D").run()
    assert execute("select count(*) from analytics.scenario_panels") == [(139,)]
    assert encode_first(5) == (0, 0)
    assert len(stored_vectors()) == 143
    assert encode_first(None) == (0, 4)


def test_the_limit_counts_along_the_source_not_along_what_was_built(built, chain):
    execute(
        """
        delete from raw.scenario_paths
        where scenario_set_id = 'HIST_STRESS_20D' and scenario_id <= 5;
        delete from analytics.numeric_window_embeddings
        """
    )

    chain(scenario_set_id="HIST_STRESS_20D", scenario_limit=10).run()
    encode(Scope((MODEL,), "HIST_STRESS_20D", 10), lambda done, total: None)

    assert set(stored_vectors()) == {f"HIST_STRESS_20D:{i}" for i in range(6, 16)}


def test_a_scenario_that_is_not_built_keeps_its_vector(built, chain):
    execute("drop table analytics.int_scenario_panels cascade")
    chain(scenario_limit=10).run()

    assert encode(Scope((MODEL,)), lambda done, total: None) == (0, 0)
    assert len(stored_vectors()) == 143


def test_warnings_of_the_tests_are_told(seeded, front):
    execute(
        """
        delete from raw.scenario_paths
        where scenario_set_id = 'SET_ABC123' and scenario_id > 5;
        update raw.scenario_sets set horizon_days = 9 where scenario_set_id = 'SET_ABC123'
        """
    )

    done = front("backfill", "--scenario-set-id", "SET_ABC123")

    assert done.returncode == 0, done.stderr
    assert re.search(r"tests: \d+ passed, 2 warned", done.stdout)
    assert "warning: assert_no_path_rows_lie_outside_the_horizon: Got 100 re" in done.stdout
    assert re.search(
        "warning: assert_num_paths_is_the_number_of_scenarios: Got 1 result.*\n"
        "    scenario_set_id SET_ABC123, num_paths 120, num_scenarios 5\n",
        done.stdout,
    )


def test_a_new_as_of_date_moves_the_vectors(built, build_and_encode):
    execute(
        """
        update raw.scenario_sets set base_date_end = '2023-01-31'
        where scenario_set_id = 'HIST_STRESS_20D'
        """
    )

    assert build_and_encode("HIST_STRESS_20D") == (24, 24)
    assert len(stored_vectors()) == 143


def test_rows_of_other_entity_types_are_never_touched(built, chain, build_and_encode):
    execute(
        """
        insert into analytics.numeric_window_embeddings
        select
            'STABILITY', entity_id, window_spec, as_of_date, model_id, embedding,
            'theirs', created_at
        from analytics.numeric_window_embeddings
        """
    )
    theirs = (
        "select * from analytics.numeric_window_embeddings where entity_type <> 'SCENARIO'"
    )
    before = sorted(execute(theirs), key=lambda row: row[1])
    execute("delete from raw.scenario_paths where scenario_id = 3")

    chain()._invoke("run", "--full-refresh")
    assert build_and_encode() == (0, 2)

    assert sorted(execute(theirs), key=lambda row: row[1]) == before
    assert len(stored_vectors()) == 141


@pytest.mark.parametrize(
    ("command", "blocked_at"),
    [("encode", "numeric_window_embeddings"), ("backfill", "int_scenario_series")],
)
def test_an_interrupted_command_says_so_in_one_line(built, command, blocked_at):
    execute("delete from analytics.numeric_window_embeddings")
    with connect(autocommit=True) as holder, holder.cursor() as cursor:
        cursor.execute("begin")
        cursor.execute(f"lock table analytics.{blocked_at} in exclusive mode")
        running = subprocess.Popen(
            [sys.executable, "-m", "python_encoders", command],
            stderr=subprocess.PIPE,
            text=True,
            # In the background of a shell, Ctrl-C is ignored, by its children too.
            preexec_fn=functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        )
        _wait_for_a_session_that_waits()
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=120)
        cursor.execute("rollback")

    assert running.returncode == 130
    assert errors.strip() == (
        "Error: interrupted; the same command goes on where this one stopped"
    )


def test_a_second_backfill_says_who_holds_the_lock_and_waits(built):
    with connect(autocommit=True) as holder, holder.cursor() as cursor:
        cursor.execute(
            "select pg_advisory_lock(hashtext($1), hashtext($2))",
            ("scenario_embeddings:analytics", MODEL),
        )
        cursor.fetchall()
        cursor.execute("select pg_backend_pid()")
        pid = cursor.fetchone()[0]
        second = subprocess.Popen(
            [sys.executable, "-m", "python_encoders", "encode"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        _wait_for_a_session_that_waits()
        assert second.poll() is None

    output, _ = second.communicate(timeout=120)
    assert second.returncode == 0, output
    assert f"waiting for {MODEL}: held by process {pid} of " in output
    assert "vectors: 0 written, 0 pruned" in output


def _wait_for_a_session_that_waits() -> None:
    deadline = time.monotonic() + 120
    while not execute(f"select 1 from {SESSIONS} and wait_event_type = 'Lock'"):
        assert time.monotonic() < deadline, "no session came to wait"
        time.sleep(0.05)


def test_no_session_or_table_is_left_behind(built):
    execute("delete from analytics.numeric_window_embeddings")

    assert python("python_encoders", "encode").returncode == 0

    # A session that has been closed takes a moment to be gone.
    deadline = time.monotonic() + 10
    while sessions := execute(f"select pid, state from {SESSIONS}"):
        assert time.monotonic() < deadline, sessions
        time.sleep(0.05)
    assert execute("select 1 from pg_class where relname like 'staged%%'") == []


def test_all_vectors_have_one_digest(built):
    digest = hashlib.sha256()
    for _, vector in sorted(stored_bytes().items()):
        digest.update(vector)

    # The bytes are the contract: another digest would be another model_id.
    assert digest.hexdigest() == EXPECTED_DIGEST


EXPECTED_DIGEST = "d30fa0704956e6f6fbb28557cf392040778f0ab12328ac87327a97d158d50780"
