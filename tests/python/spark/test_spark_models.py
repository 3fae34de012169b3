"""The models give the same rows on Spark as on Postgres, bit by bit."""

import json
import struct

import bad_inputs
import pytest
from bad_inputs import CASES
from conftest import execute
from test_bad_inputs import SENTINELS, load

from spark.conftest import PATHS

pytestmark = pytest.mark.spark

WHOLE = [(1, "A", 0.11), (1, "B", 0.12), (2, "A", 0.21), (2, "B", 0.22)]
PANELS = """
    select scenario_set_id, scenario_id, {as_of_date}, horizon_days, num_series,
           series_ids, panel, panel_fingerprint
    from analytics.scenario_panels
"""
POSTGRES_ALONE = (
    "joint_embeddings",
    "prometheus_numeric_window_embeddings",
    "scenario_labels",
)
# Each in columns that both engines write alike.
QUERIES = {
    "sets": """
        select scenario_set_id, is_in_scenario_sets, category, num_paths, horizon_days,
               is_valid_horizon, num_scenarios
        from analytics.int_scenario_sets
    """,
    "series": """
        select scenario_set_id, instrument_id, factor_id, macro_id, num_series_ids,
               series_kind, series_id, series_position, num_series, horizon_days,
               series_kinds
        from analytics.int_scenario_series
    """,
    "axes": """
        select scenario_set_id, num_series, series_ids, has_separator_in_id
        from analytics.int_scenario_axes
    """,
    "rejections": """
        select scenario_set_id, scenario_id, reason, detail
        from analytics.scenario_rejections
    """,
    "rejections of a model": """
        select scenario_set_id, scenario_id, model_id, reason, detail
        from analytics.scenario_model_rejections
    """,
    "expected embeddings": """
        select scenario_set_id, scenario_id, entity_id, model_id, panel_fingerprint,
               is_supported, rejection_reason
        from analytics.int_expected_embeddings
    """,
    "panels and what was found": """
        select scenario_set_id, scenario_id, is_in_scenario_sets, horizon_days, num_series,
               series_ids, rejection_reason, max_abs_return, has_separator_in_id, last_step,
               num_rows_without_id, num_ambiguous_rows, num_rows_ignored
        from analytics.int_scenario_panels
    """,
    "scenarios": """
        select scenario_set_id, scenario_id, scenario_rank
        from analytics.int_scenarios
    """,
    "coverage": """
        select scenario_set_id, model_id, num_in_source, num_encoded, num_rejected,
               num_pending, num_cells_per_panel
        from analytics.scenario_set_coverage
    """,
}


def sorted_rows(rows):
    return sorted((tuple(row) for row in rows), key=repr)


def bits(panel):
    """Tell apart what compares equal: −0.0 and 0.0."""
    return struct.pack(f"<{len(panel)}d", *panel)


def panels(run_query, as_text):
    # A date as text, because Python knows none before Christ.
    return {
        (set_id, scenario_id): (*shape, list(series_ids), bits(panel), fingerprint)
        for set_id, scenario_id, *shape, series_ids, panel, fingerprint in run_query(
            PANELS.format(as_of_date=f"cast(as_of_date as {as_text})")
        )
    }


def assert_same(spark, without=frozenset()):
    """Compare the results of both engines, but for some sets, and count the panels."""

    def kept(rows):
        return [row for row in rows if row[0] not in without]

    on_spark, on_postgres = panels(spark.rows, "string"), panels(execute, "text")
    assert sorted_rows(kept(on_spark)) == sorted_rows(kept(on_postgres))
    for key in kept(on_postgres):
        assert on_spark[key] == on_postgres[key], key
    for name, query in QUERIES.items():
        found, expected = kept(spark.rows(query)), kept(execute(query))
        assert sorted_rows(found) == sorted_rows(expected), name
    return len(kept(on_postgres))


