"""Encoding on a cluster of separate processes: same bytes, whatever dies in between.

The tables that the encoder reads are made by hand here, so that a test needs no dbt.
"""

import datetime
import hashlib
import re
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import vector_bytes

from python_encoders.encoders import ENCODERS
from spark.cluster import Cluster
from spark.driver import Driver, KilledError

pytestmark = pytest.mark.spark

CORE = next(iter(ENCODERS))
ALL = ("--model-id", "all")
DATE = datetime.date(2022, 12, 28)
SERIES = [f"S{place:03}" for place in range(300)]
VECTORS = "analytics.numeric_window_embeddings"
# Longer, in bytes, than a folder's name may be: others cannot write a partition of it.
LONGEST_ID = "😀" * 64
ODD_IDS = [
    *("007", "7", "1e3", "1000", "a'b", 'a"b', "a'b\"c", "a/b", "a b", " a", "a\\b", "a=b"),
    *("a%2Fb", "{a}", "*", "..", "a\nb", "äöü漢字", LONGEST_ID, "NULL", "A", "a"),
]
GIVEN = """
    scenario_set_id string, scenario_id string, scenario_rank int, as_of_date date,
    horizon_days int, num_series int, series_ids array<string>, panel array<double>,
    panel_fingerprint string, is_valid boolean, is_supported boolean, is_in_source boolean,
    is_seen boolean, is_built boolean
"""
# What the encoder reads, out of one table: a view for each relation of dbt's.
VIEWS = {
    "encoder_limits": "select explode(array({models})) as model_id",
    "int_scenarios": "select * from analytics.given where is_in_source and is_seen",
    "int_scenario_sets": "select distinct scenario_set_id from analytics.int_scenarios",
    "stg_prometheus__scenario_paths": "select * from analytics.given where is_in_source",
    "int_scenario_panels": """
        select *, if(is_valid, null, 'MISSING_CELLS') as rejection_reason, 1 as content_hash
        from analytics.given where is_built
    """,
    "scenario_panels": """
        select *, cast(null as array<double>) as divisors
        from analytics.given where is_built and is_valid
    """,
    "scenario_rejections": """
        select
            scenario_set_id, scenario_id, rejection_reason as reason,
            rejection_reason as detail
        from analytics.int_scenario_panels where rejection_reason is not null
    """,
    "int_expected_embeddings": """
        select
            scenario_set_id, scenario_id, model_id, as_of_date, panel_fingerprint,
            is_supported,
            if(is_supported, null, 'TOO_MANY_SERIES') as rejection_reason,
            concat_ws(':', scenario_set_id, scenario_id) as entity_id
        from analytics.scenario_panels cross join analytics.encoder_limits
    """,
    # What is encoded is tested by the vectors.
    "scenario_set_coverage": """
        select '' as scenario_set_id, '' as model_id where false
    """,
}


class Scenario(NamedTuple):
    """A scenario as dbt knows it, with its panel, ndarray of shape (H, N)."""

    panel: np.ndarray
    is_valid: bool = True
    is_supported: bool = True
    is_in_source: bool = True
    is_seen: bool = True
    is_built: bool = True

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(self.panel.tobytes()).hexdigest()


Given = dict[tuple[str, str], Scenario]


def scenarios(
    *set_ids: str, first: int = 0, num: int = 6, days: int = 5, series: int = 4
) -> Given:
    """Make scenarios up, 1 to ``num`` of each set, that are all different."""
    draw = np.random.default_rng(first)
    return {
        (set_id, str(scenario)): Scenario(draw.uniform(-0.1, 0.1, (days, series)))
        for set_id in set_ids
        for scenario in range(1, num + 1)
    }


def expected(given: Given, *model_ids: str) -> dict[tuple[str, ...], tuple[str, bytes]]:
    """Encode with plain numpy: fingerprint and bytes, by model, set and scenario."""
    return {
        (model_id, *key): (
            given[key].fingerprint,
            ENCODERS[model_id]
            .encode(given[key].panel[None], SERIES[: given[key].panel.shape[1]])
            .astype("<f4")
            .tobytes(),
        )
        for model_id in model_ids
        for key in given
    }


