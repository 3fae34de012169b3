"""Encode what is pending: panels stream in, vectors stream out, a batch at a time."""

import itertools
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from python_encoders import store
from python_encoders.connection import connect
from python_encoders.encoders import (
    DIMENSION,
    ENCODERS,
    Encoder,
    Panels,
    cells_dropped,
    squared_return_dropped,
)


class Encoded(NamedTuple):
    """What an encoder run did: how many vectors it wrote, and how many it pruned."""

    num_written: int
    num_pruned: int


def same_shaped(batch: pa.RecordBatch) -> Iterator[tuple[pa.RecordBatch, Panels]]:
    """Cut a batch where the panels' shape changes; view each piece as one array.

    Yields
    ------
    pyarrow.RecordBatch
        The rows of the piece, B of them.
    ndarray of shape (B, H, N), float64
        Their panels, without a copy.

    Raises
    ------
    ValueError
        When a panel does not have H·N cells.
    """
    if not batch.num_rows:
        return
    shapes = np.column_stack([batch["horizon_days"], batch["num_series"]])
    changes = np.flatnonzero((shapes[1:] != shapes[:-1]).any(axis=1)) + 1
    bounds = [0, *changes.tolist(), batch.num_rows]
    for first, end in itertools.pairwise(bounds):
        rows = batch.slice(first, end - first)
        cells = rows["panel"].flatten().to_numpy(zero_copy_only=True)
        yield rows, cells.reshape(end - first, *shapes[first])


def vectors_of(model_id: str, encoder: Encoder, batch: pa.RecordBatch) -> pa.RecordBatch:
    """Encode one batch of panels into the rows that ``store.write_vectors`` takes."""
    pieces = []
    for rows, panels in same_shaped(batch):
        vectors = encoder.encode(panels)
        num_rows, num_cells = len(panels), panels[0].size
        pieces.append(
            pa.RecordBatch.from_pydict(
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
        )
    return pa.concat_batches(pieces)


def encode(scope: store.Scope, on_progress: Callable[[int, int], None]) -> Encoded:
    """Write the vectors that are pending in scope, and prune those of no panel.

    Each batch is committed on its own, so a run that is killed has done what it has
    written, and the next one goes on from there. The caller holds the model's lock.

    Parameters
    ----------
    scope : store.Scope
    on_progress : callable
        Told how many vectors are written, and of how many, after each batch.

    Returns
    -------
    Encoded
    """
    encoder = ENCODERS[scope.model_id]
    num_written = 0
    with connect() as reading, connect() as writing:
        num_pruned = store.prune(writing, scope)
        with store.pending_panels(reading, scope) as (num_pending, batches):
            if num_pending:
                store.create_staging(writing)
                on_progress(0, num_pending)
                for batch in batches:
                    store.write_vectors(writing, vectors_of(scope.model_id, encoder, batch))
                    num_written += batch.num_rows
                    on_progress(num_written, num_pending)
    return Encoded(num_written, num_pruned)
