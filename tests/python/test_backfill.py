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

from python_encoders.pipeline import DbtChain, encode_only
from python_encoders.postgres import connect, pending_panels
from python_encoders.scope import Scope

SHAPE = "num-scenario-stress-shape-v2"
SESSIONS = """
    pg_stat_activity
    where application_name like 'scenario-embeddings%%' and datname = current_database()
"""


def test_a_limited_run_then_the_rest_then_nothing(seeded, front, build_and_encode):
    set_id = "SET_ABC123"
    options = ("--scenario-set-id", set_id, "--model-id", MODEL)

    # A rejection counts into the limit and is seen.
    limited = python(WORKFLOW_COMMAND, *options, "--limit", "100")
    assert limited.returncode == 0, limited.stderr
    assert "vectors: 99 written, 0 pruned" in limited.stdout
    first = {f"{set_id}:{i}" for i in range(1, 101) if i != 37}
    assert set(stored_vectors()) == first
    assert execute(
        "select scenario_id, reason, detail from analytics.scenario_rejections"
    ) == [("37", "MISSING_CELLS", "1 of 200 cells, the first: day 6, series JPM")]
    written_first = execute(
        "select max(created_at) from analytics.numeric_window_embeddings"
    )

    assert build_and_encode(set_id) == (20, 0)
    assert execute(
        "select count(*) from analytics.numeric_window_embeddings where created_at <= %s",
        written_first[0],
    ) == [(99,)], "the first 99 were written again"

    again = front("backfill", *options)
    assert again.returncode == 0
    assert "vectors: 0 written, 0 pruned" in again.stdout
    assert re.search(r"tests: \d+ passed, 0 warned", again.stdout)
    assert re.search(rf"{set_id} +{MODEL} +120 +119 +1 +0 +200 +0.0% +0.0%", again.stdout)
    assert "Traceback" not in limited.stderr + again.stderr


def test_another_encoder_or_scope_needs_no_other_parse(postgres, monkeypatch, tmp_path):
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path))
    monkeypatch.setenv("DBT_LOG_PATH", str(tmp_path))

    DbtChain({"encoded_model_ids": [MODEL]})
    DbtChain({"scenario_set_id": "S", "scenario_limit": 1, "encoded_model_ids": [SHAPE]})

    log = (tmp_path / "dbt.log").read_text()
    assert log.count("Unable to do partial parsing") == 1  # There was none to begin with.


def test_vectors_equal_the_plain_reference_byte_for_byte(built):
    reference = dict(reference_vectors())

    assert len(reference) == 143
    assert stored_bytes() == reference


@pytest.mark.parametrize("batch_bytes", [1, 20_000])
def test_the_batch_size_does_not_matter(built, monkeypatch, batch_bytes):
    expected = stored_bytes()
    execute("delete from analytics.numeric_window_embeddings")
    monkeypatch.setattr(pending_panels, "BATCH_BYTES", batch_bytes)
    reporter = Silent()
    encode_only(Scope((MODEL,)), reporter)

    assert len([line for line in reporter.lines if line.endswith(" of 143")]) > 3
    assert stored_bytes() == expected


def test_each_change_of_the_source_takes_its_own_vectors_along_and_no_others(
    built, chain, build_and_encode
):
    # Rows of other entity types, whatever their model.
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
        " order by entity_id"
    )
    before = execute(theirs)

    # Another date.
    execute(
        """
        update raw.scenario_sets set base_date_end = '2023-01-31'
        where scenario_set_id = 'HIST_STRESS_20D'
        """
    )
    assert build_and_encode("HIST_STRESS_20D") == (24, 24)
    moved = stored_vectors()
    assert len(moved) == 143

    # One changed return, one scenario that has gone, one that is rejected.
    execute(
        """
        update raw.scenario_paths set return_value = return_value + 0.01
        where (scenario_set_id, scenario_id, horizon_index, instrument_id)
            = ('HIST_STRESS_20D', 9, 1, 'JPM');
        delete from raw.scenario_paths
        where
            (scenario_set_id, scenario_id) = ('HIST_STRESS_20D', 10)
            or (scenario_set_id, scenario_id, horizon_index, instrument_id)
            = ('HIST_STRESS_20D', 8, 20, 'XOM')
        """
    )
    assert build_and_encode("HIST_STRESS_20D") == (1, 2)
    assert encode_only(Scope((MODEL,), "HIST_STRESS_20D"), Silent()) == (0, 0)
    changed = stored_vectors()
    assert moved.keys() - changed.keys() == {"HIST_STRESS_20D:8", "HIST_STRESS_20D:10"}
    assert {entity for entity in changed if changed[entity] != moved[entity]} == {
        "HIST_STRESS_20D:9"
    }

    # The whole set.
    execute("delete from raw.scenario_paths where scenario_set_id = 'HIST_STRESS_20D'")
    execute("delete from raw.scenario_sets where scenario_set_id = 'HIST_STRESS_20D'")
    chain().run()
    assert encode_only(Scope((MODEL,), max_prune=22), Silent()) == (0, 22)
    assert len(stored_vectors()) == 119
    assert execute(theirs) == before


def test_a_limit_counts_along_the_source_and_removes_nothing_beyond_it(built, chain):
    execute(
        """
        delete from raw.scenario_paths
        where
            (scenario_set_id = 'HIST_STRESS_20D' and scenario_id > 20)
            or (scenario_set_id = 'SET_ABC123' and scenario_id <= 5);
        delete from analytics.numeric_window_embeddings where entity_id like 'SET_ABC123:%'
        """
    )
    hist = {f"HIST_STRESS_20D:{i}" for i in range(1, 25)}
    panels_of_hist = (
        "select count(*) from analytics.scenario_panels"
        " where scenario_set_id = 'HIST_STRESS_20D'"
    )

    def encode_first(limit):
        return encode_only(Scope((MODEL,), None, limit), Silent())

    chain(scenario_limit=10).run()
    assert encode_first(10) == (10, 0)
    assert set(stored_vectors()) == hist | {f"SET_ABC123:{i}" for i in range(6, 16)}
    assert execute(panels_of_hist) == [(24,)]

    # Now their panels are gone, and still only an unlimited run takes the vectors along.
    chain().run()
    assert execute(panels_of_hist) == [(20,)]
    assert encode_first(10) == (0, 0)
    assert hist < set(stored_vectors())
    assert encode_first(None) == (104, 4)


def test_a_scenario_that_is_not_built_keeps_its_vector(built, chain):
    execute("drop table analytics.int_scenario_panels cascade")
    chain(scenario_limit=10).run()

    assert encode_only(Scope((MODEL,)), Silent()) == (0, 0)
    assert len(stored_vectors()) == 143


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


def test_encode_says_what_is_lost_and_leaves_no_session_or_table_behind(built, front):
    execute("delete from analytics.numeric_window_embeddings")

    done = front("encode")
    assert done.returncode == 0, done.stderr
    assert re.search(
        rf"HIST_STRESS_20D +{MODEL} +24 +24 +0 +0 +400 +4.0% +6.7%", done.stdout
    )

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