class Tables:
    """The tables of a test, in a cluster's driver."""

    def __init__(self, cluster: Cluster, driver: Driver) -> None:
        self.cluster, self.driver = cluster, driver
        self._file = cluster.home / "given" / "rows.parquet"
        self.files = cluster.home / "warehouse" / "analytics.db" / VECTORS.split(".")[1]

    def create(self) -> None:
        """Make the vectors' table anew, and the views where there are none yet."""
        self._file.parent.mkdir(exist_ok=True)
        models = ", ".join(f"'{model_id}'" for model_id in ENCODERS)
        for statement in (
            "create schema if not exists analytics",
            f"create table if not exists analytics.given ({GIVEN}) using parquet "
            f"location '{self._file.parent}'",
            *(
                f"create view if not exists analytics.{name} as "
                + query.format(models=models)
                for name, query in VIEWS.items()
            ),
            f"drop table if exists {VECTORS}",
            f"create table {VECTORS} (entity_type string, entity_id string, "
            "window_spec string, as_of_date date, panel_fingerprint string, "
            "embedding array<float>, created_at timestamp, model_id string, "
            "scenario_set_id string) using parquet "
            "partitioned by (model_id, scenario_set_id)",
        ):
            self.driver.sql(statement)

    def give(self, given: Given) -> None:
        """Have dbt have built this."""
        rows = [
            {
                "scenario_set_id": set_id,
                "scenario_id": scenario_id,
                "scenario_rank": int(scenario_id),
                "as_of_date": DATE,
                "horizon_days": scenario.panel.shape[0],
                "num_series": scenario.panel.shape[1],
                "series_ids": SERIES[: scenario.panel.shape[1]],
                "panel": scenario.panel.ravel(),
                "panel_fingerprint": scenario.fingerprint,
                **{name: getattr(scenario, name) for name in Scenario._fields[1:]},
            }
            for (set_id, scenario_id), scenario in given.items()
        ]
        schema = pa.schema(
            {
                "scenario_set_id": pa.string(),
                "scenario_id": pa.string(),
                "scenario_rank": pa.int32(),
                "as_of_date": pa.date32(),
                "horizon_days": pa.int32(),
                "num_series": pa.int32(),
                "series_ids": pa.list_(pa.string()),
                "panel": pa.list_(pa.float64()),
                "panel_fingerprint": pa.string(),
                **dict.fromkeys(Scenario._fields[1:], pa.bool_()),
            }
        )
        pq.write_table(pa.Table.from_pylist(rows, schema), self._file)
        self.driver.sql("refresh table analytics.given")

    def encode(self, *options: str) -> str:
        """Encode what is pending, and give what the command printed of the vectors."""
        done = self.driver.run("encode", *options)
        assert done.returncode == 0, done.stderr
        [said] = re.findall("^vectors: .*", done.stdout, re.MULTILINE)
        return str(said)

    def vectors(self) -> dict[tuple[str, ...], tuple[str, bytes]]:
        """Read the scenario vectors, in the form of ``expected``."""
        found = {}
        for row in self.driver.sql(f"select * from {VECTORS} where entity_type='SCENARIO'"):
            scenario_id = row["entity_id"].removeprefix(row["scenario_set_id"] + ":")
            key = row["model_id"], row["scenario_set_id"], scenario_id
            assert key not in found, "a vector twice"
            found[key] = row["panel_fingerprint"], vector_bytes(row["embedding"])
        return found

    def written(self) -> dict[tuple[str, ...], datetime.datetime]:
        """Say when each row was written."""
        return {
            (row["model_id"], row["entity_id"], row["entity_type"]): row["created_at"]
            for row in self.driver.sql(f"select * from {VECTORS}")
        }


@pytest.fixture
def tables(cluster: Cluster, driver: Driver) -> Tables:
    tables = Tables(cluster, driver)
    tables.create()
    return tables


def test_vectors_equal_those_of_one_numpy_process(tables):
    given = scenarios("S", "T") | scenarios("U", days=30, series=20)
    tables.give(given)

    assert tables.encode(*ALL) == f"vectors: {18 * len(ENCODERS)} written, 0 pruned"

    assert tables.vectors() == expected(given, *ENCODERS)


