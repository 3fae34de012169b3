"""Seconds from paths to tested vectors, beside the peers and the floor, in one run.

Run it with ``make bench``. It starts a Postgres of its own, grows one set after the other
in SQL (``large_sets``), and for each, three times and in turn, times

- the floor: COPY of the five columns that any method has to read, to nowhere, and COPY of
  the finished vectors into a table.
- pure SQL that computes `num-scenario-core-v1` in one statement, into a table with a key.
- pandas: read_sql, sort, groupby, to_sql. Over SQLAlchemy and psycopg2, which is usual, and
  over ADBC, which is faster.
- the loop: one query and one insert per scenario.
- this project: dbt's run, each encoder, dbt's tests. Then again with nothing to do, and
  with one scenario changed.

Peers write bare vectors: no fingerprints, no rejections, no check that a panel is whole.
"""

import argparse
import functools
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg2
from rich.console import Console

from benchmarks.large_sets import grow
from python_encoders.dbt_project import PROJECT_DIR
from python_encoders.encoders import ENCODERS
from python_encoders.postgres import connect, server

CORE = "num-scenario-core-v1"
SIZES = [(1_000, 20, 20), (20_000, 20, 20), (100_000, 20, 20), (2_000, 60, 200)]
NUM_RUNS = 3
# The loop's time is linear in scenarios, and pandas holds every row in memory, five times.
LOOPED_SCENARIOS = 2_000
PANDAS_ROWS = 10_000_000
RESULTS = PROJECT_DIR / "build" / "performance.json"
CONSOLE = Console(highlight=False, soft_wrap=True)


def execute(query: str) -> list[Any]:
    """Run SQL in autocommit. Return the rows, if it has any."""
    connection = psycopg2.connect("")
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def seconds(work: Callable[[], object]) -> float:
    """Time one run."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def floor() -> dict[str, float]:
    """Read the columns to nowhere, and write finished vectors."""
    vectors = """
        copy (
            select scenario_set_id, scenario_id, array_fill(0.01::real, array[384])
            from (
                select distinct scenario_set_id, scenario_id from raw.scenario_paths
            ) as ids
        ) to '{file}' (format binary)
        """
    read = """
        copy (
            select scenario_set_id, scenario_id, horizon_index, instrument_id, return_value
            from raw.scenario_paths
        ) to '/dev/null' (format binary)
        """
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)  # the server writes here, as its own user
        file = f"{folder}/vectors"
        execute(vectors.format(file=file))
        execute("drop table if exists public.floor")
        execute("create table public.floor (s varchar(64), i int, embedding real[])")
        return {
            "read": seconds(lambda: execute(read)),
            "write": seconds(
                lambda: execute(f"copy public.floor from '{file}' (format binary)")
            ),
        }


def pure_sql() -> float:
    """Compute core-v1 in one statement, in the order of the source's key."""
    execute(
        """
        drop table if exists public.pure_sql;
        create table public.pure_sql (
            scenario_set_id varchar(64), scenario_id int, embedding real[],
            primary key (scenario_set_id, scenario_id)
        )
        """
    )
    return seconds(
        lambda: execute(
            """
            insert into public.pure_sql
            select
                scenario_set_id,
                scenario_id,
                (
                    array_agg(
                        return_value::real
                        order by horizon_index, instrument_id, factor_id, macro_id
                    )
                    || array_fill(0::real, array[384])
                )[count(*) filter (where horizon_index = 0) + 1:][:384]
            from raw.scenario_paths
            group by scenario_set_id, scenario_id
            """
        )
    )


