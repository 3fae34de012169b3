"""The questions a desk asks, over the shipped sets."""

import csv
import io
import json
import math

import numpy as np
import pytest
from conftest import MODEL, Silent, execute
from test_search import plain_answer, store

from python_encoders import search
from python_encoders.errors import WrongUsageError
from python_encoders.pipeline import encode_only
from python_encoders.postgres import connect
from python_encoders.scope import Scope

SKETCH, SHAPE_V2 = "num-scenario-panel-sketch-v1", "num-scenario-stress-shape-v2"


def ask(question, *arguments, **options):
    with connect(autocommit=True) as connection:
        return getattr(search, question)(connection, *arguments, **options)


def test_vectors_come_in_the_order_of_the_set(built):
    table = ask("vectors", MODEL)
    assert table["scenario_id"].to_pylist()[:24] == [str(number) for number in range(1, 25)]
    assert table["scenario_id"].to_pylist()[24:] == [
        str(number) for number in range(1, 121) if number != 37
    ]
    assert str(table.schema.field("vector").type) == "fixed_size_list<item: float>[384]"
    stored = dict(
        execute("select entity_id, embedding from analytics.numeric_window_embeddings")
    )
    for entity, vector in zip(
        table["entity_id"].to_pylist(), table["vector"].to_pylist(), strict=True
    ):
        assert vector == np.array(stored[entity], dtype=np.float32).tolist()


def test_a_reduction_adds_up_and_counts_weights(built, front):
    rows = ask("reduce", "SET_ABC123", 10, MODEL).to_pylist()
    kept = {row["representative_id"]: row["representative_weight"] for row in rows}
    assert len(rows) == 119
    assert len(kept) == 10
    assert math.fsum(kept.values()) == pytest.approx(1.0)
    for name, weight in kept.items():
        stands_for = [row["weight"] for row in rows if row["representative_id"] == name]
        assert math.fsum(stands_for) == weight
    distances = dict(plain_answer("SET_ABC123:1", MODEL, 200, "l2"))
    assert rows[0]["distance"] == distances[f"SET_ABC123:{rows[0]['representative_id']}"]

    asked = (
        "reduce",
        "--scenario-set-id",
        "SET_ABC123",
        "--keep",
        "10",
        "--model-id",
        MODEL,
    )
    assert json.loads(front(*asked, "--format", "json").stdout) == rows
    assert (
        len(list(csv.DictReader(io.StringIO(front(*asked, "--format", "csv").stdout))))
        == 119
    )
    assert len(front(*asked).stdout.splitlines()) == 11

    execute(
        """
        create table raw."odd ""name" as
        select
            scenario_id::text,
            case scenario_id::text when '60' then 1e6 else 1 end as weight
        from raw.scenario_paths
        where scenario_set_id = 'SET_ABC123' and scenario_id::text <> '37' group by 1
        """
    )
    weighted = ask("reduce", "SET_ABC123", 3, MODEL, weights_table='raw."odd ""name"')
    by_id = {row["scenario_id"]: row for row in weighted.to_pylist()}
    assert by_id["60"]["representative_id"] == "60"
    assert by_id["60"]["weight"] == pytest.approx(1e6 / (1e6 + 118))

    for change, complaint in (
        ("set weight = -1 where scenario_id = '5'", "scenario 5 is -1.0; it must be"),
        ("set weight = null where scenario_id = '5'", "scenario 5 is NULL"),
        ("set scenario_id = '37' where scenario_id = '5'", "has no weight of scenario 5"),
        ("set scenario_id = '6' where scenario_id = '5'", "lists twice scenario 6"),
        ("set weight = 0", "all weights are 0"),
    ):
        execute('create table raw.changed as select * from raw."odd ""name"')
        execute(f"update raw.changed {change}")
        with pytest.raises(WrongUsageError, match=complaint):
            ask("reduce", "SET_ABC123", 3, MODEL, weights_table="raw.changed")
        execute("drop table raw.changed")


def test_history_is_covered_as_a_person_would_say(built, front):
    encode_only(Scope((SHAPE_V2,)), Silent())
    found = ask("compare", "SET_ABC123", "HIST_STRESS_20D", SHAPE_V2)
    assert found.summary == (
        "SET_ABC123 covers 15 of 18 CRISIS and 6 of 6 CALM scenarios of HIST_STRESS_20D; "
        "not: Lehman, October 2008; Second leg down, November 2008; Covid crash, March 2020"
    )
    for row in found.covered.to_pylist():
        answer = plain_answer(f"HIST_STRESS_20D:{row['scenario_id']}", SHAPE_V2, 200, "l2")
        nearest = next(one for one in answer if one[0].startswith("SET_ABC123"))
        assert (f"SET_ABC123:{row['nearest_id']}", row["distance"]) == nearest
        assert row["is_covered"] == (row["distance"] <= row["yardstick"])
    table = front("compare", "--scenario-set-id", "SET_ABC123", "--with", "HIST_STRESS_20D")
    assert table.stdout.splitlines()[0] == found.summary


