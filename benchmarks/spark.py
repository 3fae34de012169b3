"""Rows a second and memory on Spark, beside Postgres and one numpy process.

Run it with ``make bench-spark``. The set of ``large_sets``, 20,000 scenarios of 20 days and
20 series in 8.4 million path rows, is grown in each engine by the same arithmetic. Then
this project's chain is timed over it: on a throwaway Postgres, and on Spark clusters of one
and of two workers. Each worker is a process with one core. Beside them, one process reads
the same rows from Parquet and encodes them with numpy. All must give the same vectors, byte
for byte.
"""

import argparse
import functools
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from python_encoders.dbt_project import PROJECT_DIR
from python_encoders.encoders import ENCODERS

SIZE = 20_000, 20, 20
RESULTS = PROJECT_DIR / "build" / "spark.json"
SEEDS = PROJECT_DIR / "seeds" / "scenario_paths.csv"
TESTS = PROJECT_DIR / "tests" / "python"
TABLES = (
    "raw.scenario_paths",
    "analytics.int_scenario_panels",
    "analytics.numeric_window_embeddings",
)
PARTS = {"SPARK_SHUFFLE_PARTITIONS": "16"}
# By what a process was started with.
KINDS = {
    "CoarseGrainedExecutorBackend": "executor JVM",
    "pyspark.daemon": "Python worker",
    "org.apache.spark.deploy.SparkSubmit": "driver JVM",
}

_DAYS = """
    create or replace temporary view days as
    select
        (scenario_id - 1) * 20 + horizon_index - 1 as day_number,
        instrument_id, factor_id, macro_id, return_value
    from seed
    where scenario_set_id = 'HIST_STRESS_20D' and horizon_index > 0
"""


def _grown(num_scenarios: int, num_days: int, num_series: int) -> str:
    """Give the SELECT that says on Spark what ``large_sets.grow`` says on Postgres."""
    return f"""
        select
            'BIG' as scenario_set_id,
            int(scenario.id) as scenario_id,
            int(horizon.id) as horizon_index,
            concat(
                days.instrument_id,
                if(copy.id > 0, concat('_', lpad(string(copy.id), 3, '0')), '')
            ) as instrument_id,
            days.factor_id,
            days.macro_id,
            if(horizon.id = 0, double(0), days.return_value) as return_value
        from range(1, {num_scenarios + 1}, 1, 8) as scenario
        cross join range({num_days + 1}) as horizon
        cross join range({num_series // 20}) as copy
        inner join days
            on days.day_number = (
                scenario.id * 7919 + horizon.id * 104729 + copy.id * 31
            ) % 480
        """


def _peak(pid: int | str) -> int:
    """Read a process's peak of resident memory, in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    [kilobytes] = re.findall(r"VmHWM:\s*(\d+) kB", status)
    return int(kilobytes) // 1024


@contextmanager
def _peaks_of_children(peaks: dict[str, int]) -> Iterator[None]:
    """Note the peaks of Spark's processes, also of those that end in between."""
    done = threading.Event()

    def look() -> None:
        while not done.wait(0.2):
            for process in psutil.Process().children(recursive=True):
                try:
                    started_with = " ".join(process.cmdline())
                    for mark, kind in KINDS.items():
                        if mark in started_with:
                            peaks[kind] = max(peaks.get(kind, 0), _peak(process.pid))
                except (psutil.Error, OSError, ValueError):  # just gone
                    continue

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield
    finally:
        done.set()
        looking.join()


def _digests(read: Callable[[str], pa.Table]) -> dict[str, str]:
    """Digest the vectors of each model, which come in the order of their ids."""
    return {
        model_id: hashlib.sha256(
            read(model_id)["embedding"]
            .combine_chunks()
            .flatten()
            .to_numpy()
            .astype("<f4")
            .tobytes()
        ).hexdigest()
        for model_id in ENCODERS
    }


