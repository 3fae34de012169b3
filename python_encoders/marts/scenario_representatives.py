"""The mart ``scenario_representatives``: each set reduced, kept up to date."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from adbc_driver_manager.dbapi import Connection

from python_encoders.marts.mart_rows import compared, replace_rows
from python_encoders.marts.mart_vars import MartVars
from python_encoders.postgres import fetch, relation
from python_encoders.search import as_matrix, read_vectors, represent

MART = "scenario_representatives"


def update(connection: Connection, model_id: str, wanted: MartVars) -> int:
    """Bring one encoder's representatives up to date. Count the sets reduced anew.

    A set is reduced anew where one of its vectors is new, has changed or gone, or where
    another number is to be kept. Each set is one transaction.
    """
    stale = _stale_sets(connection, model_id, wanted)
    for scenario_set_id in stale:
        rows = _reduced(connection, scenario_set_id, model_id, wanted)
        before = fetch(
            connection,
            f"""
            select entity_id from {relation(MART)}
            where model_id = $1 and scenario_set_id = $2
            """,
            [model_id, scenario_set_id],
        )["entity_id"].combine_chunks()
        replace_rows(connection, MART, model_id, wanted.metric, before, rows)
        connection.commit()
    return len(stale)


def _stale_sets(connection: Connection, model_id: str, wanted: MartVars) -> list[str]:
    columns = "min(scenario_set_id) as scenario_set_id, max(weight) as weight"
    stale: list[str] = fetch(
        connection,
        f"""
        {compared(MART, wanted.metric, columns)}

        select coalesce(newest.scenario_set_id, filled.scenario_set_id) as scenario_set_id
        from newest
        full join filled on newest.entity_id = filled.entity_id
        group by 1
        having
            bool_or(newest.is_changed is not false)
            or count(*) filter (where filled.weight > 0) <> least($2, count(*))
        order by 1
        """,
        [model_id, wanted.number],
    )["scenario_set_id"].to_pylist()
    return stale


def _reduced(
    connection: Connection, scenario_set_id: str, model_id: str, wanted: MartVars
) -> pa.Table:
    """Reduce one set, as ``reduce`` does. No row where it has no vector any more."""
    stored = read_vectors(connection, model_id, scenario_set_id)
    if wanted.metric == "cosine":
        # A vector of zeros has no direction.
        stored = stored.filter(pa.array(as_matrix(stored).any(axis=1)))
    size = stored.num_rows
    if size:
        places, distances, weights = represent(
            as_matrix(stored),
            np.full(size, 1.0 / size),
            min(wanted.number, size),
            wanted.metric,
        )
    else:
        places, distances, weights = np.zeros(0, dtype=np.intp), np.zeros(0), np.zeros(0)
    columns = ["entity_id", "scenario_set_id", "scenario_id", "panel_fingerprint"]
    rows = stored.select(columns)
    representatives = pc.take(rows["scenario_id"], pa.array(places))
    for name, values in (
        ("representative_id", representatives),
        ("distance", pa.array(distances)),
        ("weight", pa.array(weights)),
    ):
        rows = rows.append_column(name, values)
    return rows