def test_a_rerun_writes_nothing(tables):
    tables.give(scenarios("S", "T"))
    tables.encode(*ALL)
    files, written = sorted(tables.files.rglob("*")), tables.written()

    assert tables.encode(*ALL) == "vectors: 0 written, 0 pruned"

    assert tables.written() == written
    assert sorted(tables.files.rglob("*")) == files


def test_only_what_has_changed_is_written(tables):
    before = scenarios("S", "T")
    tables.give(before)
    tables.encode("--model-id", CORE)
    written = tables.written()
    changed = before | {("S", "2"): Scenario(before["S", "2"].panel + 0.01)}
    tables.give(changed)

    assert tables.encode("--model-id", CORE) == "vectors: 1 written, 0 pruned"

    assert tables.vectors() == expected(changed, CORE)
    after = tables.written()
    assert {key for key in after if after[key] != written[key]} == {
        (CORE, "S:2", "SCENARIO")
    }


@pytest.mark.parametrize("why", ["is_in_source", "is_valid", "is_supported"])
def test_what_has_no_panel_any_more_loses_its_vector(tables, why):
    before = scenarios("S", "T")
    tables.give(before)
    tables.encode("--model-id", CORE)
    gone = {"is_built": False} if why == "is_in_source" else {}
    tables.give(before | {("S", "2"): before["S", "2"]._replace(**{why: False}, **gone)})

    assert tables.encode("--model-id", CORE) == "vectors: 0 written, 1 pruned"

    del before["S", "2"]
    assert tables.vectors() == expected(before, CORE)


def test_a_set_that_has_gone_loses_its_partitions(tables):
    tables.give(scenarios("S", "T"))
    tables.encode(*ALL)
    left = scenarios("S")
    tables.give(left)

    # Outdated vectors of every model go, but not of a set that is out of scope.
    assert tables.encode("--scenario-set-id", "S") == "vectors: 0 written, 0 pruned"
    assert tables.encode("--model-id", CORE) == (
        f"vectors: 0 written, {6 * len(ENCODERS)} pruned"
    )

    assert tables.vectors() == expected(left, *ENCODERS)
    partitions = tables.driver.sql(f"show partitions {VECTORS}")
    assert {row["partition"].split("/")[1] for row in partitions} == {"scenario_set_id=S"}


def test_a_run_that_would_take_many_vectors_stops_names_why_and_can_be_confirmed(tables):
    given = scenarios("S", "T", "U")
    tables.give(given)
    tables.encode("--model-id", CORE)
    before = tables.vectors()
    changed = {
        key: Scenario(
            scenario.panel + 0.01, key[1] not in "12", not (key[0] == "S" and key[1] == "3")
        )
        for key, scenario in given.items()
        if key[0] != "U"
    }
    tables.give(changed)

    stopped = tables.driver.run("encode", "--model-id", CORE)
    assert stopped.returncode == 1
    assert (
        "Error: 11 of the 18 scenarios in scope that have a vector would be left without "
        "one: 6 gone from the source, 4 rejected now (MISSING_CELLS), 1 rejected now "
        "(TOO_MANY_SERIES). No vector was written or deleted." in stopped.stderr
    )
    assert tables.vectors() == before
    limited = ("--model-id", CORE, "--limit", "2")
    assert tables.encode(*limited) == "vectors: 0 written, 4 pruned"
    confirmed = ("--model-id", CORE, "--max-prune", "7")
    assert tables.encode(*confirmed) == "vectors: 7 written, 7 pruned"


def test_a_changed_panel_takes_its_vectors_of_other_models_along(tables):
    before = scenarios("S")
    tables.give(before)
    tables.encode(*ALL)
    changed = {("S", "2"): Scenario(before["S", "2"].panel + 0.01)}
    tables.give(before | changed)

    assert tables.encode("--model-id", CORE) == (
        f"vectors: 1 written, {len(ENCODERS) - 1} pruned"
    )

    del before["S", "2"]
    assert tables.vectors() == expected(before, *ENCODERS) | expected(changed, CORE)


def test_a_scenario_that_is_not_built_keeps_its_vector(tables):
    before = scenarios("S")
    tables.give(before)
    tables.encode("--model-id", CORE)
    tables.give(before | {("S", "2"): before["S", "2"]._replace(is_built=False)})

    assert tables.encode("--model-id", CORE) == "vectors: 0 written, 0 pruned"
    assert tables.vectors() == expected(before, CORE)


