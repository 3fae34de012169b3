"""Large sets of 20 days × 20 series, made in SQL: paths to tested vectors, flat memory.

`make test` takes up to 500 scenarios, `make test-scale` 20,000: eight million path rows.
"""

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from conftest import MODEL, WORKFLOW_COMMAND, execute

from benchmarks.large_sets import grow
from python_encoders.postgres import connect, index_to_create

# Prints its own peak memory after the command's output.
MEASURED = (
    "import resource, runpy, sys\n"
    "try:\n"
    "    runpy.run_module(sys.argv.pop(1), run_name='__main__', alter_sys=True)\n"
    "finally:\n"
    "    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
    "    print('peak kB:', peak, flush=True)\n"
)


def measured_backfill(*options: str) -> tuple[str, int]:
    """Run the workflow's command in a process. Give its output, and its peak in kB."""
    command = (WORKFLOW_COMMAND, "--scenario-set-id", "BIG", *options)
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *command],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, int(re.findall(r"peak kB: (\d+)", done.stdout)[0])


@pytest.fixture
def backfill(front: Callable[..., Any]) -> Callable[[], str]:
    """Run the same command in this process. Give its output."""

    def run() -> str:
        done = front("backfill", "--scenario-set-id", "BIG")
        assert done.returncode == 0, done.stdout + done.stderr
        return str(done.stdout)

    return run


def check_encoded(output: str, num_scenarios: int) -> None:
    """Check that a command says that it has encoded all scenarios of the set."""
    assert f"vectors: {num_scenarios} written, 0 pruned" in output
    counts = rf"{num_scenarios} +{num_scenarios} +0 +0 +400 +4.0%"
    assert re.search(rf"BIG +{MODEL} +{counts} ", output)


def compare_every_100th(num_scenarios: int) -> None:
    """Compare vectors with the rows of their scenarios."""
    compared = execute(
        """
        select count(*), count(*) filter (where embedding = (
            select (array_agg(
                return_value::real order by horizon_index, instrument_id collate "C"
            ))[1:384]
            from raw.scenario_paths as paths
            where
                paths.scenario_set_id = 'BIG'
                and paths.scenario_id = (window_spec ->> 'scenario_id')::int
                and horizon_index > 0
        ))
        from analytics.numeric_window_embeddings
        where (window_spec ->> 'scenario_id')::int % 100 = 0
        """
    )
    assert compared == [(num_scenarios // 100, num_scenarios // 100)]


def shares_of_rows_read() -> Iterator[float]:
    """Give how often the average path row has been read since the last time asked."""
    query = """
        select
            (
                select seq_tup_read from pg_stat_user_tables
                where (schemaname, relname) = ('raw', 'scenario_paths')
            ) + (
                select sum(idx_tup_read) from pg_stat_user_indexes
                where (schemaname, relname) = ('raw', 'scenario_paths')
            )
        """
    [(num_rows,)] = execute("select count(*) from raw.scenario_paths")
    before = 0
    while True:
        _wait_for_sessions_to_end()
        [(now,)] = execute(query)
        yield float(now - before) / num_rows
        before = now


def _wait_for_sessions_to_end() -> None:
    # Each reports what it has read when it ends, which may be after its client has gone.
    for _ in range(100):
        [(others,)] = execute(
            """
            select count(*) from pg_stat_activity
            where datname = current_database() and pid <> pg_backend_pid()
                and backend_type in ('client backend', 'parallel worker')
            """
        )
        if not others:
            return
        time.sleep(0.1)


def test_a_large_set_becomes_tested_vectors_without_a_scan_too_many(
    seeded, backfill, build_and_encode
):
    execute(grow(500))
    execute("vacuum raw.scenario_paths")
    shares = shares_of_rows_read()
    next(shares)

    # The content hashes, the set's series, the panels.
    check_encoded(backfill(), 500)
    assert 2.9 < next(shares) < 3.1
    compare_every_100th(500)
    next(shares)

    # The content hashes alone.
    assert build_and_encode("BIG") == (0, 0)
    assert 0.9 < next(shares) < 1.1

    execute(
        """
        update raw.scenario_paths set return_value = return_value + 0.01
        where scenario_id = 7 and horizon_index = 1
        """
    )
    next(shares)
    assert build_and_encode("BIG") == (1, 0)
    # And the series of its set.
    assert 1.9 < next(shares) < 2.1


def test_ids_that_are_texts_are_found_without_a_scan_too_and_a_missing_index_is_told(
    seeded, backfill, build_and_encode
):
    execute(grow(200))
    execute("alter table raw.scenario_paths alter scenario_id type varchar(64)")
    execute("vacuum analyze raw.scenario_paths")
    shares = shares_of_rows_read()
    next(shares)

    assert build_and_encode("BIG") == (200, 0)
    assert 2.9 < next(shares) < 3.1

    def to_create() -> str | None:
        with connect(autocommit=True) as connection:
            return index_to_create(connection, "raw")

    # The same set, spread over more than 16 MB.
    execute("alter table raw.scenario_paths set (fillfactor = 30)")
    execute("vacuum full raw.scenario_paths")
    assert to_create() is None
    execute(
        """
        alter table raw.scenario_paths drop constraint scenario_paths_pkey;
        drop index raw.scenario_paths_scenario_set_id_scenario_id_idx
        """
    )

    told = backfill()

    assert re.search(rf"BIG +{MODEL} +200 +200 +0 +0 +400 +4.0% ", told)
    assert "raw.scenario_paths has no index on set and scenario" in told
    execute(told.split("to create it: ")[1].splitlines()[0])
    assert to_create() is None


@pytest.mark.scale
def test_a_larger_set_needs_no_more_memory(seeded):
    num_scenarios = 20_000
    execute(grow(num_scenarios))
    output, peak = measured_backfill()
    check_encoded(output, num_scenarios)
    compare_every_100th(num_scenarios)

    # A fifth of the set, changed: the rest goes, and memory is what it was before.
    fifth = num_scenarios // 5
    execute("delete from raw.scenario_paths where scenario_id > %s", [fifth])
    execute("update raw.scenario_paths set return_value = return_value * 2")
    output, peak_of_fifth = measured_backfill("--max-prune", str(num_scenarios - fifth))
    assert f"vectors: {fifth} written, {num_scenarios - fifth} pruned" in output
    assert peak < 1.2 * peak_of_fifth, f"{peak} kB, {peak_of_fifth} kB for a fifth"
