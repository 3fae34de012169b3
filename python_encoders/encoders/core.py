"""``num-scenario-core-v1``: the cells themselves, flattened and padded to 384.

The encoder that upstream calls ``PadToDimNumericEmbeddingModel``.
"""

import math
from collections.abc import Sequence

import numpy as np

from python_encoders.encoders.arrays import DIMENSION, Panels, Vectors

MODEL_ID = "num-scenario-core-v1"


def flatten_and_pad(panels: Panels, series_ids: Sequence[str]) -> Vectors:
    """Flatten each panel row by row, keep the first 384 cells, pad with zeros.

    Parameters
    ----------
    panels : ndarray of shape (B, H, N), float64
        Simple returns or shocks in decimals, day by day.
    series_ids : sequence of N str
        Not used: this encoder knows a series by its position.

    Returns
    -------
    ndarray of shape (B, 384), float32

    Raises
    ------
    ValueError
        A kept value is beyond the range of float32.
    """
    kept = panels.reshape(len(panels), math.prod(panels.shape[1:]))[:, :DIMENSION]
    vectors = np.zeros((len(panels), DIMENSION), dtype=np.float32)
    with np.errstate(over="ignore"):
        vectors[:, : kept.shape[1]] = kept
    if not np.isfinite(vectors).all():
        panel, cell = np.argwhere(~np.isfinite(vectors))[0]
        raise ValueError(
            f"cell {cell} of panel {panel} is {kept[panel, cell]}, beyond float32"
        )
    return vectors
