"""The table of encoders, by ``model_id``."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from python_encoders.encoders import core, panel_sketch, stress_shape, stress_shape_v2
from python_encoders.encoders.arrays import DIMENSION, Panels, Vectors
from python_encoders.errors import WrongUsageError


class Encoder(NamedTuple):
    """One entry of the table of encoders.

    Attributes
    ----------
    encode : callable
        Maps panels, ndarray of shape (B, H, N), float64, and the ids of their N series to
        vectors, ndarray of shape (B, 384), float32. Row b depends on panel b and the ids
        alone. Raises ValueError for a panel that the encoder is not defined for.
    cells_seen : int or None
        The number of cells of a panel, in row-major order, that the encoder keeps; None:
        all of them.
    keeps, good_for, bad_at : str
        Advice for the choice of a model.
    """

    encode: Callable[[Panels, Sequence[str]], Vectors]
    cells_seen: int | None
    keeps: str
    good_for: str
    bad_at: str


ENCODERS: dict[str, Encoder] = {
    core.MODEL_ID: Encoder(
        encode=core.flatten_and_pad,
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
    stress_shape_v2.MODEL_ID: Encoder(
        encode=stress_shape_v2.stress_shape_v2,
        cells_seen=None,
        keeps="the series' statistics, the market's days by size, its path at the turns",
        good_for="what kind of stress, whatever day it begins; crisis against calm",
        bad_at="distances of returns; with half the series missing, v1 is better",
    ),
}

# How many values of a vector, the first ones, look at no series' name. By block and model,
# the model that is asked by default first.
BLOCKS: dict[str, dict[str, int]] = {
    "market": {panel_sketch.MODEL_ID: panel_sketch.NUM_MARKET_DAYS},
    "shape": {
        stress_shape_v2.MODEL_ID: stress_shape_v2.NUM_SHAPE_VALUES,
        stress_shape.MODEL_ID: stress_shape.NUM_SHAPE_VALUES,
    },
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
