"""Source tables whose columns have other types give the same panels, and ids as text.

A value that cannot be read rejects its scenario or its set, and no other.
"""

import json
import re
from typing import Any

import pytest
from conftest import execute, stored_bytes

from python_encoders.encoders import ENCODERS

SETS = """
    create schema raw;
    create table raw.scenario_sets (
        scenario_set_id {set_id}, horizon_days {number}, num_paths {number},
        base_date_end {date}, created_at timestamptz default '2026-01-01 00:00+00'
    )
"""
PATHS = """
    create table raw.scenario_paths (
        scenario_set_id {set_id}, scenario_id {scenario_id}, horizon_index {step},
        instrument_id {series}, factor_id {series}, macro_id {series},
        return_value {value}
    )
"""
RETURNS = [(0.01, -0.02), (0.03, 0.04)], [(-0.05, 0.01), (0.02, -0.03)]
# By the types of their columns: set, scenarios and series, as written and as text.
SPELLED: dict[str, tuple[dict[str, str], dict[str, str], dict[str, str]]] = {
    "text": (
        {},
        {"S1": "S1"},
        {"1": "1", "2": "2"},
    ),
    "uuid": (
        {"set_id": "uuid", "scenario_id": "uuid", "step": "numeric", "value": "numeric"},
        {"6f1c0c1e-0000-4000-8000-000000000001": "6f1c0c1e-0000-4000-8000-000000000001"},
        {
            "A0000000-0000-4000-8000-000000000001": "a0000000-0000-4000-8000-000000000001",
            "B0000000-0000-4000-8000-000000000001": "b0000000-0000-4000-8000-000000000001",
        },
    ),
    "numbers": (
        {
            **{"set_id": "int", "scenario_id": "numeric", "step": "float8"},
            **{"value": "real", "number": "numeric", "date": "timestamptz"},
        },
        {"7": "7"},
        {"1.50": "1.5", "20": "20"},
    ),
    "texts": (
        {
            **{"set_id": "char(8)", "scenario_id": "text", "step": "text"},
            **{"value": "text", "number": "text", "date": "text", "series": "char(16)"},
        },
        {"S1": "S1"},
        {"1": "1", "1.0": "1.0"},
    ),
    "moments": (
        {"set_id": "date", "scenario_id": "timestamptz", "step": "bigint"},
        {"2024-03-01": "2024-03-01"},
        {
            "2024-03-01 10:00:00+00": "20240301T100000Z",
            "2024-03-01 10:00:00.25-05": "20240301T150000.25Z",
        },
    ),
    "types of their own": (
        {
            **{"set_id": "raw.set_name", "scenario_id": "raw.whole", "step": "smallint"},
            "series": "raw.ticker",
        },
        {"S1": "S1"},
        {"-1": "-1", "30": "30"},
    ),
}
TYPES = {
    **{"set_id": "text", "scenario_id": "text", "step": "int", "series": "text"},
    **{"value": "float8", "number": "int", "date": "date"},
}


def create(**types: str) -> None:
    execute("create schema raw")
    execute("create type raw.set_name as enum ('other', 'S1')")
    execute("create domain raw.whole as int check (value < 99)")
    execute(
        "create type raw.ticker as enum ('BETA', 'ALPHA', '__INSTRUMENT__', '__NONE__')"
    )
    for statement in SETS.split(";")[1:]:
        execute(statement.format_map(TYPES | types))
    execute(PATHS.format_map(TYPES | types))


def add_rows(set_id: str, scenario_id: str, returns: Any, *, step: str = "{}") -> None:
    for day, line in enumerate(returns, start=1):
        for series, value in zip(("ALPHA", "BETA"), line, strict=True):
            execute(
                "insert into raw.scenario_paths values"
                f" ('{set_id}', '{scenario_id}', '{step.format(day)}', '{series}',"
                f" '__INSTRUMENT__', '__NONE__', '{value}')"
            )