def test_a_set_that_dbt_has_not_seen_keeps_its_vectors(tables):
    before = scenarios("S", "T")
    tables.give(before)
    tables.encode("--model-id", CORE)
    unseen = {"is_seen": False, "is_built": False}
    tables.give(
        {key: it._replace(**unseen if key[0] == "T" else {}) for key, it in before.items()}
    )

    assert tables.encode("--model-id", CORE) == "vectors: 0 written, 0 pruned"
    assert tables.vectors() == expected(before, CORE)


def test_a_limited_run_does_nothing_beyond_its_limit(tables):
    before = scenarios("S")
    tables.give(before)
    limited = ("--model-id", CORE, "--limit", "2")

    assert tables.encode(*limited) == "vectors: 2 written, 0 pruned"
    assert {key[2] for key in tables.vectors()} == {"1", "2"}
    assert tables.encode("--model-id", CORE) == "vectors: 4 written, 0 pruned"

    rejected = {("S", "5"): before["S", "5"]._replace(is_supported=False)}
    tables.give(before | rejected)
    assert tables.encode(*limited) == "vectors: 0 written, 0 pruned"
    assert tables.vectors() == expected(before, CORE)
    assert tables.encode("--model-id", CORE) == "vectors: 0 written, 1 pruned"


def test_set_ids_are_text_whatever_is_in_them(tables):
    given = {
        key: scenario._replace(panel=scenario.panel + place / 1000)
        for place, set_id in enumerate(ODD_IDS)
        for key, scenario in scenarios(set_id, num=2).items()
    }
    tables.give(given)
    tables.driver.sql(
        f"insert into {VECTORS} select 'STABILITY', scenario_id, '', as_of_date, '', "
        "array(), current_timestamp(), 'theirs', scenario_set_id from analytics.given "
        f"where scenario_set_id <> '{LONGEST_ID}'"
    )

    assert tables.encode() == f"vectors: {2 * len(ODD_IDS)} written, 0 pruned"
    assert tables.vectors() == expected(given, CORE)

    # Each for itself, too.
    for set_id in ("007", "a'b\"c", "a\nb", LONGEST_ID):
        given[set_id, "1"] = Scenario(given[set_id, "1"].panel + 1)
        tables.give(given)
        said = tables.encode("--scenario-set-id", set_id)
        assert said == "vectors: 1 written, 0 pruned", set_id
    assert tables.vectors() == expected(given, CORE)
    theirs = tables.driver.sql(f"select * from {VECTORS} where model_id = 'theirs'")
    assert {row["scenario_set_id"] for row in theirs} == {*ODD_IDS} - {LONGEST_ID}


@pytest.mark.parametrize(
    ("set_ids", "why"),
    [
        (("a", "a "), "differ in blanks at the end alone"),
        (("__HIVE_DEFAULT_PARTITION__",), "stands for no value"),
    ],
)
def test_what_the_metastore_cannot_name_is_refused(tables, set_ids, why):
    tables.give(scenarios(*set_ids))

    refused = tables.driver.run("encode")

    assert refused.returncode == 1
    assert why in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert tables.vectors() == {}


def test_rows_of_other_entity_types_are_never_lost(tables):
    given = scenarios("S", "T")
    tables.give(given)

    def insert(entity_type: str, set_id: str) -> None:
        tables.driver.sql(
            f"insert into {VECTORS} select '{entity_type}', concat(scenario_id, {set_id}), "
            "'{}', as_of_date, 'theirs', array(), current_timestamp(), model_id, "
            f"{set_id} from analytics.int_expected_embeddings"
        )

    # Before there is a partition, into one that the encoder has written, and beside it.
    insert("EARLY", "scenario_set_id")
    tables.encode("--model-id", CORE)
    insert("STABILITY", "scenario_set_id")
    insert("STABILITY", "'THEIRS'")
    query = f"select * from {VECTORS} where entity_type <> 'SCENARIO'"
    query += " order by entity_type, model_id, scenario_set_id, entity_id"
    before = tables.driver.sql(query)
    assert len(before) == 3 * 12 * len(ENCODERS)

    # One changed, and a set gone.
    changed = scenarios("S") | {("S", "2"): Scenario(given["S", "2"].panel + 0.01)}
    tables.give(changed)
    assert tables.encode("--model-id", CORE) == "vectors: 1 written, 6 pruned"

    assert tables.driver.sql(query) == before
    assert tables.vectors() == expected(changed, CORE)
    # What the encoder has moved is not left where it was.
    assert not list(tables.files.glob(f"model_id={CORE}/scenario_set_id=[ST]"))