def with_pandas(connection: Any, **writing: Any) -> None:
    """Read all rows, sort, group, write."""
    paths = pd.read_sql(
        """
        select scenario_id, horizon_index, instrument_id, return_value
        from raw.scenario_paths where horizon_index > 0
        """,
        connection,
    ).sort_values(["scenario_id", "horizon_index", "instrument_id"])
    vectors = (
        paths.groupby("scenario_id")["return_value"]
        .apply(lambda returns: returns.to_numpy("float32")[:384])
        .reset_index(name="embedding")
    )
    if writing:
        vectors["embedding"] = vectors["embedding"].map(lambda vector: vector.tolist())
    vectors.to_sql("with_pandas", connection, if_exists="replace", index=False, **writing)
    connection.commit()


def with_pandas_by_psycopg2() -> float:
    """Run pandas the usual way."""
    import sqlalchemy

    engine = sqlalchemy.create_engine("postgresql+psycopg2://")

    def work() -> None:
        with engine.connect() as connection:
            dtype = {"embedding": sqlalchemy.ARRAY(sqlalchemy.REAL)}
            with_pandas(connection, dtype=dtype)

    return seconds(work)


def with_pandas_by_adbc() -> float:
    """Run pandas the fast way."""

    def work() -> None:
        with connect() as connection:
            with_pandas(connection)

    return seconds(work)


def loop(num_scenarios: int) -> float:
    """Time one scenario after the other, and scale the time to all scenarios."""
    execute("drop table if exists public.loop")
    execute("create table public.loop (scenario_id int primary key, embedding real[])")
    num_looped = min(num_scenarios, LOOPED_SCENARIOS)
    connection = psycopg2.connect("")
    connection.autocommit = True
    with connection.cursor() as cursor:

        def work() -> None:
            for scenario_id in range(1, num_looped + 1):
                cursor.execute(
                    """
                    select return_value from raw.scenario_paths
                    where
                        scenario_set_id = 'BIG' and scenario_id = %s and horizon_index > 0
                    order by horizon_index, instrument_id
                    """,
                    [scenario_id],
                )
                returns = [value for (value,) in cursor.fetchall()]
                vector = (returns + [0.0] * 384)[:384]
                cursor.execute(
                    "insert into public.loop values (%s, %s)", [scenario_id, vector]
                )

        taken = seconds(work)
    connection.close()
    return taken * num_scenarios / num_looped


