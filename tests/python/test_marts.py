"""The marts beside the vectors: as the commands answer, and the same after any edits."""

import json

import pytest
from conftest import MODEL, execute
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from python_encoders.errors import WrongUsageError
from python_encoders.marts import MartVars, VectorMarts, fill_marts
from python_encoders.postgres import connect
from python_encoders.search import Question, reduce, similar

VECTORS = "analytics.numeric_window_embeddings"
NEIGHBORS, REPRESENTATIVES = "scenario_neighbors", "scenario_representatives"


def fill(*arguments, **options):
    """Fill both marts. Give what is said of each."""
    with connect() as connection:
        return fill_by(connection, *arguments, **options)


def fill_by(connection, num_neighbors=3, metric="cosine", model_ids=(MODEL,), num_kept=3):
    said = fill_marts(
        connection,
        VectorMarts(
            MartVars(tuple(model_ids), num_neighbors, metric),
            MartVars(tuple(model_ids), num_kept, metric),
        ),
    )
    return [tuple(line.split(": ", 1)) for line in said]


def written(num_scenarios=None, num_sets=None):
    """Give what is said of so many."""
    return [
        (mart, f"written for {number} {what}")
        for mart, number, what in (
            (NEIGHBORS, num_scenarios, "scenarios"),
            (REPRESENTATIVES, num_sets, "sets"),
        )
        if number
    ]


def neighbors():
    return execute(
        """
        select model_id, metric, entity_id, neighbor_rank, neighbor_entity_id, distance,
            panel_fingerprint
        from analytics.scenario_neighbors
        order by model_id, entity_id collate "C", neighbor_rank
        """
    )


def representatives():
    return execute(
        """
        select entity_id, metric, scenario_set_id, scenario_id, representative_id, distance,
            weight, panel_fingerprint
        from analytics.scenario_representatives
        order by model_id, entity_id collate "C"
        """
    )


def store(name, vector, fingerprint):
    scenario_set_id, scenario_id = name.split(":")
    execute(
        f"""
        insert into {VECTORS} (
            entity_type, entity_id, window_spec, as_of_date, model_id, embedding,
            panel_fingerprint, created_at
        )
        values ('SCENARIO', %s, %s, '2022-12-28', %s, %s::real[], %s, now())
        on conflict (entity_type, entity_id, as_of_date, model_id) do update set
            embedding = excluded.embedding, panel_fingerprint = excluded.panel_fingerprint
        """,
        [
            name,
            json.dumps({"scenario_set_id": scenario_set_id, "scenario_id": scenario_id}),
            MODEL,
            list(vector) + [0.0] * (384 - len(vector)),
            fingerprint,
        ],
    )


@pytest.mark.parametrize("metric", ["l2", "cosine"])
def test_the_marts_say_what_the_commands_say(built, metric):
    assert fill(5, metric, num_kept=30) == written(143, 2)

    rows = neighbors()
    for entity_id in ("HIST_STRESS_20D:17", "SET_ABC123:5", "SET_ABC123:119"):
        with connect(autocommit=True) as connection:
            asked = similar(connection, Question(entity_id, MODEL, 5, metric)).to_pylist()
        assert [(row[3], row[4], row[5]) for row in rows if row[2] == entity_id] == [
            (row["rank"], row["entity_id"], row["distance"]) for row in asked
        ]
    assert len(rows) == 5 * 143

    reduced = {row[0]: row[3:7] for row in representatives()}
    assert len(reduced) == 143
    # The smaller set has fewer scenarios than representatives, and keeps them all.
    for scenario_set_id, num_kept in (("SET_ABC123", 30), ("HIST_STRESS_20D", 24)):
        with connect(autocommit=True) as connection:
            asked = reduce(connection, scenario_set_id, num_kept, MODEL, metric).to_pylist()
        for row in asked:
            is_kept = row["scenario_id"] == row["representative_id"]
            assert reduced[row["entity_id"]] == (
                row["scenario_id"],
                row["representative_id"],
                row["distance"],
                row["representative_weight"] if is_kept else 0.0,
            )


def test_what_has_not_changed_is_left_alone(built):
    def stored():
        return [
            execute(f"select xmin::text, ctid::text from analytics.{mart}")
            for mart in (NEIGHBORS, REPRESENTATIVES)
        ]

    fill()
    before = stored()

    assert fill() == []

    assert stored() == before
    # A changed scenario: its set alone is reduced anew.
    name, vector = "HIST_STRESS_20D:17", [1.0, 2.0]
    store(name, vector, "other")
    assert (REPRESENTATIVES, "written for 1 set") in fill()
    # Another number of neighbours, of representatives, another metric, no encoder.
    assert fill(2) == written(143)
    assert fill(2, num_kept=4) == written(0, 2)
    deleted = f"deleted the rows of {MODEL} by "
    said = fill(2, "l2", num_kept=4)
    assert [line for _, line in said if line.startswith(f"{deleted}cosine, which")]
    assert [one for one in said if "deleted" not in one[1]] == written(143, 2)
    assert {row[1] for row in neighbors() + representatives()} == {"l2"}
    assert [
        (mart, line[: len(deleted)], line.count("keep them in dbt_project.yml"))
        for mart, line in fill(model_ids=())
    ] == [(NEIGHBORS, deleted, 1), (REPRESENTATIVES, deleted, 1)]
    assert neighbors() == representatives() == []


