"""The mart ``scenario_neighbors``: the nearest scenarios of each, kept up to date."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from adbc_driver_manager.dbapi import Connection
from numpy.typing import NDArray

from python_encoders.dbt_project import dbt_var
from python_encoders.encoders import DIMENSION, check_models
from python_encoders.errors import WrongUsageError
from python_encoders.metrics import METRICS
from python_encoders.postgres import check_is_built, fetch, relation
from python_encoders.scope import ENTITY_TYPE
from python_encoders.search import Neighbour, nearest_to_each


class NeighborVars(NamedTuple):
    """The dbt vars of the mart.

    Attributes
    ----------
    neighbor_model_ids : tuple of str
        The encoders whose neighbours are kept; none by default.
    num_neighbors : int
    neighbor_metric : str
        ``cosine`` or ``l2``.
    """

    neighbor_model_ids: tuple[str, ...]
    num_neighbors: int
    neighbor_metric: str

    @classmethod
    def read(cls, variables: Mapping[str, Any]) -> "NeighborVars":
        """Read the vars as given, else the project's.

        Raises
        ------
        WrongUsageError
            A var means nothing.
        """
        model_ids, number, metric = (dbt_var(name, dict(variables)) for name in cls._fields)
        if not isinstance(model_ids, list):
            raise WrongUsageError(
                f"the var neighbor_model_ids is a list of encoders, not {model_ids!r}"
            )
        check_models(model_ids)
        if type(number) is not int or not 1 <= number <= 1000:
            raise WrongUsageError(
                f"the var num_neighbors is a whole number from 1 to 1000, not {number!r}"
            )
        if metric not in METRICS:
            raise WrongUsageError(
                f"the var neighbor_metric is {' or '.join(METRICS)}, not {metric!r}"
            )
        return cls(tuple(dict.fromkeys(model_ids)), number, metric)


def fill_neighbors(connection: Connection, wanted: NeighborVars) -> int:
    """Bring the neighbours of every set up to date; count the scenarios written anew.

    A scenario is written anew where its vector is new or has changed, where one of its
    neighbours has changed or gone, or where a new or changed vector is nearer than its
    last neighbour. Where nothing has changed, only fingerprints are read. Rows of
    encoders that the vars do not name, or by another metric, are deleted.

    Parameters
    ----------
    connection : Connection
        Not in autocommit. Each encoder is one transaction. The caller holds the lock
        ``neighbors``.
    wanted : NeighborVars

    Returns
    -------
    int

    Raises
    ------
    WorkFailedError
        dbt has not built the mart.
    """
    check_is_built(connection, "numeric_window_embeddings", "scenario_neighbors")
    _delete_others(connection, wanted)
    num_written = 0
    for model_id in wanted.neighbor_model_ids:
        if _is_stale(connection, model_id, wanted):
            num_written += _update(connection, model_id, wanted)
        connection.commit()
    return num_written


def _delete_others(connection: Connection, wanted: NeighborVars) -> None:
    parameters: list[object] = [",".join(wanted.neighbor_model_ids), wanted.neighbor_metric]
    of_others = f"""
        from {relation("scenario_neighbors")}
        where model_id <> all(string_to_array($1, ',')) or metric <> $2
        """
    # Asked first: a delete takes a lock, and mostly there is nothing to do.
    if fetch(connection, f"select 1 as found {of_others} limit 1", parameters).num_rows:
        fetch(connection, f"delete {of_others} returning 1 as deleted", parameters)
    connection.commit()


def _compared(metric: str) -> str:
    """Begin a query: the CTEs newest, the vectors that are compared, and filled.

    Both are of the model $1. Filled has the scenarios that the mart has neighbours of, with
    the fingerprint of then.
    """
    # A vector of zeros has no direction. Asked only of what has no neighbours.
    has_direction = "filled.entity_id is not null or 0 <> any(vectors.embedding)"
    return f"""
        with vectors as (
            select distinct on (entity_id) entity_id, panel_fingerprint, embedding
            from {relation("numeric_window_embeddings")}
            where entity_type = '{ENTITY_TYPE}' and model_id = $1
            order by entity_id, as_of_date desc
        ),

        filled as (
            select
                entity_id,
                min(panel_fingerprint) as panel_fingerprint,
                count(*) as num_neighbors
            from {relation("scenario_neighbors")}
            where model_id = $1
            group by entity_id
        ),

        newest as (
            select
                vectors.*,
                -- (Without a fingerprint, nobody can tell.)
                (vectors.panel_fingerprint = filled.panel_fingerprint) is not true
                    as is_changed
            from vectors
            left join filled on vectors.entity_id = filled.entity_id
            where {has_direction if metric == "cosine" else "true"}
        )
        """


def _is_stale(connection: Connection, model_id: str, wanted: NeighborVars) -> bool:
    found = fetch(
        connection,
        f"""
        {_compared(wanted.neighbor_metric)}

        select
            (
                coalesce(bool_or(newest.is_changed is not false), false)
                or min(filled.num_neighbors) <> least($2, count(*) - 1)
                or max(filled.num_neighbors) <> least($2, count(*) - 1)
            )
            -- A vector alone has no neighbours, so the mart does not know of it.
            and (count(*) > 1 or count(filled.entity_id) > 0) as is_stale
        from newest
        full join filled on newest.entity_id = filled.entity_id
        """,
        [model_id, wanted.num_neighbors],
    )
    return bool(found["is_stale"][0].as_py())


def _update(connection: Connection, model_id: str, wanted: NeighborVars) -> int:
    metric, top_k = wanted.neighbor_metric, wanted.num_neighbors
    stored = fetch(
        connection,
        f"""
        {_compared(metric)}

        select entity_id, panel_fingerprint, is_changed, embedding from newest
        where {"0 <> any(embedding)" if metric == "cosine" else "true"}
        """,
        [model_id],
    )
    before = fetch(
        connection,
        f"""
        select entity_id, neighbor_entity_id, distance
        from {relation("scenario_neighbors")}
        where model_id = $1
        """,
        [model_id],
    )
    names = stored["entity_id"].to_pylist()
    cells = stored["embedding"].combine_chunks().flatten().to_numpy()
    nearest = _nearest_anew(
        names,
        cells.reshape(-1, DIMENSION),
        stored["is_changed"].to_numpy().astype(bool),
        before,
        top_k,
        metric,
    )
    gone = set(before["entity_id"].to_pylist()) - set(names)
    fingerprints = dict(zip(names, stored["panel_fingerprint"].to_pylist(), strict=True))
    _write(connection, model_id, metric, nearest, fingerprints, gone)
    return len(nearest)


def _nearest_anew(
    names: list[str],
    vectors: NDArray[np.float32],
    is_changed: NDArray[np.bool_],
    before: pa.Table,
    top_k: int,
    metric: str,
) -> dict[str, list[Neighbour]]:
    """Find the scenarios whose neighbours are others now, and these.

    Parameters
    ----------
    names : list of M str
    vectors : ndarray of shape (M, 384), float32
    is_changed : ndarray of shape (M,), bool
        New, or another than when the mart was filled.
    before : pyarrow.Table
        The mart's rows: entity_id, neighbor_entity_id, distance.
    top_k : int
    metric : str
    """
    ids = pa.array(names, pa.string())
    owners = _positions(before["entity_id"], ids)
    neighbors = _positions(before["neighbor_entity_id"], ids)
    is_stale = is_changed.copy()
    count = np.bincount(owners[owners >= 0], minlength=len(names))
    is_stale |= count != min(top_k, len(names) - 1)
    lost = neighbors < 0
    lost[~lost] = is_changed[neighbors[~lost]]
    is_stale[owners[lost & (owners >= 0)]] = True

    stale, kept = np.flatnonzero(is_stale), np.flatnonzero(~is_stale)
    found = nearest_to_each(stale, vectors, names, top_k, metric)
    nearest = dict(zip((names[row] for row in stale), found, strict=True))
    changed = np.flatnonzero(is_changed)
    if not len(kept) or not len(changed):
        return nearest
    farthest = np.zeros(len(names))
    distances = before["distance"].to_numpy()
    np.maximum.at(farthest, owners[owners >= 0], distances[owners >= 0])
    nearer = nearest_to_each(
        kept, vectors, names, top_k, metric, among=changed, within=farthest[kept]
    )
    moved = {
        names[row]: its_nearer
        for row, its_nearer in zip(kept, nearer, strict=True)
        if its_nearer
    }
    owners_moved = pc.is_in(before["entity_id"], pa.array(list(moved), pa.string()))
    for row in before.filter(owners_moved).to_pylist():
        moved[row["entity_id"]].append(
            Neighbour(row["distance"], row["neighbor_entity_id"])
        )
    return nearest | {name: sorted(both)[:top_k] for name, both in moved.items()}


def _positions(values: pa.ChunkedArray, ids: pa.Array) -> NDArray[np.intp]:
    """Look each value up among the ids; −1 where it is not there."""
    found = pc.fill_null(pc.index_in(values, ids), -1).to_numpy().astype(np.intp)
    return np.array(found)


def _write(
    connection: Connection,
    model_id: str,
    metric: str,
    nearest: Mapping[str, list[Neighbour]],
    fingerprints: Mapping[str, str | None],
    gone: set[str],
) -> None:
    """Replace the rows of these scenarios; delete those of what is gone."""
    rows = [
        (name, rank, neighbor.name, neighbor.distance, fingerprints[name])
        for name, its_nearest in nearest.items()
        for rank, neighbor in enumerate(its_nearest, start=1)
    ]
    columns = list(zip(*rows, strict=True)) or [()] * 5
    types = {
        "entity_id": pa.string(),
        "neighbor_rank": pa.int32(),
        "neighbor_entity_id": pa.string(),
        "distance": pa.float64(),
        "panel_fingerprint": pa.string(),
    }
    table = pa.table(
        {
            column: pa.array(values, type_)
            for (column, type_), values in zip(types.items(), columns, strict=True)
        }
    )
    replaced = pa.table({"replaced_id": pa.array([*nearest, *gone], pa.string())})
    mart = relation("scenario_neighbors")
    with connection.cursor() as cursor:
        cursor.adbc_ingest("replaced_scenarios", replaced, mode="create", temporary=True)
        cursor.adbc_ingest("staged_neighbors", table, mode="create", temporary=True)
        cursor.execute("analyze replaced_scenarios")
        for statement in (
            f"""
            delete from {mart} using replaced_scenarios
            where model_id = $1::text and entity_id = replaced_id and $2::text = metric
            """,
            f"""
            insert into {mart} (
                model_id, metric, entity_id, neighbor_rank, neighbor_entity_id, distance,
                panel_fingerprint
            )
            select
                $1::text, $2::text, entity_id, neighbor_rank, neighbor_entity_id, distance,
                panel_fingerprint
            from staged_neighbors
            """,
        ):
            cursor.execute(statement, [model_id, metric])
        cursor.execute("drop table replaced_scenarios")
        cursor.execute("drop table staged_neighbors")
