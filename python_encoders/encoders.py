"""The table of encoders: pure functions from batches of panels to vectors.

An encoder's bytes are its contract. A change that alters one bit of one vector is a new
``model_id``.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from python_encoders import panel_sketch, stress_shape
from python_encoders.errors import WrongUsageError

DIMENSION = 384

Panels = NDArray[np.float64]
Vectors = NDArray[np.float32]


class Encoder(NamedTuple):
    """One entry of the table of encoders.

    Attributes
    ----------
    encode : callable
        Maps panels, ndarray of shape (B, H, N), float64, and the ids of their N series to
        vectors, ndarray of shape (B, 384), float32. Row b depends on panel b and the ids
        alone. A panel that the encoder is not defined for is a ValueError.
    cells_seen : int or None
        How many cells of a panel, in row-major order, the encoder sees; None: all.
    keeps, good_for, bad_at : str
        What to tell people who choose a model.
    """

    encode: Callable[[Panels, Sequence[str]], Vectors]
    cells_seen: int | None
    keeps: str
    good_for: str
    bad_at: str


def flatten_and_pad(panels: Panels, series_ids: Sequence[str]) -> Vectors:
    """Flatten each panel row by row, keep the first 384 cells, pad with zeros.

    Parameters
    ----------
    panels : ndarray of shape (B, H, N), float64
        Simple returns or shocks in decimals, day by day.
    series_ids : sequence of N str
        Not looked at: this encoder knows a series by its position.

    Returns
    -------
    ndarray of shape (B, 384), float32

    Raises
    ------
    ValueError
        When a value that is kept is beyond the range of float32.
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


def cells_dropped(encoder: Encoder, num_cells: int) -> int:
    """Count the cells of a panel of ``num_cells`` that the encoder does not see."""
    seen = num_cells if encoder.cells_seen is None else encoder.cells_seen
    return max(0, num_cells - seen)


def squared_return_dropped(encoder: Encoder, panels: Panels) -> NDArray[np.float64]:
    """Measure what the encoder does not see, as a share of the squared return.

    Parameters
    ----------
    encoder : Encoder
    panels : ndarray of shape (B, H, N), float64

    Returns
    -------
    ndarray of shape (B,), float64
        Between 0 and 1, to six decimals; 0 for a panel of zeros.
    """
    cells = panels.reshape(len(panels), -1)
    dropped = cells_dropped(encoder, cells.shape[1])
    if not dropped:
        return np.zeros(len(panels))
    # Scaled first: the square of a large return would leave float64.
    scale = np.abs(cells).max(axis=1, keepdims=True)
    squares = np.square(np.divide(cells, scale, out=np.zeros_like(cells), where=scale > 0))
    total = squares.sum(axis=1)
    unseen = squares[:, -dropped:].sum(axis=1)
    share: NDArray[np.float64] = np.zeros(len(panels))
    np.divide(unseen, total, out=share, where=total > 0)
    return share.round(6)


ENCODERS: dict[str, Encoder] = {
    "num-scenario-core-v1": Encoder(
        encode=flatten_and_pad,
        cells_seen=DIMENSION,
        keeps="the first 384 cells, day by day, bit for bit as float32",
        good_for="panels of up to 384 cells over one fixed universe: lossless there",
        bad_at="longer panels (the rest is dropped) and sets with different universes",
    ),
    panel_sketch.MODEL_ID: Encoder(
        encode=panel_sketch.panel_sketch,
        cells_seen=None,
        keeps="the market's first 64 days exactly, every other cell in 320 signed sums",
        good_for="what happened: near returns, duplicates, series missing, other universes",
        bad_at="the same stress some days earlier or later: it is day-aligned",
    ),
    stress_shape.MODEL_ID: Encoder(
        encode=stress_shape.stress_shape,
        cells_seen=None,
        keeps="drawdown, run-up, extremes, volatility and path of market and series",
        good_for="what kind of stress: type, regime, shape of the path, small day shifts",
        bad_at="distances of returns: L2 between vectors is not L2 between panels",
    ),
}


def check_models(model_ids: Iterable[str]) -> None:
    """Check that these are encoders.

    Raises
    ------
    WrongUsageError
        Says which encoders there are.
    """
    for model_id in model_ids:
        if model_id not in ENCODERS:
            raise WrongUsageError(
                f"unknown model {model_id!r}; there are: {', '.join(sorted(ENCODERS))}"
            )
