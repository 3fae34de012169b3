"""Arrow batches of panels to Arrow batches of vectors, the same on both engines."""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from python_encoders.encoders import (
    DIMENSION,
    ENCODERS,
    SEPARATOR,
    Panels,
    cells_dropped,
    squared_return_dropped,
)


def same_axis(batch: pa.RecordBatch) -> Iterator[tuple[pa.RecordBatch, Panels, list[str]]]:
    """Cut a batch where the panels' shape or axis changes. View each piece as one array.

    Yields
    ------
    pyarrow.RecordBatch
        The rows of the piece, B of them.
    ndarray of shape (B, H, N), float64
        Their panels, without a copy.
    list of N str
        The ids of their series.

    Raises
    ------
    ValueError
        When a panel does not have H·N cells.
    """
    if not batch.num_rows:
        return
    axes = pc.binary_join(batch["series_ids"], SEPARATOR)
    is_change = (
        pc.not_equal(axes[1:], axes[:-1]).to_numpy(zero_copy_only=False)
        | np.diff(batch["horizon_days"]).astype(bool)
        | np.diff(batch["num_series"]).astype(bool)
    )
    bounds = [0, *(np.flatnonzero(is_change) + 1).tolist(), batch.num_rows]
    for first, end in itertools.pairwise(bounds):
        rows = batch.slice(first, end - first)
        cells = rows["panel"].flatten().to_numpy(zero_copy_only=True)
        shape = rows["horizon_days"][0].as_py(), rows["num_series"][0].as_py()
        yield rows, cells.reshape(end - first, *shape), rows["series_ids"][0].as_py()


def _vectors_of_piece(
    model_id: str, rows: pa.RecordBatch, panels: Panels, series_ids: list[str]
) -> pa.RecordBatch:
    encoder = ENCODERS[model_id]
    vectors = encoder.encode(panels, series_ids)
    num_rows, num_cells = len(panels), panels[0].size
    return pa.RecordBatch.from_pydict(
        {
            **{
                name: rows[name]
                for name in (
                    "scenario_set_id",
                    "scenario_id",
                    "as_of_date",
                    "horizon_days",
                    "num_series",
                    "panel_fingerprint",
                )
            },
            "is_scaled": pc.is_valid(rows["divisors"]),
            "model_id": pa.repeat(model_id, num_rows),
            "cells_dropped": pa.repeat(
                pa.scalar(cells_dropped(encoder, num_cells), pa.int32()), num_rows
            ),
            "squared_return_dropped": squared_return_dropped(encoder, panels),
            "embedding": pa.FixedSizeListArray.from_arrays(
                pa.array(vectors.ravel()), DIMENSION
            ),
        }
    )


def vectors_of(model_ids: Sequence[str], batch: pa.RecordBatch) -> pa.RecordBatch:
    """Encode one batch of panels into rows of vectors.

    Parameters
    ----------
    model_ids : sequence of str
    batch : pyarrow.RecordBatch
        Its column is_pending (list of bool, in the order of ``model_ids``) says which
        vectors of a panel are pending.

    Returns
    -------
    pyarrow.RecordBatch
        One row per vector. The column embedding is a list of 384 float32.
    """
    is_pending = batch["is_pending"].flatten().to_numpy(zero_copy_only=False)
    return pa.concat_batches(
        _vectors_of_piece(model_id, *piece)
        for model_id, mask in zip(
            model_ids, is_pending.reshape(-1, len(model_ids)).T, strict=True
        )
        for piece in same_axis(batch if mask.all() else batch.filter(pa.array(mask)))
    )


def stream_vectors(
    model_ids: Sequence[str], batches: Iterator[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    """Encode batch after batch: the function for ``mapInArrow`` on Spark's workers."""
    for batch in batches:
        vectors = vectors_of(model_ids, batch)
        # Spark knows no list of a fixed size.
        place = vectors.schema.get_field_index("embedding")
        lists = vectors["embedding"].cast(pa.list_(pa.float32()))
        yield vectors.set_column(place, "embedding", lists)
