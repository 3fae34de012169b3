"""The mart of nearest scenarios: as `similar` answers, and the same after any edits."""

import numpy as np
import pytest
from conftest import MODEL, execute
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from python_encoders.errors import WrongUsageError
from python_encoders.marts import NeighborVars, fill_neighbors
from python_encoders.postgres import connect
from python_encoders.search import Question, nearest, nearest_to_each, similar

VECTORS = "analytics.numeric_window_embeddings"


def fill(num_neighbors=3, metric="cosine", model_ids=(MODEL,)):
    with connect() as connection:
        return fill_neighbors(
            connection, NeighborVars(tuple(model_ids), num_neighbors, metric)
        )


def mart():
    return execute(
        """
        select model_id, metric, entity_id, neighbor_rank, neighbor_entity_id, distance,
            panel_fingerprint
        from analytics.scenario_neighbors
        order by model_id, entity_id collate "C", neighbor_rank
        """
    )


def store(name, vector, fingerprint):
    execute(
        f"""
        insert into {VECTORS} (
            entity_type, entity_id, window_spec, as_of_date, model_id, embedding,
            panel_fingerprint, created_at
        )
        values ('SCENARIO', %s, '{{}}', '2022-12-28', %s, %s::real[], %s, now())
        on conflict (entity_type, entity_id, as_of_date, model_id) do update set
            embedding = excluded.embedding, panel_fingerprint = excluded.panel_fingerprint
        """,
        [name, MODEL, list(vector) + [0.0] * (384 - len(vector)), fingerprint],
    )


@pytest.mark.parametrize("metric", ["l2", "cosine"])
@pytest.mark.parametrize("num_distinct", [1, 4, 300])
def test_the_nearest_of_many_are_the_nearest_of_each(metric, num_distinct):
    generator = np.random.default_rng(7)
    # Of all sizes, so that a matrix product cancels; and twins.
    sizes = 10.0 ** generator.integers(-9, 9, (num_distinct, 1))
    distinct = (sizes * generator.standard_normal((num_distinct, 384))).astype(np.float32)
    vectors = distinct[generator.integers(0, num_distinct, 300)]
    names = [f"S:{row}" for row in range(300)]

    found = nearest_to_each(np.arange(300), vectors, names, 4, metric)

    for row, its_nearest in enumerate(found):
        others = [other for other in range(300) if other != row]
        assert its_nearest == nearest(
            vectors[row], vectors[others], [names[other] for other in others], 4, metric
        )


@pytest.mark.parametrize("metric", ["l2", "cosine"])
def test_the_mart_says_what_similar_says(built, metric):
    assert fill(5, metric) == 143

    rows = mart()
    for entity_id in ("HIST_STRESS_20D:17", "SET_ABC123:5", "SET_ABC123:119"):
        with connect(autocommit=True) as connection:
            asked = similar(connection, Question(entity_id, MODEL, 5, metric)).to_pylist()
        assert [(row[3], row[4], row[5]) for row in rows if row[2] == entity_id] == [
            (row["rank"], row["entity_id"], row["distance"]) for row in asked
        ]
    assert len(rows) == 5 * 143


def test_what_has_not_changed_is_left_alone(built):
    fill()
    written = execute("select xmin::text, ctid::text from analytics.scenario_neighbors")

    assert fill() == 0

    assert written == execute(
        "select xmin::text, ctid::text from analytics.scenario_neighbors"
    )
    # Another number, another metric, no encoder.
    assert fill(2) == 143
    assert fill(2, "l2") == 143
    assert {row[1] for row in mart()} == {"l2"}
    assert fill(model_ids=()) == 0
    assert mart() == []


# Few places and few names: twins, ties, zeros and scenarios that come back are frequent.
small = st.lists(st.sampled_from([0.0, 1.0, -1.0, 2.0]), min_size=2, max_size=2)
edits = st.lists(
    st.tuples(st.sampled_from("abcdefgh"), st.none() | small), min_size=1, max_size=6
)


@pytest.mark.parametrize("metric", ["l2", "cosine"])
def test_after_any_edits_the_mart_is_as_filled_afresh(built, metric):
    @settings(max_examples=20, suppress_health_check=list(HealthCheck))
    @given(st.lists(edits, min_size=1, max_size=4))
    def check(runs):
        execute(f"delete from {VECTORS}; delete from analytics.scenario_neighbors")
        number = 0
        for edited in runs:
            for name, vector in edited:
                number += 1
                if vector is None:
                    execute(f"delete from {VECTORS} where entity_id = %s", [f"S:{name}"])
                else:
                    store(f"S:{name}", vector, str(number))
            fill(3, metric)
        incremental = mart()
        execute("delete from analytics.scenario_neighbors")
        fill(3, metric)
        assert incremental == mart()
        assert fill(3, metric) == 0

    check()


@pytest.mark.parametrize(
    "variables",
    [
        {"neighbor_model_ids": "num-scenario-core-v1"},
        {"neighbor_model_ids": ["no-model"]},
        {"num_neighbors": 0},
        {"num_neighbors": "five"},
        {"neighbor_metric": "l1"},
    ],
)
def test_a_var_that_means_nothing_is_one_line(variables):
    with pytest.raises(WrongUsageError) as raised:
        NeighborVars.read(variables)
    assert "\n" not in str(raised.value)


def test_the_backfill_fills_the_mart_and_dbt_tests_it(seeded, front, dbt):
    wanted = "{neighbor_model_ids: [num-scenario-core-v1]}"

    done = front("backfill", "--vars", wanted)

    assert done.returncode == 0, done.stderr
    assert len(mart()) == 5 * 143
    execute("delete from analytics.scenario_neighbors where neighbor_rank = 2")
    tested = dbt(
        "test",
        *("--select", "assert_neighbors_are_up_to_date"),
        neighbor_model_ids=[MODEL],
        encoded_model_ids=[MODEL],
    )
    assert tested.returncode == 1