def test_a_shock_beyond_history_has_a_ratio_over_one(built, front):
    encode_only(Scope((SHAPE_V2,)), Silent())
    rows = ask("plausibility", "SET_ABC123", "HIST_STRESS_20D", SHAPE_V2).to_pylist()
    assert sum(row["ratio"] > 1.0 for row in rows) == 34
    assert all((row["quantile"] == 1.0) == (row["ratio"] > 1.0) for row in rows)
    assert max(rows, key=lambda row: row["ratio"])["scenario_id"] == "79"
    own = ask("plausibility", "HIST_STRESS_20D", "HIST_STRESS_20D", SHAPE_V2).to_pylist()
    assert max(row["ratio"] for row in own) == 1.0
    assert max(row["mahalanobis_ratio"] for row in own) == 1.0
    asked = ("--scenario-set-id", "SET_ABC123", "--reference", "HIST_STRESS_20D")
    assert front("plausibility", *asked).stdout.startswith(
        "Beyond anything in HIST_STRESS_20D: 34 of 119 scenarios of SET_ABC123."
    )


def test_identical_panels_come_before_near_ones(built, front):
    execute(
        """
        insert into analytics.numeric_window_embeddings
        select entity_type, 'TWIN:1', '{"scenario_set_id": "TWIN", "scenario_id": "1"}',
            as_of_date, model_id, embedding, panel_fingerprint, created_at
        from analytics.numeric_window_embeddings where entity_id = 'SET_ABC123:9'
        """
    )
    near = np.array(
        execute(
            "select embedding from analytics.numeric_window_embeddings "
            "where entity_id = 'SET_ABC123:9'"
        )[0][0]
    )
    store(MODEL, near[None] * 1.005, set_id="NEAR")
    execute(
        "update analytics.numeric_window_embeddings set panel_fingerprint = 'other' "
        "where entity_id = 'NEAR:0'"
    )
    rows = ask("duplicates", model_id=MODEL).to_pylist()
    assert [
        (row["entity_id"], row["duplicate_of"], row["is_identical"]) for row in rows
    ] == [
        ("TWIN:1", "SET_ABC123:9", True),
        ("SET_ABC123:9", "NEAR:0", False),
    ]
    assert rows[1]["share"] == pytest.approx(0.005 / 1.005, rel=1e-5)
    printed = front("duplicates", "--model-id", MODEL).stdout
    assert printed.startswith("1 identical to an earlier scenario, 1 nearly (within 1.0%)")


def test_a_question_without_an_answer_is_one_line(built):
    store(MODEL, np.zeros((1, 384)), set_id="ONE")
    execute(
        """
        insert into analytics.int_scenario_panels
        select (jsonb_populate_record(panels, '{"scenario_set_id": "ONE"}')).*
        from analytics.int_scenario_panels as panels limit 1
        """
    )
    for question, arguments, complaint in (
        ("vectors", ("v9",), "unknown model 'v9'"),
        ("reduce", ("NOPE", 3, MODEL), "unknown scenario set 'NOPE'"),
        ("reduce", ("SET_ABC123", 120, MODEL), "cannot keep 120: SET_ABC123 has 119"),
        ("reduce", ("SET_ABC123", 3, SKETCH), "no vector of SET_ABC123 by num-"),
        ("reduce", ("SET_ABC123", 3, MODEL, "l1"), "unknown metric 'l1'"),
        ("reduce", ("SET_ABC123", 3, MODEL, "l2", "raw.x; drop"), "no table 'raw.x; drop'"),
        ("reduce", ("ONE", 1, MODEL, "cosine"), "1 of 1 vectors of ONE are all zeros"),
        ("compare", ("SET_ABC123", "SET_ABC123", MODEL), "covers itself"),
        ("compare", ("SET_ABC123", "ONE", MODEL), "ONE needs two scenarios"),
        ("plausibility", ("SET_ABC123", "ONE", MODEL), "ONE needs two scenarios"),
        ("duplicates", (None, MODEL, 2.0), "a share from 0 to 1"),
    ):
        with pytest.raises(WrongUsageError, match=complaint):
            ask(question, *arguments)
    [row] = ask("reduce", "ONE", 1, MODEL).to_pylist()
    assert (row["representative_id"], row["representative_weight"]) == ("0", 1.0)
