"""The whole chain over the shipped sets: on Spark what it is on Postgres, byte for byte."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import execute, vector_bytes

from python_encoders.encoders import ENCODERS
from spark.driver import Driver

pytestmark = pytest.mark.spark

CORE = next(iter(ENCODERS))
# One return changed, one cell missing, one scenario gone.
CHANGED = """
    select
        scenario_set_id, scenario_id, horizon_index, instrument_id, factor_id, macro_id,
        case
            when scenario_id = 9 and horizon_index = 1 and instrument_id = 'JPM'
                then return_value + 0.01
            else return_value
        end as return_value,
        price, shock_metadata
    from raw.scenario_paths
    where
        not (
            scenario_set_id = 'SET_ABC123'
            and (
                scenario_id = 7
                or scenario_id = 8 and horizon_index = 10 and instrument_id = 'XOM'
            )
        )
"""
COVERAGE = """
    select
        scenario_set_id, model_id, num_in_source, num_encoded, num_rejected, num_pending,
        num_cells_per_panel, share_of_cells_dropped, share_of_squared_return_dropped
    from analytics.scenario_set_coverage
"""
LAST_WRITTEN = "select max(created_at) from analytics.numeric_window_embeddings"
VECTORS = """
    select
        entity_type, entity_id, model_id, as_of_date, panel_fingerprint, window_spec,
        embedding
    from analytics.numeric_window_embeddings
"""


def by_key(rows: list[tuple[Any, ...]]) -> dict[tuple[str, ...], tuple[Any, ...]]:
    """Key the rows of VECTORS by entity and model, with each vector as bytes."""
    return {
        row[:3]: (
            *row[3:5],
            json.loads(row[5]) if isinstance(row[5], str) else row[5],
            vector_bytes(row[6]),
        )
        for row in rows
    }


def of_spark(driver: Driver, query: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in driver.sql(query)]


def coverage_by_set(rows: list[tuple[Any, ...]]) -> dict[Any, Any]:
    return {row[:2]: pytest.approx(row[2:], rel=1e-12) for row in rows}


@pytest.fixture(scope="module")
def seeded(driver: Driver) -> Iterator[Driver]:
    """The shipped sets in Spark's tables, and nothing built."""
    for schema in ("analytics", "raw"):
        driver.sql(f"drop schema if exists {schema} cascade")
    assert driver.ask("dbt", "seed")
    yield driver
    for schema in ("analytics", "raw"):
        driver.sql(f"drop schema {schema} cascade")


def told(outcome: Any) -> list[str]:
    """Find what the command said of vectors, warnings and sets."""
    assert outcome.returncode == 0, outcome.stderr
    # (Not the number of tests: Postgres has more models, and so more tests.)
    return re.findall(r"^(?:vectors|HIST|SET).*|\d+ warned", outcome.stdout, re.MULTILINE)


def test_the_chain_on_spark_equals_that_on_postgres(seeded, built, front):
    execute("truncate analytics.numeric_window_embeddings")
    workflow = "backfill", "--scenario-set-id", "SET_ABC123", "--model-id", CORE
    limited = seeded.run(*workflow, "--limit", "100")
    assert told(limited) == told(front(*workflow, "--limit", "100"))
    assert re.search(r"panels: \d+ dbt models built\n", limited.stdout)
    assert "vectors: 99 written, 0 pruned\n" in limited.stdout
    assert re.search(r"tests: \d+ passed, 0 warned\n", limited.stdout)
    assert re.search(
        rf"SET_ABC123 +{CORE} +120 +99 +1 +20 +200 +0.0% +0.0%", limited.stdout
    )

    # The same change to both.
    seeded.sql(f"create table raw.changed using parquet as {CHANGED}")
    seeded.sql("insert overwrite raw.scenario_paths by name select * from raw.changed")
    execute(f"create table raw.changed as {CHANGED}")
    execute("truncate raw.scenario_paths")
    execute("insert into raw.scenario_paths select * from raw.changed")

    everything = seeded.run("backfill", "--model-id", "all")
    assert told(everything) == told(front("backfill", "--model-id", "all"))
    assert "vectors: 468 written, 2 pruned\n" in everything.stdout
    vectors = by_key(of_spark(seeded, VECTORS))
    assert len(vectors) == 141 * len(ENCODERS)
    assert vectors == by_key(execute(VECTORS))
    assert coverage_by_set(execute(COVERAGE)) == {
        row[:2]: row[2:] for row in of_spark(seeded, COVERAGE)
    }

    written = seeded.sql(LAST_WRITTEN)
    again = seeded.run("backfill", "--model-id", "all")
    assert "vectors: 0 written, 0 pruned\n" in again.stdout
    assert seeded.sql(LAST_WRITTEN) == written
    assert "Traceback" not in limited.stderr + everything.stderr + again.stderr
    drivers = "adbc_driver_manager", "adbc_driver_postgresql", "psycopg2"
    assert seeded.ask("imported", *drivers) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ("--scenario-set-id", "X"),
            "unknown scenario set 'X'; there are: HIST_STRESS_20D",
        ),
        (("--model-id", "X"), "unknown model 'X'; there are: "),
        (
            ("--vars", "{source_schema: nowhere}"),
            "no table scenario_sets in schema nowhere",
        ),
        (("--vars", "{source_schema: hollow}"), "hollow.scenario_paths is empty"),
        (("--vars", "{source_schema: double}"), "double.scenario_sets has set '"),
    ],
)
def test_what_is_not_there_is_said_in_one_line(seeded, options, said):
    for schema, rows in (
        ("hollow", "where false"),
        ("double", "union all select * from raw.{table}"),
    ):
        if schema in options[1]:
            seeded.sql(f"create schema {schema}")
            for table in ("scenario_sets", "scenario_paths"):
                seeded.sql(
                    f"create table {schema}.{table} using parquet as "
                    f"select * from raw.{table} {rows.format(table=table)}"
                )

    refused = seeded.run("backfill", *options)

    assert refused.returncode == (1 if options[0] == "--vars" else 2)
    assert said in refused.stderr
    assert refused.stderr.count("\n") == 1
