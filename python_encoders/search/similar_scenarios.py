"""Similar scenarios: the question in SQL, the same answer with and without pgvector."""

import json
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from adbc_driver_manager.dbapi import Connection
from numpy.typing import NDArray

from python_encoders.encoders import BLOCKS, DIMENSION
from python_encoders.errors import WrongUsageError
from python_encoders.postgres import fetch, quoted, relation
from python_encoders.scope import ENTITY_TYPE
from python_encoders.search.pgvector import find_pgvector
from python_encoders.search.similarity import TOLERANCE, Neighbour, nearest
from python_encoders.search.stored_vectors import check_question

_OPERATORS = {"l2": "<->", "cosine": "<=>"}


class Question(NamedTuple):
    """A search for similar scenarios.

    Attributes
    ----------
    entity_id : str
        The scenario, as ``{scenario_set_id}:{scenario_id}``.
    model_id : str
    top_k : int
    metric : str
        ``l2`` or ``cosine``.
    scenario_set_id : str or None
        Look only in this set.
    block : str or None
        One of ``BLOCKS``: compare the first values alone, which look at no series' name.
    """

    entity_id: str
    model_id: str
    top_k: int = 10
    metric: str = "cosine"
    scenario_set_id: str | None = None
    block: str | None = None


def _num_values(question: Question) -> int:
    """Count the values that are compared, the first ones of each vector."""
    return BLOCKS[question.block][question.model_id] if question.block else DIMENSION


def _has_index(connection: Connection, question: Question) -> bool:
    # A scan of the index filters what it finds by the set, and would find too few.
    if question.block or question.scenario_set_id is not None:
        return False
    found = fetch(
        connection,
        """
        select 1 as found from pg_catalog.pg_index as indexes
        where
            indexes.indrelid = to_regclass($1)
            and indexes.indisvalid
            and pg_get_indexdef(indexes.indexrelid) like '%USING hnsw %'
            and pg_get_indexdef(indexes.indexrelid) like '%vector\\_' || $2 || '\\_ops%'
            and pg_get_expr(indexes.indpred, indexes.indrelid)
            like '%' || quote_literal($3) || '%'
        """,
        [relation("numeric_window_embeddings"), question.metric, question.model_id],
    )
    return bool(found.num_rows)


def _query_vector(connection: Connection, question: Question) -> NDArray[np.float32]:
    found = fetch(
        connection,
        f"""
        select embedding from {relation("numeric_window_embeddings")}
        where entity_type = '{ENTITY_TYPE}' and model_id = $1 and entity_id = $2
        order by as_of_date desc
        limit 1
        """,
        [question.model_id, question.entity_id],
    )
    if not found.num_rows:
        raise WrongUsageError(
            f"no vector of {question.entity_id!r} by {question.model_id}; an entity id is "
            "{scenario set}:{scenario}, such as HIST_STRESS_20D:7, and `encode` writes the "
            "vectors of what dbt has built"
        )
    return np.array(found["embedding"][0].as_py(), dtype=np.float32)


def _candidates(question: Question, pgvector_schema: str | None, has_index: bool) -> str:
    """Select the candidates: all vectors, or the nearest ones by pgvector.

    pgvector computes in float32, so it only bounds the search. With an index on the vectors
    its answer is final, and approximate.
    """
    dimension = _num_values(question)
    stored = f"embedding[1:{dimension}]" if question.block else "embedding"
    # Left out where all sets are asked for: the planner takes it for a narrow filter.
    in_set = """
        and window_spec ->> 'scenario_set_id'
        = current_setting('scenario_embeddings.scenario_set_id')
        """
    eligible = f"""
        select entity_id, as_of_date, {stored} as vector
        from {relation("numeric_window_embeddings")}
        where
            entity_type = '{ENTITY_TYPE}'
            and model_id = '{question.model_id}'
            and entity_id <> current_setting('scenario_embeddings.entity_id')
            {in_set if question.scenario_set_id is not None else ""}
        """
    if pgvector_schema is None:
        return f"select entity_id, vector from ({eligible}) as eligible"
    vector = f"{quoted(pgvector_schema)}.vector({dimension})"
    distance = f"""
        eligible.vector::{vector}
        operator({quoted(pgvector_schema)}.{_OPERATORS[question.metric]})
        (select current_setting('scenario_embeddings.query')::{vector})
        """
    if has_index:
        return f"""
            select entity_id, vector from ({eligible}) as eligible
            order by {distance}
            limit {question.top_k}
            """
    # Beyond these norms, squares leave float32: such vectors are always candidates.
    is_plain = (
        f"{quoted(pgvector_schema)}.vector_norm(vector::{vector}) between 1e-15 and 1e15"
    )
    slack = f"* {1 + TOLERANCE}" if question.metric == "l2" else f"+ {TOLERANCE}"
    return f"""
        with measured as materialized (
            select entity_id, vector, {distance} as distance, {is_plain} as is_plain
            from ({eligible}) as eligible
        ),

        within as (
            select max(distance) {slack} as bound
            from (
                select distance from measured
                where is_plain
                order by distance
                limit {question.top_k}
            ) as nearest
        )

        select measured.entity_id, measured.vector
        from measured
        cross join within
        where not measured.is_plain or measured.distance <= within.bound
        """


