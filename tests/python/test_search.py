"""Similar scenarios: one answer from pgvector, from numpy and from plain SQL."""

import csv
import io
import json
import math
import time

import numpy as np
import pytest
from conftest import MODEL, Silent, connected, execute, python
from reference import reference_panels

from python_encoders.encoders import ENCODERS
from python_encoders.errors import WorkFailedError, WrongUsageError
from python_encoders.pipeline import encode_only
from python_encoders.postgres import connect
from python_encoders.scope import Scope
from python_encoders.search import Question, nearest, similar

SKETCH, SHAPE = "num-scenario-panel-sketch-v1", "num-scenario-stress-shape-v1"
SHAPE_V2 = "num-scenario-stress-shape-v2"


def store(model_id, vectors, set_id="MADE"):
    """Write vectors as the encoder would, under {set_id}:{row}."""
    rows = io.StringIO()
    csv.writer(rows).writerows(
        [
            *("SCENARIO", f"{set_id}:{row}"),
            json.dumps({"scenario_set_id": set_id, "scenario_id": str(row)}),
            *("2022-12-28", model_id, f"{{{','.join(map(str, vector))}}}", "2026-01-01"),
        ]
        for row, vector in enumerate(vectors)
    )
    rows.seek(0)
    with connected() as cursor:
        cursor.copy_expert(
            """
            copy analytics.numeric_window_embeddings (
                entity_type, entity_id, window_spec, as_of_date, model_id, embedding,
                created_at
            ) from stdin with (format csv)
            """,
            rows,
        )


def bootstrapped(model_id, num_scenarios):
    """Encode panels of days drawn from the shipped windows."""
    panels = [panel for entity, panel in reference_panels() if entity.startswith("HIST")]
    days = np.concatenate(panels)
    drawn = np.random.default_rng(7).integers(0, len(days), (num_scenarios, 20))
    return ENCODERS[model_id].encode(days[drawn], list(panels[0].columns))


def ask(*arguments, **options):
    with connect(autocommit=True) as connection:
        return answer(connection, *arguments, **options)


def answer(connection, *arguments, **options):
    return similar(connection, Question(*arguments, **options)).to_pylist()


def answers(questions):
    """Give the entities that each question finds, asked in one session."""
    with connect(autocommit=True) as connection:
        return [
            {row["entity_id"] for row in answer(connection, *question)}
            for question in questions
        ]


def plain_answer(entity_id, model_id, top_k, metric, size=384):
    """Compare with every stored vector in plain Python."""
    vectors = dict(
        execute(
            """
            select entity_id, embedding from analytics.numeric_window_embeddings
            where entity_type = 'SCENARIO' and model_id = %s
            """,
            [model_id],
        )
    )
    vectors = {
        entity: [float(np.float32(value)) for value in vector[:size]]
        for entity, vector in vectors.items()
    }
    asked = vectors.pop(entity_id)

    def distance(vector):
        if metric == "l2":
            return math.sqrt(
                math.fsum((a - b) * (a - b) for a, b in zip(vector, asked, strict=True))
            )
        squares = [math.fsum(a * a for a in one) for one in (vector, asked)]
        product = math.fsum(a * b for a, b in zip(vector, asked, strict=True))
        return 1 - min(1.0, product / math.sqrt(squares[0] * squares[1]))

    measured = [
        (distance(vector), entity)
        for entity, vector in vectors.items()
        if metric == "l2" or any(vector)
    ]
    return [(entity, value) for value, entity in sorted(measured)[:top_k]]


def has_pgvector() -> bool:
    return bool(execute("select 1 from pg_available_extensions where name = 'vector'"))


def with_pgvector(*question, **options):
    execute("create extension vector")
    try:
        return ask(*question, **options)
    finally:
        execute("drop extension vector")


@pytest.mark.parametrize("metric", ["l2", "cosine"])
def test_a_twin_is_at_no_distance(metric):
    for vector in np.random.default_rng(7).standard_normal((50, 384), dtype=np.float32):
        [found] = nearest(vector, vector[None], ["twin"], 1, metric)
        assert found.distance == 0.0