@pytest.mark.parametrize("name", SPELLED)
def test_columns_of_other_types_give_the_same_panels(
    name, empty, front, dbt, build_and_encode
):
    types, sets, scenarios = SPELLED[name]
    create(**types)
    (set_id,) = sets
    execute(
        "insert into raw.scenario_sets values"
        f" ('{set_id}', '2', '2', '2022-12-28 00:00:00+00')"
    )
    # Two rows of a scenario spell a numeric id in two ways.
    for scenario_id, returns in zip(scenarios, RETURNS, strict=True):
        add_rows(set_id, scenario_id, returns)

    of_set = sets[set_id]
    done = front("backfill", "--model-id", "all", "--scenario-set-id", of_set)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"vectors: {2 * len(ENCODERS)} written, 0 pruned" in done.stdout
    # Lookups by the ids as the source has them find the panels again.
    assert build_and_encode(of_set, encoded_model_ids=list(ENCODERS)) == (0, 0)

    if name == "types of their own":
        # The unit tests have ids that are of none of these types.
        tested = dbt("test")
        assert tested.returncode == 0, tested.stdout

    panels = execute(
        """
        select scenario_set_id, scenario_id, as_of_date::text, series_ids, panel::real[]
        from analytics.scenario_panels order by convert_to(scenario_id, 'UTF8')
        """
    )
    assert [row[:2] for row in panels] == [(of_set, id) for id in scenarios.values()]
    assert {row[2] for row in panels} == {"2022-12-28"}
    assert {tuple(row[3]) for row in panels} == {("ALPHA", "BETA")}
    as_read = [[value for day in returns for value in day] for returns in RETURNS]
    assert [row[4] for row in panels] == [pytest.approx(panel) for panel in as_read]


def test_one_value_that_cannot_be_read_rejects_what_it_is_in_alone(empty, front):
    create(step="text", value="text", number="text", date="text")
    dates = {
        "SOUND": "2022-12-28",
        "TIME": "2022-12-28 23:30:00-05:00",
        "NO DATE": "2022-02-30",
        "ANOTHER DATE": "28.12.2022",
    }
    for set_id, date in dates.items():
        execute(f"insert into raw.scenario_sets values ('{set_id}', '2', '1', '{date}')")
        add_rows(set_id, "1", RETURNS[0])
    for set_id, horizon in {"HUGE": "3e9", "HALF": "2.5", "WORD": "two"}.items():
        execute(
            f"insert into raw.scenario_sets values"
            f" ('{set_id}', '{horizon}', 'many', '2022-12-28')"
        )
        add_rows(set_id, "1", RETURNS[0])
    add_rows("SOUND", "half a day", RETURNS[0], step="{}.5")
    add_rows("SOUND", "beyond int", RETURNS[0], step="{}000000000000")
    for value in ("x", "1e400", "1e-400", "NaN", "1,5", ""):
        add_rows("SOUND", f"value {value}", [(0.01, value), (0.03, 0.04)])
    add_rows("SOUND", "blanks", [(" 1e-2 ", "-.02"), ("+3.E-2", "0.040")])
    execute("update raw.scenario_sets set num_paths = '10' where scenario_set_id = 'SOUND'")
    add_rows("", "1", RETURNS[0])
    execute("insert into raw.scenario_sets values ('', '2', '1', '2022-12-28')")

    done = front("backfill")
    assert done.returncode == 0, done.stdout + done.stderr
    rejected = {
        row[:2]: row[2]
        for row in execute(
            "select scenario_set_id, scenario_id, reason from analytics.scenario_rejections"
        )
    }
    assert rejected == {
        ("", "1"): "EMPTY_SET_ID",
        ("NO DATE", "1"): "NO_AS_OF_DATE",
        ("ANOTHER DATE", "1"): "NO_AS_OF_DATE",
        ("HUGE", "1"): "INVALID_HORIZON",
        ("HALF", "1"): "INVALID_HORIZON",
        ("WORD", "1"): "INVALID_HORIZON",
        ("SOUND", "half a day"): "NO_SERIES_OF_KIND",
        ("SOUND", "beyond int"): "NO_SERIES_OF_KIND",
        **{
            ("SOUND", f"value {value}"): "NON_FINITE_VALUE"
            for value in ("x", "1e400", "1e-400", "NaN", "1,5", "")
        },
    }
    vectors = stored_bytes()
    assert set(vectors) == {"SOUND:1", "SOUND:blanks", "TIME:1"}
    assert len(set(vectors.values())) == 1
    dates = execute(
        "select scenario_set_id, as_of_date::text from analytics.scenario_panels"
        " where scenario_id = '1' order by 1"
    )
    assert dates == [("SOUND", "2022-12-28"), ("TIME", "2022-12-29")]


