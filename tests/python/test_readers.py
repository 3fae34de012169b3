"""What other programs select from: bytes for existing readers, and the joint space."""

import json

import numpy as np
import psycopg2
import psycopg2.extras
import pytest
from conftest import MODEL, Silent, execute, stored_bytes, vector_bytes

from python_encoders.encoders import ENCODERS
from python_encoders.errors import WrongUsageError
from python_encoders.pipeline import encode_only
from python_encoders.scope import Scope


def test_an_existing_reader_gets_the_stored_array_from_the_bytes(built):
    encode_only(Scope(tuple(ENCODERS)), Silent())
    connection = psycopg2.connect("", cursor_factory=psycopg2.extras.NamedTupleCursor)
    with connection, connection.cursor() as cursor:
        cursor.execute(
            """
            select entity_type, entity_id, window_spec, as_of_date, model_id, vector,
                   vector_ref, created_at, octet_length(vector) as num_bytes
            from analytics.prometheus_numeric_window_embeddings
            """
        )
        rows = cursor.fetchall()
    connection.close()

    assert len(rows) == 143 * len(ENCODERS)
    for model_id in ENCODERS:
        read = {
            row.entity_id: np.frombuffer(row.vector, dtype=np.float32)
            for row in rows
            if row.model_id == model_id
        }
        stored = stored_bytes(model_id)
        assert {entity: vector.tobytes() for entity, vector in read.items()} == stored
        assert any(vector.any() for vector in read.values())
    assert {row.num_bytes for row in rows} == {1536}
    assert {row.vector_ref for row in rows} == {None}
    assert {row.window_spec["entity_type"] for row in rows} == {"SCENARIO"}


def test_rows_of_other_types_are_not_for_the_readers_of_scenarios(built):
    execute(
        """
        insert into analytics.numeric_window_embeddings
        select 'STATE', 'X', '{}', '2022-12-28', 'm', array_fill(1::real, array[384]), null,
               now()
        """
    )

    assert execute(
        "select count(*) from analytics.prometheus_numeric_window_embeddings"
    ) == [(143,)]


def test_alone_a_scenario_stands_in_the_joint_space_as_its_own_vector(built):
    rows = execute(
        """
        select joint_type, entity_scope, model_id, as_of_date::text, embedding
        from analytics.joint_embeddings
        """
    )

    assert {(row[0], row[2]) for row in rows} == {
        ("STAB_FRAGILITY_V0", "joint-stab-fragility-v1")
    }
    assert {
        f"{scope['scenario_set_id']}:{scope['scenario_id']}": np.array(
            embedding, dtype="<f4"
        ).tobytes()
        for _, scope, _, _, embedding in rows
    } == stored_bytes()
    assert all(
        scope["source"] == "scenario"
        and scope["entity_type"] == "SCENARIO"
        and scope["as_of_date"] == as_of_date
        for _, scope, _, as_of_date, _ in rows
    )


@pytest.mark.parametrize(
    "weights",
    [
        {"stab": 2.0},
        {"stab": 1.0, "scenario": 0, "profile": 1.0},
        {"stab": -1.0, "scenario": 1.0, "profile": 1.0},
        {"stab": "1); drop table x", "scenario": 1.0, "profile": 1.0},
    ],
)
def test_weights_that_are_none_are_refused(chain, weights):
    with pytest.raises(WrongUsageError, match="joint_weights"):
        chain(joint_weights=weights)


def test_a_state_that_names_a_scenario_is_averaged_in(built):
    entity = "HIST_STRESS_20D:17"
    state = np.linspace(-1, 1, 384, dtype=np.float32)
    execute(
        """
        insert into analytics.numeric_window_embeddings
        select 'STATE', 'DESK', %s, as_of_date, 'num-stab-core-v1', %s::real[], null, now()
        from analytics.numeric_window_embeddings where entity_id = %s and model_id = %s
        """,
        [
            json.dumps({"scenario_set_id": "HIST_STRESS_20D", "scenario_id": "17"}),
            state.tolist(),
            entity,
            MODEL,
        ],
    )
    scenario = np.frombuffer(stored_bytes()[entity], dtype="<f4")

    [(embedding,)] = execute(
        """
        select embedding from analytics.joint_embeddings
        where entity_scope ->> 'scenario_id' = '17'
            and entity_scope ->> 'scenario_set_id' = 'HIST_STRESS_20D'
        """
    )

    # In float64, then one cast.
    expected = (state.astype(np.float64) + scenario.astype(np.float64)) / 2
    assert vector_bytes(embedding) == expected.astype("<f4").tobytes()
    assert execute("select count(*) from analytics.joint_embeddings") == [(143,)]
