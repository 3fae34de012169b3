"""Source tables whose columns have other types give the same panels, and ids as text.

A value that cannot be read rejects its scenario or its set, and no other.
"""

import json
from typing import Any

import pytest
from conftest import MODEL, Silent, execute, stored_bytes

from python_encoders.encoders import ENCODERS
from python_encoders.pipeline import encode_only
from python_encoders.postgres import check_set_in_source, check_source, connect
from python_encoders.scope import Scope

SETS = """
    create schema raw;
    create table raw.scenario_sets (
        scenario_set_id {set_id}, horizon_days {number}, num_paths {number},
        base_date_end {date}, created_at timestamptz default '2026-01-01 00:00+00',
        metadata {metadata}
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
            "metadata": "text",
        },
        {"S1": "S1"},
        {"1": "1", "1.0": "1.0"},
    ),
    "moments": (
        {
            **{"set_id": "date", "scenario_id": "timestamptz", "step": "bigint"},
            "metadata": "json",
        },
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
    **{"value": "float8", "number": "int", "date": "date", "metadata": "jsonb"},
}
# In these, the metadata's JSON is a text that holds JSON.
DUMPED_TWICE = ("uuid", "numbers")
# dbt's own tests read ids as they are where these are furthest from text.
TESTED_BY_DBT = ("uuid", "types of their own")


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


def can_read_json_in_text() -> bool:
    """Whether this Postgres can tell that a text is JSON: from 16 on."""
    return execute("select current_setting('server_version_num')::int >= 160000") == [
        (True,)
    ]


@pytest.mark.parametrize("name", SPELLED)
def test_columns_of_other_types_give_the_same_panels_and_labels(
    name, empty, chain, front, dbt
):
    types, sets, scenarios = SPELLED[name]
    create(**types)
    (set_id,) = sets
    first, second = scenarios.values()
    labels = json.dumps({"scenarios": {first: {"name": "Crash", "class": "CRISIS"}}})
    execute(
        "insert into raw.scenario_sets values"
        f" ('{set_id}', '2', '2', '2022-12-28 00:00:00+00', default, %s)",
        [json.dumps(labels) if name in DUMPED_TWICE else labels],
    )
    # Two rows of a scenario spell a numeric id in two ways.
    for scenario_id, returns in zip(scenarios, RETURNS, strict=True):
        add_rows(set_id, scenario_id, returns)

    of_set = sets[set_id]
    scope = Scope(tuple(ENCODERS), of_set)
    build_panels = chain(scenario_set_id=of_set).run
    is_read = can_read_json_in_text() or name not in (*DUMPED_TWICE, "texts")
    build_panels()
    assert encode_only(scope, Silent()) == (2 * len(ENCODERS), 0)
    # Lookups by the ids as the source has them find the panels again.
    if name in TESTED_BY_DBT:
        done = front("backfill", "--scenario-set-id", of_set)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "vectors: 0 written, 0 pruned" in done.stdout
        assert ("assert_labels_can_be_read" in done.stdout) is not is_read
    else:
        build_panels()
        assert encode_only(scope, Silent()) == (0, 0)
        with connect(autocommit=True) as connection:
            check_source(connection, "raw")
            check_set_in_source(connection, "raw", of_set)

    if name == "types of their own":
        # What the backfill leaves out. Unit tests have ids that are of none of these types.
        tested = dbt(
            *("test", "--select", "test_type:unit", "source:prometheus"),
            encoded_model_ids=[MODEL],
        )
        assert tested.returncode == 0, tested.stdout

    panels = execute(
        """
        select scenario_set_id, scenario_id, as_of_date::text, series_ids, panel::real[]
        from analytics.scenario_panels order by convert_to(scenario_id, 'UTF8')
        """
    )
    assert [row[:2] for row in panels] == [(of_set, first), (of_set, second)]
    assert {row[2] for row in panels} == {"2022-12-28"}
    assert {tuple(row[3]) for row in panels} == {("ALPHA", "BETA")}
    as_read = [[value for day in returns for value in day] for returns in RETURNS]
    assert [row[4] for row in panels] == [pytest.approx(panel) for panel in as_read]

    assert execute(
        "select scenario_id, scenario_name, scenario_class from analytics.scenario_labels"
    ) == ([(first, "Crash", "CRISIS")] if is_read else [])
    similar = front("similar", "--entity-id", f"{of_set}:{second}", "--format", "csv")
    assert ("Crash,CRISIS" in similar.stdout) is is_read


def test_one_value_that_cannot_be_read_rejects_what_it_is_in_alone(empty, front):
    create(step="text", value="text", number="text", date="text", metadata="text")
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
    labels = {"SOUND": '{"scenarios": {"1": {"name": "Crash"}}}', "TIME": "{"}
    for labelled in labels.items():
        execute(
            "update raw.scenario_sets set metadata = %s where scenario_set_id = %s",
            labelled[::-1],
        )

    done = front("backfill")
    assert done.returncode == 0, done.stdout + done.stderr
    num_unread = 1 if can_read_json_in_text() else 2
    assert f"assert_labels_can_be_read: Got {num_unread} result" in done.stdout
    assert "    scenario_set_id TIME, type_of_metadata string\n" in done.stdout
    found = execute("select scenario_set_id, scenario_name from analytics.scenario_labels")
    assert found == ([("SOUND", "Crash")] if can_read_json_in_text() else [])
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
    told = front("similar", "--entity-id", "SOUND:1", "--format", "csv")
    assert (told.returncode, "TIME:1" in told.stdout) == (0, True), told


def test_a_producer_replaces_its_table_and_its_ids_outgrow_their_type(
    empty, front, dbt, build_and_encode
):
    create(scenario_id="int")
    execute("insert into raw.scenario_sets values ('S', 2, 1, '2022-12-28')")
    add_rows("S", "1", RETURNS[0])
    assert build_and_encode() == (1, 0)
    execute(
        """
        create view public.coverage as select * from analytics.scenario_set_coverage;
        create view public.panels as select * from analytics.scenario_panels
        """
    )
    written_at = "select created_at from analytics.numeric_window_embeddings"
    before = execute(written_at)

    # As pandas.to_sql(if_exists='replace') loads: what is public stays.
    reload = "create table raw.scenario_paths as select * from loaded; drop table loaded"
    execute("create table loaded as select * from raw.scenario_paths")
    execute("drop table raw.scenario_paths cascade")
    execute(reload)
    assert build_and_encode() == (0, 0)
    assert execute("select num_encoded from public.coverage where num_encoded > 0") == [
        (1,)
    ]
    assert execute("select scenario_id from public.panels") == [("1",)]

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
    assert encode_only(Scope((MODEL,)), Silent()) == (0, 0)
    assert execute(written_at) == before