@pytest.mark.parametrize("json_type", ["text", "json", "jsonb dumped twice", "unreadable"])
def test_labels_are_read_whatever_the_type_of_metadata(json_type, empty, front):
    create()
    labels = json.dumps({"scenarios": {"1": {"name": "Crash", "class": "CRISIS"}}})
    if json_type == "jsonb dumped twice":
        labels = json.dumps(labels)
    elif json_type == "unreadable":
        labels, json_type = "{", "text"
    execute(f"alter table raw.scenario_sets add metadata {json_type.split()[0]}")
    execute(
        "insert into raw.scenario_sets values ('S', 2, 1, '2022-12-28', default, %s)",
        [labels],
    )
    for scenario_id, returns in zip("12", RETURNS, strict=True):
        add_rows("S", scenario_id, returns)

    done = front("backfill")
    assert done.returncode == 0, done.stdout + done.stderr
    found = execute("select scenario_name, scenario_class from analytics.scenario_labels")
    # From 16 on, Postgres can tell whether a text is JSON.
    is_read = labels != "{" and (
        json_type == "json" or execute("show server_version_num") >= [("160000",)]
    )
    assert found == ([("Crash", "CRISIS")] if is_read else [])
    warning = (
        r"assert_labels_can_be_read: .*\n +scenario_set_id S, type_of_metadata string\n"
    )
    assert bool(re.search(warning, done.stdout)) is not is_read
    similar = front("similar", "--entity-id", "S:2", "--format", "csv")
    assert ("Crash,CRISIS" in similar.stdout) is is_read


def test_a_producer_replaces_its_table_and_its_ids_outgrow_their_type(
    empty, front, dbt, build_and_encode
):
    create(scenario_id="int")
    execute("insert into raw.scenario_sets values ('S', 2, 1, '2022-12-28')")
    add_rows("S", "1", RETURNS[0])
    assert build_and_encode() == (1, 0)
    execute("create view public.of_others as select * from analytics.scenario_set_coverage")

    # As pandas.to_sql(if_exists='replace') loads: what is public stays.
    reload = "create table raw.scenario_paths as select * from loaded; drop table loaded"
    execute("create table loaded as select * from raw.scenario_paths")
    execute("drop table raw.scenario_paths cascade")
    execute(reload)
    assert build_and_encode() == (0, 0)
    assert execute("select num_encoded from public.of_others where num_encoded > 0") == [
        (1,)
    ]

    execute("create table loaded as select * from raw.scenario_paths")
    execute("alter table loaded alter scenario_id type bigint")
    execute("drop table raw.scenario_paths cascade")
    execute(reload)
    done = front("backfill")
    assert done.returncode == 1
    assert (
        "`dbt run --full-refresh --selector panels` builds all panels anew" in done.stderr
    )
    assert len(done.stderr.splitlines()) == 1
    assert dbt("run", "--full-refresh", "--selector", "panels").returncode == 0
    done = front("backfill")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "vectors: 0 written, 0 pruned" in done.stdout