def copy_vectors(spark):
    """Write the vectors that the encoder has put into Postgres as it would on Spark."""
    rows = [
        (
            entity_type,
            entity_id,
            json.dumps(spec),
            day,
            print_,
            vector,
            written,
            model_id,
            spec["scenario_set_id"],
        )
        for entity_type, entity_id, spec, day, model_id, vector, print_, written in execute(
            """
            select entity_type, entity_id, window_spec, as_of_date, model_id, embedding,
                   panel_fingerprint, created_at
            from analytics.numeric_window_embeddings
            """
        )
    ]
    table = "analytics.numeric_window_embeddings"
    schema = """
        entity_type string, entity_id string, window_spec string, as_of_date date,
        panel_fingerprint string, embedding array<float>, created_at timestamp,
        model_id string, scenario_set_id string
    """
    # (By place: the layout that the encoder writes by is part of the promise.)
    spark.session.createDataFrame(rows, schema).write.insertInto(table)


def test_the_shipped_sets_give_the_same_as_on_postgres(built, spark):
    assert spark.dbt("seed").success
    spark.run()

    copy_vectors(spark)
    assert assert_same(spark) == 143

    query = """
        select scenario_set_id, set_name, set_description, category, horizon_days,
               num_paths, cast(as_of_date as {text})
        from analytics.stg_prometheus__scenario_sets
    """
    on_spark, on_postgres = query.format(text="string"), query.format(text="text")
    assert sorted_rows(spark.rows(on_spark)) == sorted_rows(execute(on_postgres))
    for name in POSTGRES_ALONE:
        assert not spark.session.catalog.tableExists(f"analytics.{name}"), name

    tested = spark.dbt("test")
    assert tested.success
    assert len(tested.result.results) >= 53
    # Never rebuilt, even where all else is.
    assert spark.dbt("run", "--full-refresh", "--selector", "panels").success
    assert spark.rows("select count(*) from analytics.numeric_window_embeddings") == [
        (143,)
    ]
    assert assert_same(spark) == 143
    created = spark.rows("show create table analytics.numeric_window_embeddings")[0][0]
    assert "USING parquet" in created
    assert "PARTITIONED BY (model_id, scenario_set_id)" in created


# What a partitioned Parquet table cannot carry.
NOT_ON_SPARK = {
    "",  # a partition without a name is the partition of NULL
    "🙂" * 64,  # a folder's name, `scenario_set_id=…`, has 255 bytes at most
    " ",  # Derby takes it for the no-break space, which is a set here too
    "end of time",  # no date is infinite
}
# 15 March of the year −43 to Java, of 44 BC to Postgres.
BEFORE_CHRIST = "before Christ"


def test_whatever_a_producer_writes_ends_as_on_postgres(source, chain, spark):
    load()
    chain().run()
    from pyspark.sql.functions import expr

    sets = [
        (
            case.set,
            case.horizon_days,
            case.num_paths,
            "-0043-03-15" if case.name == BEFORE_CHRIST else case.base_date_end,
        )
        for case in CASES
        if case.is_in_sets and case.set not in NOT_ON_SPARK
    ]
    paths = [
        (
            *(case.set, scenario_id, day),
            *(series if isinstance(series, tuple) else (series, *SENTINELS)),
            value,
        )
        for case, scenario_id, rows in bad_inputs.scenarios()
        if case.set not in NOT_ON_SPARK
        for day, series, value in rows
    ]
    spark.session.sql("create schema if not exists raw")
    spark.session.createDataFrame(
        sets,
        "scenario_set_id string, horizon_days int, num_paths int, base_date_end string",
    ).withColumn("base_date_end", expr("cast(base_date_end as date)")).write.saveAsTable(
        "raw.scenario_sets", format="parquet"
    )
    spark.write("raw.scenario_paths", PATHS, paths)

    spark.run()

    assert spark.rows(
        "select distinct cast(as_of_date as string) from analytics.scenario_panels "
        f"where scenario_set_id = '{BEFORE_CHRIST}'"
    ) == [("-0043-03-15",)]
    assert assert_same(spark, without={*NOT_ON_SPARK, BEFORE_CHRIST}) > 90
    # A second run over the results gives the same.
    spark.run()
    assert_same(spark, without={*NOT_ON_SPARK, BEFORE_CHRIST})


