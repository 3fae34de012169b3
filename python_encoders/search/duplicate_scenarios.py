"""Which scenarios are there twice, or nearly."""

import numpy as np
import pyarrow as pa
from adbc_driver_manager.dbapi import Connection
from numpy.typing import NDArray

from python_encoders.encoders import panel_sketch
from python_encoders.errors import WrongUsageError
from python_encoders.search.distances import exact_distances, nearest_rows
from python_encoders.search.stored_vectors import as_matrix, vectors


def duplicates(
    connection: Connection,
    scenario_set_id: str | None = None,
    model_id: str = panel_sketch.MODEL_ID,
    within: float = 0.01,
) -> pa.Table:
    """List the scenarios that repeat an earlier one, within a set or across all sets.

    Parameters
    ----------
    connection : Connection
    scenario_set_id : str or None
        One set, or all of them.
    model_id : str
        The encoder whose vectors tell what is near. Identical panels do not depend on it.
    within : float
        Two scenarios are nearly the same where their L2 distance is at most this share of
        the length of the longer vector.

    Returns
    -------
    pyarrow.Table
        One row per scenario that repeats an earlier one: entity_id, duplicate_of (entity
        id), is_identical (the panels have one fingerprint: the same returns of the same
        series), distance (L2) and share (of the length of the longer vector). Identical
        ones first, each with the first of its fingerprint. Then near ones, each with the
        nearest earlier one. Of identical panels the first alone is looked at. Earlier is
        by set id, then in the order of the set.

    Raises
    ------
    WrongUsageError
        Unknown model or set, no vectors, or a share that is not between 0 and 1.
    WorkFailedError
        Nothing is built yet.
    """
    if not 0.0 <= within <= 1.0:
        raise WrongUsageError(f"within is a share from 0 to 1, not {within}")
    table = vectors(connection, model_id, scenario_set_id)
    if not table.num_rows:
        where = scenario_set_id or "any set"
        raise WrongUsageError(f"no vector of {where} by {model_id}; `backfill` writes them")
    entities = np.array(table["entity_id"].to_pylist(), dtype=object)
    prints = table["panel_fingerprint"].combine_chunks().dictionary_encode()
    codes = prints.indices.to_numpy(zero_copy_only=False)
    _, first_of_code = np.unique(codes, return_index=True)
    # Fingerprints are numbered as they appear, so that a code finds its first row.
    first_rows = first_of_code[codes]
    copies = np.flatnonzero(first_rows != np.arange(len(codes)))

    originals = np.sort(first_of_code)
    matrix = as_matrix(table)
    each = np.arange(len(originals))

    def is_not_earlier(block: slice) -> NDArray[np.bool_]:
        left_out: NDArray[np.bool_] = each >= each[block, None]
        return left_out

    rows, apart = (
        found[:, 0]
        for found in nearest_rows(
            matrix[originals], matrix[originals], "l2", is_left_out=is_not_earlier
        )
    )
    lengths = exact_distances(matrix, np.zeros_like(matrix), "l2")
    longer = np.maximum(lengths[originals], lengths[originals[rows]])
    near = np.flatnonzero(apart <= within * longer)

    repeats = np.concatenate([copies, originals[near]])
    earlier = np.concatenate([first_rows[copies], originals[rows[near]]])
    distance = exact_distances(matrix[repeats], matrix[earlier], "l2")
    length = np.maximum(lengths[repeats], lengths[earlier])
    return pa.table(
        {
            "entity_id": pa.array(entities[repeats], pa.string()),
            "duplicate_of": pa.array(entities[earlier], pa.string()),
            "is_identical": np.arange(len(repeats)) < len(copies),
            "distance": distance,
            "share": distance / np.where(length > 0.0, length, 1.0),
        }
    )
