"""A Spark session for the tests, in this process and with folders of its own.

dbt starts it, with the settings of the profile, as it does for a user.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from python_encoders.dbt_project import PROJECT_DIR
from spark.cluster import FEW_PARTS, Cluster, tables_in, throwaway_cluster
from spark.driver import Driver


@pytest.fixture(scope="session", autouse=True)
def extra() -> None:
    """Skip the tests on Spark without Spark."""
    # 500 MB and a Java of the system's, which `make test-spark` installs and looks for.
    pytest.importorskip("pyspark", reason="the extra `spark` is not installed")


class Spark:
    """The project on Spark: dbt's commands, and SQL in the session that they run in."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def dbt(self, command: str, *arguments: str, **variables: Any) -> Any:
        """Run dbt and give its outcome, also when it fails."""
        from dbt.cli.main import dbtRunner

        # Its own parsed project, beside that of Postgres.
        if command != "debug":
            arguments = (*arguments, "--target-path", str(self._home / "target"))
        return dbtRunner().invoke(
            [
                *("--no-use-colors", "--log-level", "error", command, *arguments),
                *("--target", "spark"),
                *("--project-dir", str(PROJECT_DIR), "--profiles-dir", str(PROJECT_DIR)),
                *("--vars", json.dumps(variables, ensure_ascii=False)),
            ]
        )

    def start(self) -> None:
        """Let dbt start the session."""
        assert self.dbt("debug").success

    def run(self, **variables: Any) -> None:
        """Build every model."""
        outcome = self.dbt("run", "--selector", "panels", **variables)
        assert outcome.success, [
            (result.node.name, result.message)
            for result in outcome.result or []
            if result.status != "success"
        ]

    @property
    def session(self) -> Any:
        from pyspark.sql import SparkSession

        return SparkSession.builder.getOrCreate()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.session.sql(query).collect()]

    def write(
        self, table: str, schema: str, rows: list[tuple[Any, ...]], *partitions: str
    ) -> None:
        """Make a Parquet table anew out of rows."""
        self.session.sql(f"create schema if not exists {table.split('.')[0]}")
        self.session.sql(f"drop table if exists {table}")
        self.session.createDataFrame(rows, schema).write.saveAsTable(
            table, format="parquet", partitionBy=list(partitions) or None
        )


@pytest.fixture(scope="session")
def spark_session() -> Iterator[Spark]:
    home = Path(tempfile.mkdtemp(prefix="scenario-tests-spark-"))
    before = dict(os.environ)
    os.environ.setdefault("SPARK_MASTER", "local[2]")
    os.environ |= {
        # The embedded Postgres leaves C behind, in which folders have no other letters.
        "LC_ALL": "C.UTF-8",
        # With little data, compiling the many plans well would take most of the time.
        "JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m",
        **FEW_PARTS,
        "SPARK_WAREHOUSE_DIR": str(home / "warehouse"),
        "SPARK_METASTORE_URL": f"jdbc:derby:;databaseName={home}/metastore_db;create=true",
    }
    spark = Spark(home)
    spark.start()
    yield spark
    spark.session.stop()
    os.environ.clear()
    os.environ.update(before)
    shutil.rmtree(home)


@pytest.fixture
def spark(spark_session: Spark) -> Spark:
    """A session without tables."""
    for schema in ("raw", "analytics"):
        spark_session.session.sql(f"drop schema if exists {schema} cascade")
    return spark_session


SETS = "scenario_set_id string, horizon_days int, num_paths int, base_date_end date"
PATHS = (
    "scenario_set_id string, scenario_id string, horizon_index int, instrument_id string,"
    " factor_id string, macro_id string, return_value double"
)


@pytest.fixture
def add_sets(spark: Spark) -> Callable[..., None]:
    """Make the source tables out of sets: rows of day, series and return by scenario."""

    def add(
        sets: dict[str, dict[str, list[tuple[int, str, float]]]], *partitions: str
    ) -> None:
        spark.write(
            "raw.scenario_sets",
            SETS,
            [(set_id, 2, 1, date(2022, 12, 28)) for set_id in sets],
        )
        spark.write(
            "raw.scenario_paths",
            PATHS,
            [
                (set_id, scenario_id, day, series, "__INSTRUMENT__", "__NONE__", value)
                for set_id, scenarios in sets.items()
                for scenario_id, rows in scenarios.items()
                for day, series, value in rows
            ],
            *partitions,
        )

    return add


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A cluster of one master and two workers."""
    with throwaway_cluster() as started:
        yield started


@pytest.fixture(scope="session")
def driver(cluster: Cluster) -> Iterator[Driver]:
    """A driver on the cluster, with tables of its own."""
    folders = {"DBT_TARGET_PATH": "dbt", "DBT_LOG_PATH": "logs"}
    driver = Driver(
        cluster.environment
        | tables_in(cluster.home)
        | {name: str(cluster.home / folder) for name, folder in folders.items()}
    )
    yield driver
    driver.stop()