# Few places and few names: twins, ties, zeros and scenarios that come back are frequent.
small = st.lists(st.sampled_from([0.0, 1.0, -1.0, 2.0]), min_size=2, max_size=2)
names = st.sampled_from(
    [f"{which}:{one}" for which in "ST" for one in ("1", "2", "10", "b")]
)
edits = st.lists(st.tuples(names, st.none() | small), min_size=1, max_size=6)


@pytest.mark.parametrize("metric", ["l2", "cosine"])
def test_after_any_edits_the_marts_are_as_filled_afresh(built, metric):
    def empty_marts():
        execute(
            f"delete from analytics.{NEIGHBORS}; delete from analytics.{REPRESENTATIVES}"
        )

    @settings(max_examples=12, suppress_health_check=list(HealthCheck))
    @given(st.lists(edits, min_size=1, max_size=4))
    def check(connection, runs):
        execute(f"delete from {VECTORS}")
        empty_marts()
        number = 0
        for edited in runs:
            for name, vector in edited:
                number += 1
                if vector is None:
                    execute(f"delete from {VECTORS} where entity_id = %s", [name])
                else:
                    store(name, vector, str(number))
            fill_by(connection, 3, metric, num_kept=2)
        incremental = neighbors(), representatives()
        empty_marts()
        fill_by(connection, 3, metric, num_kept=2)
        assert incremental == (neighbors(), representatives())
        assert fill_by(connection, 3, metric, num_kept=2) == []

    with connect() as connection:
        check(connection)


@pytest.mark.parametrize(
    "variables",
    [
        {"neighbor_model_ids": "num-scenario-core-v1"},
        {"neighbor_model_ids": ["no-model"]},
        {"num_neighbors": 0},
        {"num_neighbors": "five"},
        {"neighbor_metric": "l1"},
        {"representative_model_ids": ["no-model"]},
        {"num_representatives": True},
        {"representative_metric": None},
    ],
)
def test_a_var_that_means_nothing_is_one_line(variables):
    with pytest.raises(WrongUsageError) as raised:
        VectorMarts.read(variables)
    assert "\n" not in str(raised.value)


def test_a_run_fills_the_marts_that_its_vars_name_and_dbt_tests_them(seeded, front, dbt):
    wanted = json.dumps(
        {
            "neighbor_model_ids": [MODEL],
            "representative_model_ids": [MODEL],
            "num_representatives": 30,
        }
    )

    done = front("backfill", "--vars", wanted)

    assert done.returncode == 0, done.stderr
    assert (len(neighbors()), len(representatives())) == (5 * 143, 143)

    # With the same vars nothing is to do, and without them the rows would grow old.
    assert NEIGHBORS not in front("encode", "--vars", wanted).stdout
    before = neighbors(), representatives()
    emptied = front("encode").stdout
    for mart in (NEIGHBORS, REPRESENTATIVES):
        assert f"{mart}: deleted the rows of {MODEL}" in emptied
    assert neighbors() == representatives() == []
    front("encode", "--vars", wanted)
    assert (neighbors(), representatives()) == before

    # One of each: an old vector, none, one who stands for nobody, and weights over 1.
    execute(
        """
        delete from analytics.scenario_neighbors where neighbor_rank = 2;
        create temporary table others as
            select entity_id, row_number() over () as place
            from analytics.scenario_representatives where weight = 0;
        update analytics.scenario_representatives set panel_fingerprint = 'old'
            where entity_id = (select entity_id from others where place = 1);
        delete from analytics.scenario_representatives
            where entity_id = (select entity_id from others where place = 2);
        update analytics.scenario_representatives set representative_id = scenario_id
            where entity_id = (select entity_id from others where place = 3);
        update analytics.scenario_representatives set weight = 2 * weight
            where entity_id = 'HIST_STRESS_20D:17'
        """
    )
    tested = dbt(
        *("test", "--select", "assert_neighbors_are_up_to_date"),
        "assert_representatives_are_up_to_date",
        **json.loads(wanted),
        encoded_model_ids=[MODEL],
    )
    assert "FAIL 143 assert_neighbors_are_up_to_date" in tested.stdout
    assert "FAIL 4 assert_representatives_are_up_to_date" in tested.stdout