class _Phases(dict[str, Any]):
    def timed(self, name: str, work: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        result = work()
        self[name] = round(time.perf_counter() - start, 2)
        return result


def _shuffled(session: Any) -> int:
    """Say how many bytes executors have written for others."""
    executors = session.sparkContext._jsc.sc().statusStore().executorList(False)
    return sum(
        executors.apply(place).totalShuffleWrite() for place in range(executors.size())
    )


def _stored(session: Any, table: str) -> int:
    """Say how many bytes a table's files have."""
    described = session.sql(f"describe formatted {table}").where("col_name = 'Location'")
    folder = Path(described.first()["data_type"].removeprefix("file:"))
    return sum(file.stat().st_size for file in folder.rglob("*.parquet"))


def on_postgres(size: tuple[int, int, int]) -> dict[str, Any]:
    """Run the chain on the server that the environment names."""
    from benchmarks.large_sets import grow
    from benchmarks.performance import execute
    from python_encoders.pipeline import DbtChain
    from python_encoders.postgres import connect, encode, fetch
    from python_encoders.scope import Scope

    phases = _Phases()
    DbtChain({})._invoke("seed")
    execute(grow(*size))
    chain = phases.timed("start", lambda: DbtChain({"encoded_model_ids": list(ENCODERS)}))
    phases.timed("panels", chain.run)
    with connect(autocommit=True) as connection:
        for model_id in ENCODERS:
            phases.timed(
                model_id,
                functools.partial(encode, connection, Scope((model_id,)), lambda *_: None),
            )
        phases["peaks"] = {"driver": _peak("self")}
        phases["digests"] = _digests(
            lambda model_id: fetch(
                connection,
                """
                select embedding from analytics.numeric_window_embeddings
                where model_id = $1 order by entity_id collate "C"
                """,
                [model_id],
            )
        )
    return phases


def on_spark(size: tuple[int, int, int]) -> dict[str, Any]:
    """Run the chain on the cluster that the environment names."""
    from python_encoders.pipeline import DbtChain
    from python_encoders.scope import Scope
    from python_encoders.spark import encoding
    from python_encoders.spark import session as spark_session

    phases = _Phases()
    start = time.perf_counter()
    with spark_session.open_session() as session:
        phases["start"] = round(time.perf_counter() - start, 2)
        session.createDataFrame(pa.csv.read_csv(SEEDS)).createTempView("seed")
        for statement in (
            _DAYS,
            "create schema raw",
            f"create table raw.scenario_paths using parquet as {_grown(*size)}",
            "create table raw.scenario_sets using parquet as select 'BIG' as "
            f"scenario_set_id, {size[1]} as horizon_days, {size[0]} as num_paths, "
            "date '2022-12-28' as base_date_end",
        ):
            session.sql(statement)
        chain = DbtChain({"encoded_model_ids": list(ENCODERS)}, target="spark")
        shuffled_before = _shuffled(session)
        phases.timed("panels", chain.run)
        for model_id in ENCODERS:
            phases.timed(
                model_id,
                functools.partial(
                    encoding.encode, session, Scope((model_id,)), lambda *_: None
                ),
            )
            if "shuffled" not in phases:  # by the panels and one model
                phases["shuffled"] = _shuffled(session) - shuffled_before
        phases["peaks"] = {"driver": _peak("self")}
        phases["stored"] = {table: _stored(session, table) for table in TABLES}
        vectors = session.table("analytics.numeric_window_embeddings")
        phases["digests"] = _digests(
            lambda model_id: (
                vectors.where(vectors.model_id == model_id)
                .orderBy("entity_id")
                .select("embedding")
                .toArrow()
            )
        )
    return phases


def with_numpy(size: tuple[int, int, int]) -> dict[str, Any]:
    """Read the rows that Spark has grown, and encode them, in one process."""
    _, num_days, num_series = size
    phases = _Phases()

    def panels() -> tuple[np.ndarray, list[str], np.ndarray]:
        folder = Path(os.environ["SPARK_WAREHOUSE_DIR"], "raw.db", "scenario_paths")
        columns = ["scenario_id", "horizon_index", "instrument_id", "return_value"]
        rows = pq.read_table(folder, columns=columns)
        rows = rows.filter(pa.compute.field("horizon_index") > 0)
        rows = rows.sort_by([(column, "ascending") for column in columns[:3]])
        cells = rows["return_value"].to_numpy().reshape(size)
        ids = rows["instrument_id"][:num_series].to_pylist()
        # As entity ids are ordered.
        scenario_ids = rows["scenario_id"].to_numpy()[:: num_days * num_series]
        return cells, ids, np.argsort(scenario_ids.astype(str))

    cells, ids, order = phases.timed("panels", panels)
    digests = {}
    for model_id, encoder in ENCODERS.items():
        made = phases.timed(model_id, functools.partial(encoder.encode, cells, ids))
        digests[model_id] = hashlib.sha256(made[order].astype("<f4").tobytes()).hexdigest()
    return phases | {"peaks": {"driver": _peak("self")}, "digests": digests}


WORK = {"postgres": on_postgres, "spark": on_spark, "numpy": with_numpy}


def _in_a_process(name: str, size: tuple[int, int, int], **environment: str) -> Any:
    peaks: dict[str, int] = {}
    with _peaks_of_children(peaks):
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.spark", "--work", name, *map(str, size)],
            env=os.environ | environment,
            cwd=PROJECT_DIR,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    result = json.loads(done.stdout.splitlines()[-1])
    result["peaks"] |= peaks
    return result


def measure(size: tuple[int, int, int]) -> dict[str, Any]:
    """Measure all, one after the other."""
    sys.path.append(str(TESTS))
    from spark.cluster import tables_in, throwaway_cluster

    from python_encoders.postgres import server

    results = {}
    home = Path(tempfile.mkdtemp(prefix="scenario-bench-"))
    artifacts = {"DBT_TARGET_PATH": str(home / "dbt"), "DBT_LOG_PATH": str(home / "dbt")}
    try:
        variables = server.start(home)
        results["Postgres"] = _in_a_process("postgres", size, **variables, **artifacts)
    finally:
        server.stop(home)
        shutil.rmtree(home)
    for num_workers in (1, 2):
        with throwaway_cluster(num_workers, settings={}, environment=PARTS) as cluster:
            places = tables_in(cluster.home) | {
                "DBT_TARGET_PATH": str(cluster.home / "dbt"),
                "DBT_LOG_PATH": str(cluster.home / "dbt"),
            }
            name = f"Spark, {num_workers} core{'s'[: num_workers - 1]}"
            environment = cluster.environment | places
            results[name] = _in_a_process("spark", size, **environment)
            if num_workers == 2:
                results["numpy, one process"] = _in_a_process("numpy", size, **places)
    return results


def show(results: dict[str, Any], size: tuple[int, int, int]) -> None:
    """Print one table, and whether all vectors are the same."""
    num_rows = size[0] * (size[1] + 1) * size[2]
    table = Table(title=f"{num_rows / 1e6:.1f} million path rows, seconds")
    table.add_column("")
    for heading in ("panels", *ENCODERS, "rows a second"):
        table.add_column(heading, justify="right")
    table.add_column("peak memory, MB")
    for name, found in results.items():
        seconds = [found[phase] for phase in ("panels", *ENCODERS)]
        table.add_row(
            name,
            *(f"{second:.1f}" for second in seconds),
            f"{num_rows / (seconds[0] + seconds[1]):,.0f}",
            ", ".join(f"{kind} {peak}" for kind, peak in found["peaks"].items()),
        )
    console = Console(width=160)
    console.print(table)
    console.print("(rows a second: panels and the first model)")
    for name, found in results.items():
        if "stored" in found:
            sizes = {"shuffled": found["shuffled"]} | found["stored"]
            told = (f"{what} {size / num_rows:.2f}" for what, size in sizes.items())
            console.print(f"{name}, bytes a path row: {', '.join(told)}")
    for model_id in ENCODERS:
        digests = {found["digests"][model_id] for found in results.values()}
        same = "all the same" if len(digests) == 1 else "THEY DIFFER"
        console.print(f"{model_id}: {same}, {' '.join(sorted(digests))}")


def main() -> None:
    """Measure and print. With an argument, be the process of one part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", choices=WORK)
    parser.add_argument("size", type=int, nargs="*", default=SIZE)
    arguments = parser.parse_args()
    size = tuple(arguments.size)
    if arguments.work:
        print(json.dumps(WORK[arguments.work](size)))
        return
    results = measure(size)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1))
    show(results, size)


if __name__ == "__main__":
    main()