def _nearest(connection: Connection, question: Question) -> list[Neighbour]:
    query = _query_vector(connection, question)[: _num_values(question)]
    if question.metric == "cosine" and not query.any():
        raise WrongUsageError(
            f"the vector of {question.entity_id!r} is all zeros, so cosine is undefined; "
            "ask with --metric l2"
        )
    fetch(
        connection,
        """
        select
            set_config('scenario_embeddings.entity_id', $1, false),
            set_config('scenario_embeddings.scenario_set_id', $2, false),
            set_config('scenario_embeddings.query', $3, false),
            set_config('hnsw.ef_search', $4, false),
            set_config('hnsw.iterative_scan', 'strict_order', false)
        """,
        [
            question.entity_id,
            question.scenario_set_id or "",
            json.dumps([float(value) for value in query]),
            str(min(1000, max(40, 4 * question.top_k))),
        ],
    )
    pgvector_schema = find_pgvector(connection)
    if not 1e-15 < np.linalg.norm(query.astype(np.float64)) < 1e15:
        pgvector_schema = None
    has_index = pgvector_schema is not None and _has_index(connection, question)
    best: list[Neighbour] = []
    with connection.cursor() as cursor:
        cursor.execute(_candidates(question, pgvector_schema, has_index))
        for batch in cursor.fetch_record_batch():
            if not batch.num_rows:
                continue
            vectors = batch["vector"].flatten().to_numpy().reshape(batch.num_rows, -1)
            names = batch["entity_id"].to_pylist()
            best += nearest(query, vectors, names, question.top_k, question.metric)
    return sorted(best)[: question.top_k]


def similar(connection: Connection, question: Question) -> pa.Table:
    """Find the scenarios nearest to one, over all sets and universes or in one set.

    Parameters
    ----------
    connection : Connection
    question : Question

    Returns
    -------
    pyarrow.Table
        rank, entity_id, scenario_set_id, scenario_id, scenario_name, scenario_class, date
        (text: the window's last day, else as_of_date) and distance (float64), nearest
        first.

    Raises
    ------
    WrongUsageError
        Unknown model, metric or set, no vector of the scenario, a vector without a
        direction, or a block that the model does not have.
    WorkFailedError
        Nothing is built yet.
    """
    one_set = [] if question.scenario_set_id is None else [question.scenario_set_id]
    check_question(connection, question.model_id, question.metric, *one_set)
    if question.block and question.model_id not in BLOCKS[question.block]:
        raise WrongUsageError(
            f"{question.model_id} has no block {question.block!r}; there is one in "
            f"{', '.join(BLOCKS[question.block])}"
        )
    found = [
        {"rank": rank, "entity_id": name, "distance": distance}
        for rank, (distance, name) in enumerate(_nearest(connection, question), start=1)
    ]
    return fetch(
        connection,
        f"""
        select
            found.rank,
            found.entity_id,
            embeddings.scenario_set_id,
            embeddings.scenario_id,
            labels.scenario_name,
            labels.scenario_class,
            -- As text: Postgres has dates that Python has not, 'infinity' among them.
            to_json(coalesce(labels.last_day, embeddings.as_of_date)) #>> '{{}}' as date,
            found.distance
        from jsonb_to_recordset($1::jsonb)
            as found (rank int, entity_id text, distance float8)
        inner join lateral (
            select
                as_of_date,
                window_spec ->> 'scenario_set_id' as scenario_set_id,
                window_spec ->> 'scenario_id' as scenario_id
            from {relation("numeric_window_embeddings")}
            where
                entity_type = '{ENTITY_TYPE}'
                and entity_id = found.entity_id
                and model_id = $2
            order by as_of_date desc
            limit 1
        ) as embeddings on true
        left join {relation("scenario_labels")} as labels
            on
                embeddings.scenario_set_id = labels.scenario_set_id
                and embeddings.scenario_id = labels.scenario_id
        order by found.rank
        """,
        [json.dumps(found), question.model_id],
    )
