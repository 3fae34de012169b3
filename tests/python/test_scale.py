"""Large sets of 20 days × 20 series, made in SQL: paths to tested vectors, flat memory.

`make test` takes 2,000 scenarios, `make test-scale` 20,000: eight million path rows.
"""

import re
import subprocess
import sys

import pytest
from conftest import MODEL, WORKFLOW_COMMAND, execute

# Prints its own peak memory after the command's output.
MEASURED = (
    "import resource, runpy, sys\n"
    "try:\n"
    "    runpy.run_module(sys.argv.pop(1), run_name='__main__', alter_sys=True)\n"
    "finally:\n"
    "    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
    "    print('peak kB:', peak, flush=True)\n"
)


def grow(num_scenarios: int) -> None:
    """Replace the paths by one set that draws its days from the shipped windows."""
    execute(
        f"""
        set maintenance_work_mem = '512MB';
        create unlogged table raw.days as
        select
            ((scenario_id - 1) * 20 + horizon_index - 1)::int as day_number,
            instrument_id, factor_id, macro_id, return_value
        from raw.scenario_paths
        where scenario_set_id = 'HIST_STRESS_20D' and horizon_index > 0;
        create unlogged table raw.grown as
        select
            'BIG'::varchar(64) as scenario_set_id, scenario_id, horizon_index,
            instrument_id, factor_id, macro_id,
            case when horizon_index = 0 then 0 else return_value end as return_value
        from generate_series(1, {num_scenarios}) as scenario_id
        cross join generate_series(0, 20) as horizon_index
        inner join raw.days
            on (scenario_id::bigint * 7919 + horizon_index * 104729) % 480 = day_number
        order by scenario_id, horizon_index;
        drop table raw.scenario_paths;
        alter table raw.grown rename to scenario_paths;
        alter table raw.scenario_paths add primary key (
            scenario_set_id, scenario_id, horizon_index, instrument_id, factor_id, macro_id
        );
        create index on raw.scenario_paths (scenario_set_id, scenario_id);
        analyze raw.scenario_paths;
        insert into raw.scenario_sets (
            scenario_set_id, horizon_days, num_paths, base_date_end
        )
        values ('BIG', 20, {num_scenarios}, '2022-12-28')
        """
    )


def backfill() -> tuple[str, int]:
    """Run the workflow's command; return its output and its peak memory in kB."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, WORKFLOW_COMMAND, "--scenario-set-id", "BIG"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, int(re.findall(r"peak kB: (\d+)", done.stdout)[0])


def encode_large_set(num_scenarios: int) -> int:
    """Make a set, encode it, compare; return the command's peak memory in kB."""
    grow(num_scenarios)
    output, peak = backfill()
    assert f"vectors: {num_scenarios} written, 0 pruned" in output
    counts = rf"{num_scenarios} +{num_scenarios} +0 +0 +400 +4.0%"
    assert re.search(rf"BIG +{MODEL} +{counts} ", output)

    # Every 100th vector against its rows.
    compared = execute(
        """
        select count(*), count(*) filter (where embedding = (
            select (array_agg(
                return_value::real order by horizon_index, instrument_id collate "C"
            ))[1:384]
            from raw.scenario_paths as paths
            where
                paths.scenario_id = (window_spec ->> 'scenario_id')::int
                and horizon_index > 0
        ))
        from analytics.numeric_window_embeddings
        where (window_spec ->> 'scenario_id')::int % 100 = 0
        """
    )
    assert compared == [(num_scenarios // 100, num_scenarios // 100)]
    return peak


def test_a_large_set_becomes_tested_vectors(seeded):
    encode_large_set(2_000)


@pytest.mark.scale
def test_a_larger_set_needs_no_more_memory(seeded):
    num_scenarios = 20_000
    peak = encode_large_set(num_scenarios)

    # A fifth of the set, changed: the rest goes, and memory is what it was before.
    fifth = num_scenarios // 5
    execute("delete from raw.scenario_paths where scenario_id > %s", [fifth])
    execute("update raw.scenario_paths set return_value = return_value * 2")
    output, peak_of_fifth = backfill()
    assert f"vectors: {fifth} written, {num_scenarios - fifth} pruned" in output
    assert peak < 1.2 * peak_of_fifth, f"{peak} kB, {peak_of_fifth} kB for a fifth"