@pytest.mark.parametrize("metric", ["l2", "cosine"])
def test_one_answer_with_pgvector_and_without(built, metric):
    encode_only(Scope((SKETCH, SHAPE, SHAPE_V2)), Silent())
    asked = "HIST_STRESS_20D:17"
    near = np.array(
        execute(
            """
            select embedding from analytics.numeric_window_embeddings
            where entity_id = %s and model_id = %s
            """,
            [asked, SKETCH],
        )[0][0],
        dtype=np.float32,
    )
    # Twins, near twins whose order float32 arithmetic gets wrong, and vectors of zeros.
    by_a_hair = np.repeat(near[None], 40, axis=0)
    for row in range(40):
        by_a_hair[row, 64 + row] += np.spacing(near[64 + row]) * (row % 5)
    store(SKETCH, [near, near, *by_a_hair, np.zeros(384), -near])

    for question in (
        (asked, SKETCH, 10, metric),
        (asked, SKETCH, 45, metric),
        (asked, SKETCH, 1000, metric),
        (asked, SHAPE, 10, metric),
        (asked, MODEL, 3, metric),
    ):
        without = ask(*question)
        if has_pgvector():
            assert with_pgvector(*question) == without
        assert [(row["entity_id"], row["distance"]) for row in without] == plain_answer(
            *question
        )
        assert [row["rank"] for row in without] == list(range(1, len(without) + 1))

    # Beyond what float32 can square, where pgvector's cosine is NaN, zero or anything.
    tiny, huge = np.zeros((2, 3, 384), dtype=np.float32)
    tiny[:, :2] = [[1e-23, 1e-23], [1e-23, 2e-23], [1e-21, 3e-22]]
    huge[:, :2] = [[1e20, 1e20], [1e20, 2e20], [1e-20, 1e20]]
    store(SHAPE, tiny, "TINY")
    store(SHAPE, huge, "HUGE")
    for entity in (asked, "TINY:0", "HUGE:0"):
        question = (entity, SHAPE, 10, metric)
        without = ask(*question)
        if has_pgvector():
            assert with_pgvector(*question) == without
        assert [(row["entity_id"], row["distance"]) for row in without] == plain_answer(
            *question
        )

    for block, model_id, size in (
        ("market", SKETCH, 64),
        ("shape", SHAPE_V2, 102),
        ("shape", SHAPE, 60),
    ):
        alone = ask(asked, model_id, 10, metric, block=block)
        assert [(row["entity_id"], row["distance"]) for row in alone] == plain_answer(
            asked, model_id, 10, metric, size
        )
        if has_pgvector():
            assert with_pgvector(asked, model_id, 10, metric, block=block) == alone


def test_without_pgvector_an_index_is_refused_in_one_line(built, chain, front):
    refused = front("backfill", "--vars", "{vector_index_metric: l2}")
    assert refused.returncode == 1
    assert "create extension vector" in refused.stderr
    with pytest.raises(WorkFailedError, match="build_vector_index"):
        chain(vector_index_metric="l2").build_vector_index()


def test_the_index_is_used_and_finds_nearly_all(built, chain):
    # An optional extension. Searches without it are tested on every Postgres.
    if not has_pgvector():
        pytest.skip("this Postgres has no pgvector, and so no index of vectors")
    vectors = bootstrapped(SKETCH, 3_000)
    store(SKETCH, vectors)
    questions = [(f"MADE:{row}", SKETCH, 10, "l2") for row in range(0, 3_000, 120)]
    exact = answers(questions)

    # An index for each model, once.
    operation = chain(vector_index_metric="l2")
    execute("create extension vector")
    for _ in range(2):
        operation.build_vector_index()
    assert execute(
        "select count(*) from pg_indexes where indexdef like '%%vector_l2_ops%%'"
    ) == [(len(ENCODERS),)]

    scans = """
        select coalesce(sum(idx_scan), 0) from pg_stat_user_indexes
        where indexrelname like 'hnsw_l2%%panel_sketch%%'
    """
    found = answers(questions)
    # A session reports its scans only after it has ended.
    for _ in range(100):
        if execute(scans)[0][0] >= len(questions):
            break
        time.sleep(0.1)
    assert execute(scans)[0][0] >= len(questions)
    chain(vector_index_metric=None).build_vector_index()
    assert execute("select count(*) from pg_indexes where indexdef like '%%hnsw%%'") == [
        (0,)
    ]
    hits = sum(len(a & b) for a, b in zip(exact, found, strict=True))
    assert hits / (10 * len(questions)) >= 0.9


def test_a_search_in_a_small_set_beside_an_index_finds_all_of_it(built, chain, monkeypatch):
    # An optional extension. Without it, no index can come between.
    if not has_pgvector():
        pytest.skip("this Postgres has no pgvector, and so no index of vectors")
    # A scan of an index gives up after 20,000 vectors, here after 200: a small test.
    monkeypatch.setenv(
        "PGOPTIONS",
        "-c hnsw.max_scan_tuples=200 -c enable_seqscan=off -c enable_sort=off",
    )
    drawn = np.random.default_rng(7).standard_normal((2_010, 384), dtype=np.float32)
    store(SKETCH, drawn[:2_000], "LARGE")
    # The small set lies beyond all of the large one.
    store(SKETCH, drawn[2_000:] * 10, "SMALL")
    execute(
        """
        insert into analytics.int_scenario_panels
        select (jsonb_populate_record(panels, '{"scenario_set_id": "SMALL"}')).*
        from analytics.int_scenario_panels as panels limit 1
        """
    )
    question = ("LARGE:0", SKETCH, 10, "l2", "SMALL")
    exact = ask(*question)
    assert len(exact) == 10

    execute("create extension vector")
    chain(vector_index_metric="l2").build_vector_index()

    assert ask(*question) == exact


