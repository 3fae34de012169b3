"""The mart ``scenario_neighbors``: the nearest scenarios of each, kept up to date."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from adbc_driver_manager.dbapi import Connection
from numpy.typing import NDArray

from python_encoders.encoders import DIMENSION
from python_encoders.marts.mart_rows import compared, replace_rows
from python_encoders.marts.mart_vars import MartVars
from python_encoders.postgres import fetch, relation
from python_encoders.search import nearest_rows

MART = "scenario_neighbors"


def update(connection: Connection, model_id: str, wanted: MartVars) -> int:
    """Bring one encoder's neighbours up to date. Count the scenarios written anew.

    A scenario is written anew where its vector is new or has changed, where one of its
    neighbours has changed or gone, or where a new or changed vector is nearer than its
    last neighbour.
    """
    if not _is_stale(connection, model_id, wanted):
        return 0
    stored = fetch(
        connection,
        f"""
        {compared(MART, wanted.metric, "count(*) as num_neighbors")}

        select entity_id, panel_fingerprint, is_changed, embedding from newest
        where {"0 <> any(embedding)" if wanted.metric == "cosine" else "true"}
        """,
        [model_id],
    )
    # By code point: of equal distances, the first name goes first.
    stored = stored.sort_by("entity_id").combine_chunks()
    before = fetch(
        connection,
        f"""
        select entity_id, neighbor_entity_id, neighbor_rank, distance
        from {relation(MART)}
        where model_id = $1
        """,
        [model_id],
    )
    names = stored["entity_id"].combine_chunks()
    written, nearest, distances = _nearest_anew(
        names,
        stored["embedding"].combine_chunks().flatten().to_numpy().reshape(-1, DIMENSION),
        stored["is_changed"].to_numpy().astype(bool),
        before,
        wanted,
    )
    owners, places = np.nonzero(np.isfinite(distances))
    rows = pa.table(
        {
            "entity_id": names.take(pa.array(written[owners])),
            "neighbor_rank": pa.array(places + 1, pa.int32()),
            "neighbor_entity_id": names.take(pa.array(nearest[owners, places])),
            "distance": distances[owners, places],
            "panel_fingerprint": stored["panel_fingerprint"].take(
                pa.array(written[owners])
            ),
        }
    )
    known = before["entity_id"].unique()
    gone = known.filter(pc.invert(pc.is_in(known, names)))
    replaced = pa.concat_arrays([names.take(pa.array(written)), gone])
    replace_rows(connection, MART, model_id, wanted.metric, replaced, rows)
    return len(written)


def _is_stale(connection: Connection, model_id: str, wanted: MartVars) -> bool:
    found = fetch(
        connection,
        f"""
        {compared(MART, wanted.metric, "count(*) as num_neighbors")}

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
        [model_id, wanted.number],
    )
    return bool(found["is_stale"][0].as_py())


def _nearest_anew(
    names: pa.Array,
    vectors: NDArray[np.float32],
    is_changed: NDArray[np.bool_],
    before: pa.Table,
    wanted: MartVars,
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Find the scenarios whose neighbours are others now, and these.

    Parameters
    ----------
    names : pyarrow.Array of M string
        In order.
    vectors : ndarray of shape (M, 384), float32
    is_changed : ndarray of shape (M,), bool
        New, or another than when the mart was filled.
    before : pyarrow.Table
        The mart's rows: entity_id, neighbor_entity_id, neighbor_rank, distance.
    wanted : MartVars

    Returns
    -------
    ndarray of shape (W,), int
        The scenarios to write.
    ndarray of shape (W, K), int
        Their neighbours, the nearest first.
    ndarray of shape (W, K), float64
        Their distances. Infinite where there is no neighbour.
    """
    top_k, each = wanted.number, np.arange(len(names))
    owners = _positions(before["entity_id"], names)
    ranks = before["neighbor_rank"].to_numpy()
    is_kept = (owners >= 0) & (ranks <= top_k)
    places = owners[is_kept], ranks[is_kept] - 1
    nearest = np.full((len(names), top_k), -1)
    nearest[places] = _positions(before["neighbor_entity_id"], names)[is_kept]
    distances = np.full((len(names), top_k), np.inf)
    distances[places] = before["distance"].to_numpy()[is_kept]

    is_lost = np.isfinite(distances) & ((nearest < 0) | is_changed[nearest])
    count = np.bincount(owners[owners >= 0], minlength=len(names))
    is_stale = is_changed | is_lost.any(axis=1) | (count != min(top_k, len(names) - 1))
    stale, kept = np.flatnonzero(is_stale), np.flatnonzero(~is_stale)
    if len(stale):
        nearest[stale], distances[stale] = nearest_rows(
            vectors[stale],
            vectors,
            wanted.metric,
            top_k,
            lambda block: stale[block, None] == each,
        )
    changed = np.flatnonzero(is_changed)
    if not len(kept) or not len(changed):
        return stale, nearest[stale], distances[stale]
    found, nearer = nearest_rows(
        vectors[kept], vectors[changed], wanted.metric, min(top_k, len(changed))
    )
    all_rows = np.hstack([nearest[kept], changed[found]])
    all_distances = np.hstack([distances[kept], nearer])
    order = np.lexsort((all_rows, all_distances), axis=1)[:, :top_k]
    nearest[kept] = np.take_along_axis(all_rows, order, axis=1)
    distances[kept] = np.take_along_axis(all_distances, order, axis=1)
    has_nearer = (order >= top_k).any(axis=1)
    written = np.concatenate([stale, kept[has_nearer]])
    return written, nearest[written], distances[written]


def _positions(values: pa.ChunkedArray, names: pa.Array) -> NDArray[np.intp]:
    """Look each value up among the names; −1 where it is not there."""
    found = pc.fill_null(pc.index_in(values, names), -1)
    return np.array(found.to_numpy(), dtype=np.intp)