def work_once() -> None:
    """Run this project's chain once, and print the seconds of its phases as JSON."""
    phases: dict[str, float] = {}

    def timed(name: str, work: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        result = work()
        phases[name] = time.perf_counter() - start
        return result

    def start_up() -> Any:
        from python_encoders.pipeline import start_dbt

        return start_dbt(
            {"scenario_set_id": "BIG", "scenario_limit": None, "encoded_model_ids": [CORE]}
        )

    def encoded(*model_ids: str) -> None:
        from python_encoders.postgres import encode
        from python_encoders.scope import Scope

        with connect(autocommit=True) as connection:
            encode(connection, Scope(model_ids, "BIG"), lambda done, total: None)

    chain = timed("start-up", start_up)
    timed("panels", chain.run)
    timed(CORE, lambda: encoded(CORE))
    timed("tests", chain.test)
    for run, change in (
        ("nothing to do", "select 1"),
        (
            "one changed",
            """
            update raw.scenario_paths set return_value = return_value + 1e-6
            where scenario_set_id = 'BIG' and scenario_id = 7 and horizon_index = 1
            """,
        ),
    ):
        execute(change)
        timed(f"{run}: panels", chain.run)
        timed(f"{run}: {CORE}", lambda: encoded(CORE))
        timed(f"{run}: tests", chain.test)
    for model_id in list(ENCODERS)[1:]:
        timed(model_id, functools.partial(encoded, model_id))
    # (Not resource.getrusage, which counts what the parent had at the fork.)
    [peak] = re.findall(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
    phases["peak MB"] = int(peak) / 1024
    for name, table in (
        ("panels MB", "int_scenario_panels"),
        ("vectors MB", "numeric_window_embeddings"),
    ):
        [(size,)] = execute(f"select pg_total_relation_size('analytics.{table}')")
        phases[name] = size / 1024**2
    print(json.dumps(phases))


def this_project() -> dict[str, float]:
    """Run the chain in a process of its own, from an empty target."""
    execute("drop schema if exists analytics cascade")
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.performance", "--once"],
        cwd=PROJECT_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def measure(num_scenarios: int, num_days: int, num_series: int) -> dict[str, float]:
    """Grow a set, time every method on it, and give the medians."""
    grown = seconds(lambda: execute(grow(num_scenarios, num_days, num_series)))
    CONSOLE.print(f"{num_scenarios} × {num_days} × {num_series}: grown in {grown:.0f} s")
    execute("vacuum raw.scenario_paths")
    num_rows = num_scenarios * (num_days + 1) * num_series
    runs: dict[str, list[float]] = {}
    for run in range(NUM_RUNS):
        results = {f"floor: {name}": taken for name, taken in floor().items()}
        results["pure SQL"] = pure_sql()
        if num_rows <= PANDAS_ROWS:
            results["pandas"] = with_pandas_by_psycopg2()
            results["pandas, ADBC"] = with_pandas_by_adbc()
        results["loop"] = loop(num_scenarios)
        results |= this_project()
        CONSOLE.print(
            f"  run {run + 1}: "
            + ", ".join(f"{name} {taken:.2f}" for name, taken in results.items())
        )
        for name, taken in results.items():
            runs.setdefault(name, []).append(taken)
    return {"rows": num_rows} | {
        name: statistics.median(taken) for name, taken in runs.items()
    }


def shares(medians: dict[str, dict[str, float]]) -> list[str]:
    """Give the table of a run, as lines of Markdown.

    What a run costs over a set of one scenario is dbt's own: its start, and the statements
    and messages of each node. It is taken off everywhere but in the row that shows it.
    """
    fixed = medians["1×20×20"]
    sizes = [size for size in medians if size != "1×20×20"]
    columns: list[dict[str, str]] = []
    for size in sizes:
        run = medians[size]

        def net(*names: str, run: dict[str, float] = run) -> float:
            return sum(run[name] - fixed[name] for name in names)

        ours = net("panels", CORE)
        least = run["floor: read"] + run["floor: write"]
        first = net("panels", CORE, "tests")
        num_scenarios = int(size.split("×")[0])
        column = {
            "path rows, million": f"{run['rows'] / 1e6:.2f}",
            "panels, s": f"{net('panels'):.2f}",
            **{f"{model_id}, s": f"{run[model_id]:.2f}" for model_id in ENCODERS},
            "dbt's tests, s": f"{net('tests'):.2f}",
            "**panels and core-v1**, s": f"**{ours:.2f}**",
            "scenarios a second": f"{num_scenarios / ours:,.0f}",
            "path rows a second, million": f"{run['rows'] / ours / 1e6:.2f}",
            "floor, s": f"{least:.2f}",
            "pure SQL, s": f"{run['pure SQL']:.2f}",
            "pandas, s": f"{run['pandas']:.2f}" if "pandas" in run else "–",
            "pandas over ADBC, s": (
                f"{run['pandas, ADBC']:.2f}" if "pandas" in run else "–"
            ),
            "loop, s": f"{run['loop']:.2f}",
            "× of the floor": f"{ours / least:.2f}",
            "× of pure SQL": f"{ours / run['pure SQL']:.2f}",
            "times as fast as pandas": (
                f"{run['pandas'] / ours:.1f}" if "pandas" in run else "–"
            ),
            "times as fast as pandas over ADBC": (
                f"{run['pandas, ADBC'] / ours:.1f}" if "pandas" in run else "–"
            ),
            "times as fast as the loop": f"{run['loop'] / ours:.1f}",
        }
        for again in ("nothing to do", "one changed"):
            names = ("panels", CORE, "tests")
            taken = sum(
                run[f"{again}: {name}"] - fixed[f"nothing to do: {name}"] for name in names
            )
            column[f"{again}, of the first run"] = f"{taken / first:.0%}"
        column["dbt's own: start-up + nodes + tests, s"] = (
            f"{run['start-up']:.1f} + {fixed['panels']:.1f} + {fixed['tests']:.1f}"
        )
        column["peak memory of the process, MB"] = f"{run['peak MB']:.0f}"
        column["written: panels + 3 vectors, MB"] = (
            f"{run['panels MB']:.0f} + {run['vectors MB']:.0f}"
        )
        columns.append(column)
    return [
        "| | " + " | ".join(sizes) + " |",
        "|---|" + "---:|" * len(sizes),
        *(
            f"| {name} | " + " | ".join(column[name] for column in columns) + " |"
            for name in columns[0]
        ),
    ]


def plot(medians: dict[str, dict[str, float]], path: Path) -> None:
    """Draw time against path rows for everything that was timed, log-log."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "performance"
    import matplotlib.pyplot as plt

    fixed = medians["1×20×20"]
    runs = [run for size, run in medians.items() if size.endswith("×20×20")][1:]
    figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    curves: dict[str, Callable[[dict[str, float]], float | None]] = {
        "loop": lambda run: run["loop"],
        "pandas": lambda run: run.get("pandas"),
        "pandas, ADBC": lambda run: run.get("pandas, ADBC"),
        "panels and core-v1": lambda run: (
            run["panels"] - fixed["panels"] + run[CORE] - fixed[CORE]
        ),
        "floor": lambda run: run["floor: read"] + run["floor: write"],
        "pure SQL": lambda run: run["pure SQL"],
        "rerun, nothing to do": lambda run: sum(
            run[f"nothing to do: {phase}"] - fixed[f"nothing to do: {phase}"]
            for phase in ("panels", CORE)
        ),
    }
    for name, value in curves.items():
        points = [(run["rows"], value(run)) for run in runs if value(run)]
        axes.plot(
            *zip(*points, strict=True),
            marker="o",
            linewidth=2.5 if name == "panels and core-v1" else 1.2,
            label=name,
        )
    axes.set(xscale="log", yscale="log", xlabel="path rows", ylabel="seconds")
    axes.grid(visible=True, which="both", alpha=0.25)
    axes.legend(frameon=False)
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Measure every size, print the table, draw docs/images/performance.svg."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--once", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument(
        "--sizes", type=int, nargs="*", help="only these of the sizes, from 0"
    )
    arguments = parser.parse_args()
    if arguments.once:
        work_once()
        return
    home = Path(tempfile.mkdtemp(prefix="scenario-bench-"))
    os.environ |= {"DBT_TARGET_PATH": str(home / "dbt"), "DBT_LOG_PATH": str(home / "dbt")}
    try:
        os.environ.update(server.start(home))
        os.environ["DBT_PROFILES_DIR"] = str(PROJECT_DIR)
        dbt = [str(Path(sys.executable).parent / "dbt"), "--quiet", "seed"]
        subprocess.run(dbt, cwd=PROJECT_DIR, check=True)
        execute("create table raw.shipped as select * from raw.scenario_paths")
        RESULTS.parent.mkdir(exist_ok=True)
        sizes = [(1, 20, 20), *SIZES]
        medians = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
        for number in arguments.sizes or range(len(sizes)):
            execute("drop schema if exists analytics cascade")
            execute("drop table raw.scenario_paths")
            execute("create table raw.scenario_paths as select * from raw.shipped")
            medians["×".join(map(str, sizes[number]))] = measure(*sizes[number])
            RESULTS.write_text(json.dumps(medians, indent=1))
        CONSOLE.print("\n".join(shares(medians)), markup=False)
        plot(medians, PROJECT_DIR / "docs" / "images" / "performance.svg")
    finally:
        server.stop(home)
        shutil.rmtree(home)


if __name__ == "__main__":
    main()