def test_the_macro_gives_what_the_command_gives(built, dbt):
    shown = dbt(
        *("show", "--output", "json", "--limit", "5", "--inline"),
        "select * from "
        "({{ similar_scenarios('HIST_STRESS_20D:17', top_k=5, metric='l2') }}) as nearest",
    )
    assert shown.returncode == 0, shown.stdout
    rows = json.loads(shown.stdout[shown.stdout.index("{") :])["show"]

    expected = ask("HIST_STRESS_20D:17", MODEL, 5, "l2")
    assert [row["entity_id"] for row in rows] == [row["entity_id"] for row in expected]
    assert [row["distance"] for row in rows] == pytest.approx(
        [row["distance"] for row in expected], rel=1e-6
    )


def test_people_get_a_table_and_programs_csv_or_json(built, front):
    asked = ("similar", "--entity-id", "HIST_STRESS_20D:17", "--top-k", "3")

    table = front(*asked).stdout
    assert table.splitlines()[0].split() == [
        *("rank", "scenario", "class", "set", "id", "date", "distance")
    ]
    assert "Second leg down, November 2008" in table
    assert "2008-11-20" in table

    rows = json.loads(front(*asked, "--format", "json").stdout)
    assert [row["rank"] for row in rows] == [1, 2, 3]
    assert list(csv.DictReader(io.StringIO(front(*asked, "--format", "csv").stdout))) == [
        {name: str(value) for name, value in row.items()} for row in rows
    ]

    encode_only(Scope((SKETCH, SHAPE_V2)), Silent())
    for block, model_id in (("market", SKETCH), ("shape", SHAPE_V2)):
        alone = front(*asked, "--block", block, "--format", "json")
        assert json.loads(alone.stdout) == [
            {**row, "date": str(row["date"])}
            for row in ask("HIST_STRESS_20D:17", model_id, 3, "l2", block=block)
        ]
    refused = front(*asked, "--block", "shape", "--model-id", SKETCH)
    assert refused.returncode == 2
    assert f"{SKETCH} has no block 'shape'; there is one in {SHAPE_V2}" in refused.stderr

    one_set = front(*asked, "--format", "json", "--scenario-set-id", "SET_ABC123")
    assert {row["scenario_set_id"] for row in json.loads(one_set.stdout)} == {"SET_ABC123"}


def test_ids_are_looked_up_as_they_are(built):
    hostile = '\'); drop table x; -- {1,2} "q" \\ %s'
    store(MODEL, np.eye(3, 384, dtype=np.float32), set_id=hostile)
    execute(
        "update analytics.int_scenario_panels set scenario_set_id = %s "
        "where scenario_set_id = 'SET_ABC123'",
        [hostile],
    )

    found = ask(f"{hostile}:0", MODEL, 2, "l2", scenario_set_id=hostile)

    assert [row["scenario_id"] for row in found] == ["1", "2"]
    assert [row["distance"] for row in found] == [math.sqrt(2)] * 2


@pytest.mark.parametrize(
    ("question", "complaint"),
    [
        (("HIST_STRESS_20D:99", MODEL), "no vector of 'HIST_STRESS_20D:99' by num-"),
        (("HIST_STRESS_20D:1", "num-scenario-v9"), "unknown model 'num-scenario-v9'"),
        (("HIST_STRESS_20D:1", MODEL, 10, "l1"), "unknown metric 'l1'"),
        (
            ("HIST_STRESS_20D:1", MODEL, 10, "l2", None, "market"),
            "num-scenario-core-v1 has no block 'market'",
        ),
        (("ZERO:0", MODEL), "all zeros, so cosine is undefined"),
        (
            ("HIST_STRESS_20D:1", MODEL, 10, "l2", "NOPE"),
            "unknown scenario set 'NOPE'; there are: HIST_STRESS_20D, SET_ABC123",
        ),
    ],
)
def test_a_question_without_an_answer_says_why(built, question, complaint):
    store(MODEL, np.zeros((1, 384), dtype=np.float32), set_id="ZERO")

    with pytest.raises(WrongUsageError, match=complaint):
        ask(*question)


def test_a_search_before_there_are_vectors_is_one_line(empty):
    done = python("python_encoders", "similar", "--entity-id", "S:1")

    assert done.returncode == 1
    assert "has no numeric_window_embeddings; build it with `dbt run` first" in done.stderr