def built_scenarios(spark):
    return sorted(
        spark.rows("select scenario_set_id, scenario_id from analytics.scenario_panels")
    )


def test_a_run_in_scope_leaves_the_rest_and_a_whole_one_takes_what_has_gone(
    spark, add_sets
):
    quoted, short = "it's \\", WHOLE[:2]
    # They look like numbers, and are text: as names of folders, too.
    others = ["007", "1", "1e3", "2020-01-01", "7", "true"]
    of_quoted = {"1": WHOLE, "2": WHOLE, "3": short, "10": WHOLE}
    add_sets(
        {set_id: {"1": WHOLE, "2": short} for set_id in others} | {quoted: of_quoted},
        "scenario_set_id",
    )
    rejected = "select scenario_set_id, scenario_id from analytics.scenario_rejections"
    last_cells = (
        "select scenario_set_id, scenario_id, panel[3] from analytics.scenario_panels"
    )
    # A set is built whole, whatever the limit.
    whole = [(quoted, scenario_id) for scenario_id in ("1", "10", "2")]
    spark.run(scenario_set_id=quoted, scenario_limit=2)
    assert built_scenarios(spark) == whole
    spark.run()
    of_others = [(set_id, "1") for set_id in others]
    assert built_scenarios(spark) == sorted([*of_others, *whole])
    rejected_of_others = [(set_id, "2") for set_id in others]
    assert sorted(spark.rows(rejected)) == sorted([*rejected_of_others, (quoted, "3")])
    assert spark.dbt("test", "--selector", "results").success

    # The other sets are gone, and this one has no faults left. One return has changed.
    changed = [*WHOLE[:3], (2, "B", 0.5)]
    add_sets({quoted: dict.fromkeys(("1", "2", "10"), changed)})
    # A limit loses no panel beyond it, and a run in scope none of other sets.
    limited = {"scenario_set_id": quoted, "scenario_limit": 1}
    spark.run(**limited)
    cells = {row[:2]: row[2] for row in spark.rows(last_cells)}
    assert cells == dict.fromkeys(of_others, 0.22) | dict.fromkeys(whole, 0.5)
    assert spark.dbt("test", "--selector", "results", **limited).success
    assert sorted(spark.rows(rejected)) == rejected_of_others
    spark.run()
    assert built_scenarios(spark) == whole
    assert {row[2] for row in spark.rows(last_cells)} == {0.5}
    for table in (
        "scenario_rejections",
        "int_scenarios",
        "int_scenario_sets",
        "int_scenario_series",
        "int_scenario_axes",
        "int_scenario_panels",
    ):
        left = spark.rows(f"select distinct scenario_set_id from analytics.{table}")
        assert set(left) <= {(quoted,)}, table


@pytest.mark.parametrize(
    ("day", "value", "reason"),
    [
        ("one", "0.1", "MISSING_CELLS"),
        ("1.5", "0.1", "MISSING_CELLS"),
        ("3000000000", "0.1", "MISSING_CELLS"),
        ("1", "1,5", "NON_FINITE_VALUE"),
    ],
)
def test_what_is_not_of_its_type_rejects_its_scenario_alone(
    spark, add_sets, day, value, reason
):
    add_sets({"A": {"1": WHOLE}})
    spark.write(
        "raw.scenario_paths",
        PATHS.replace("horizon_index int", "horizon_index string").replace(
            "return_value double", "return_value string"
        ),
        [
            ("A", scenario_id, *row)
            for scenario_id, first_day, first in (("1", day, value), ("2", "1", "0.1"))
            for row in (
                (first_day, "A", *SENTINELS, first),
                ("2.0", "A", *SENTINELS, "1e-1"),
            )
        ],
    )

    assert spark.dbt("run", "--selector", "panels").success

    reasons = "select scenario_id, rejection_reason from analytics.int_scenario_panels"
    assert sorted(spark.rows(reasons)) == [("1", reason), ("2", None)]