class Batch(NamedTuple):
    """What a worker noted of a batch that it got."""

    num_rows: int
    num_bytes: int
    peak_kilobytes: int
    threads: str
    module: str


def noted(folder: Path) -> dict[str, list[Batch]]:
    """Read what the workers noted, by task."""
    return {
        file.name: [
            Batch(int(rows), int(size), int(peak), threads, module)
            for rows, size, peak, threads, module in (
                line.split("\t") for line in file.read_text().splitlines()
            )
        ]
        for file in folder.iterdir()
    }


@pytest.fixture
def looked_on(driver: Driver, tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Have workers note what they do, slowly if asked. Give the folder of the notes."""

    def look_on(seconds: float = 0) -> Path:
        driver.ask("look_on", str(tmp_path), seconds)
        return tmp_path

    yield look_on
    driver.ask("look_on", None)


def test_wide_panels_come_in_small_batches_to_many_tasks(tables, looked_on):
    # 2.4 MB each. Spark's default of 10,000 rows per batch would be 24 GB.
    given = scenarios("WIDE", num=64, days=1000, series=300)
    tables.give(given)
    folder = looked_on()

    assert tables.encode("--model-id", CORE) == "vectors: 64 written, 0 pruned"

    tasks = noted(folder)
    batches = [batch for task in tasks.values() for batch in task]
    assert len(tasks) >= 6, "adaptive execution made fewer of them"
    assert sum(batch.num_rows for batch in batches) == 64
    assert max(batch.num_bytes for batch in batches) < 18 * 1024**2
    assert max(batch.peak_kilobytes for batch in batches) < 400 * 1024
    assert {batch.threads for batch in batches} == {"1"}
    # From the archive that the driver sent, not from this folder.
    assert all("python_encoders.zip" in batch.module for batch in batches)
    assert tables.vectors() == expected(given, CORE)


def _until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline, "it never came to this"
        time.sleep(0.02)


def _is_amid_encoding(folder: Path, tables: Tables) -> Callable[[], bool]:
    """Whether one task has written its file, and another is at work."""
    return lambda: (
        len(list(folder.iterdir())) >= 2
        and any((tables.files / "_versions").rglob("task_*/**/*.parquet"))
    )


def test_a_worker_is_killed_amid_encoding(tables, cluster, looked_on):
    given = scenarios("S", "T", num=40)
    tables.give(given)
    folder = looked_on(seconds=1)
    tables.driver.tell("run", "encode", *ALL)
    _until(_is_amid_encoding(folder, tables))

    worker = cluster.workers[0]
    executors = psutil.Process(worker.pid).children(recursive=True)
    assert executors
    worker.kill()
    for process in executors:
        process.kill()
    worker.wait()
    returncode, stdout, stderr = tables.driver.answer()
    cluster.workers.remove(worker)
    cluster.start_workers(1)

    assert returncode == 0, stderr
    assert f"vectors: {80 * len(ENCODERS)} written, 0 pruned" in stdout
    assert tables.vectors() == expected(given, *ENCODERS)


def _old_and_new() -> tuple[Given, Given]:
    """Three sets: one changes, one is deleted, one is new."""
    old = scenarios("CHANGES", "GOES", num=20)
    new = scenarios("CHANGES", first=1, num=20) | scenarios("NEW", first=2, num=20)
    return old, new


# The set that goes takes the vectors of 20 scenarios along.
CONFIRMED = ("--max-prune", "20")


def _check_whole(
    found: Mapping[tuple[str, ...], Any],
    old: Mapping[tuple[str, ...], Any],
    new: Mapping[tuple[str, ...], Any],
) -> list[str]:
    """Check that each partition is the old one or the new one, and say which."""
    states = []
    for set_id in ("CHANGES", "GOES", "NEW"):
        in_found, in_old, in_new = (
            {key: state[key] for key in state if key[1] == set_id}
            for state in (found, old, new)
        )
        assert in_found in (in_old, in_new), "a partition is half written"
        states.append("old" if in_found == in_old else "new")
    return states


@pytest.mark.parametrize("moment", ["encoding", 0, 1, 2, 3])
def test_the_driver_is_killed(tables, cluster, driver, tmp_path, moment):
    old, new = _old_and_new()
    tables.give(old)
    tables.encode()
    tables.give(new)
    if moment == "encoding":
        jvm = driver.ask("jvm")
        driver.ask("look_on", str(tmp_path), 1)
        driver.tell("run", "encode", *CONFIRMED)
        _until(_is_amid_encoding(tmp_path, tables))
        driver.kill(jvm)
    else:
        driver.ask("die_after", moment)
        with pytest.raises(KilledError):
            driver.run("encode", *CONFIRMED)

    # In a new session.
    all_old, all_new = (expected(given, CORE) for given in (old, new))
    states = _check_whole(tables.vectors(), all_old, all_new)
    assert states.count("new") == (0 if moment == "encoding" else moment)

    tables.encode(*CONFIRMED)
    assert tables.vectors() == all_new
    # It has nothing left to do but to tidy up.
    assert tables.encode() == "vectors: 0 written, 0 pruned"
    # The files of the dead run and of the earlier partitions are gone.
    [versions] = tables.files.iterdir()
    assert len(list(versions.rglob("*.parquet"))) == len(
        {
            row["file"]
            for row in driver.sql(f"select input_file_name() as file from {VECTORS}")
        }
    )


def test_who_reads_meanwhile_sees_the_old_or_the_new(tables, driver):
    old, new = _old_and_new()
    tables.give(old)
    tables.encode()
    tables.give(new)
    query = f"select model_id, scenario_set_id, entity_id, panel_fingerprint from {VECTORS}"

    (returncode, _, stderr), seen = driver.ask("watch", query, "encode", *CONFIRMED)

    assert returncode == 0, stderr
    assert len(seen) > 3
    before, after = (
        {
            (model_id, *key): scenario.fingerprint
            for model_id in (CORE,)
            for key, scenario in given.items()
        }
        for given in (old, new)
    )
    states = []
    for table in seen:
        rows = {
            (row["model_id"], *row["entity_id"].split(":")): row["panel_fingerprint"]
            for row in table.to_pylist()
        }
        assert len(rows) == table.num_rows
        states.append(_check_whole(rows, before, after))
    assert set(states[0]) == {"old"}
    assert set(states[-1]) == {"new"}


def test_a_job_that_fails_leaves_all_as_it_was(tables):
    before = scenarios("S", "T")
    tables.give(before)
    tables.encode("--model-id", CORE)
    # Which dbt would reject.
    too_large = Scenario(np.full((5, 4), 1e300))
    tables.give(before | {("S", "7"): too_large, ("U", "1"): before["S", "1"]})

    failed = tables.driver.run("encode", "--model-id", CORE)

    assert failed.returncode == 1
    assert "beyond float32" in failed.stderr
    assert failed.stderr.count("\n") == 1
    assert tables.vectors() == expected(before, CORE)


def test_a_second_process_is_told_that_the_first_has_the_metastore(tables):
    tables.give(scenarios("S"))
    second = Driver(tables.driver.environment)

    refused = second.run("encode")
    second.stop()

    assert refused.returncode == 1
    assert refused.stderr.startswith("Error: another process has the metastore open")
    assert refused.stderr.count("\n") == 1
    assert tables.encode() == "vectors: 6 written, 0 pruned"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--scenario-set-id", "X"), "unknown scenario set 'X'; there are: S"),
        (("--model-id", "X"), "unknown model 'X'; there are: "),
    ],
)
def test_unknown_ids_are_wrong_usage(tables, options, said):
    tables.give(scenarios("S"))

    refused = tables.driver.run("encode", *options)

    assert refused.returncode == 2
    assert said in refused.stderr
    assert refused.stderr.count("\n") == 1
