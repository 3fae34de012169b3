"""``num-scenario-stress-shape-v2``: what kind of stress it is, whatever its day.

The spread of the series' statistics, the market's days by size, its path around trough and
crest, its path as it runs, and signed sums of how each series differs from the market.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from python_encoders.encoders.fixed_point import UNIT, Whole, project
from python_encoders.encoders.stress_shape import (
    market_and_series,
    path_days,
    weights,
)

MODEL_ID = "num-scenario-stress-shape-v2"
# The values before the signed sums look at no series' name.
NUM_SHAPE_VALUES = 102
NUM_SIGNS = 282
# Rows of signs: 0 to 15 are the path days.
_SUM_ROWS = range(16, 19)
_EXTREME_ROWS = range(19, 22)


def _around(path: Whole, turns: NDArray[np.intp]) -> Whole:
    """Measure the path around one of its days, on eight days relative to that day's level.

    Parameters
    ----------
    path : ndarray of shape (B, H + 1), float64
        From 0 on.
    turns : ndarray of shape (B,), int
        A day of each path.

    Returns
    -------
    ndarray of shape (B, 8), float64
        Whole numbers, at about 1/2, 1/4, 1/8 and 1/16 of the horizon before, and as far
        after. A day beyond the path is its first or last.
    """
    num_days = path.shape[1] - 1
    after = [max(1, (2**b * num_days + 8) // 16) for b in range(4)]
    offsets = np.array([-days for days in reversed(after)] + after)
    days = np.clip(turns[:, None] + offsets, 0, num_days)
    level = np.take_along_axis(path, turns[:, None], axis=1)
    relative: Whole = np.take_along_axis(path, days, axis=1) - level
    return relative


def _signed_sums(
    beside_market: Whole, statistics: Whole, num_days: int, series_ids: Sequence[str]
) -> NDArray[np.float64]:
    """Project how each series differs from the others, shape (B, 282)."""
    num_path_days, num_series = beside_market.shape[1:]
    mean = np.rint(statistics.sum(axis=2, keepdims=True) / num_series)
    beside_mean = (statistics - mean).swapaxes(0, 1)
    beside_mean[:, 5] *= 2.0
    of_paths = project(beside_market, MODEL_ID, range(num_path_days), series_ids, NUM_SIGNS)
    of_sums = project(beside_mean[:, :3], MODEL_ID, _SUM_ROWS, series_ids, NUM_SIGNS)
    of_extremes = project(
        beside_mean[:, 3:], MODEL_ID, _EXTREME_ROWS, series_ids, NUM_SIGNS
    )
    of_paths *= 2.0 / math.sqrt(num_days * num_path_days)
    of_sums *= 1.0 / math.sqrt(num_days)
    of_extremes *= 0.5
    return ((of_paths + of_sums) + of_extremes) * (UNIT / math.sqrt(NUM_SIGNS * num_series))


def stress_shape_v2(
    panels: NDArray[np.float64], series_ids: Sequence[str]
) -> NDArray[np.float32]:
    """Describe the shape of each panel's stress, whatever day it begins.

    Parameters
    ----------
    panels : ndarray of shape (B, H, N), float64
        Simple returns or shocks in decimals, day by day.
    series_ids : sequence of N str

    Returns
    -------
    ndarray of shape (B, 384), float32
        0 to 53: nine order statistics over the series of six statistics each. 54 to 69:
        the market's days, sorted, at 16 ranks. 70 to 77: the market's path around the end
        of its largest fall. 78 to 85: around the end of its largest rise. 86 to 101: the
        market's path on up to 16 days. 102 to 383: signed sums of what is each series' own.

    Raises
    ------
    ValueError
        When the sketch is not defined for a panel. Names the cell or id at fault.
    """
    num_panels, num_days, num_series = panels.shape
    market, statistics, beside_market = market_and_series(panels, series_ids)
    vectors = np.zeros((num_panels, 384), dtype=np.float32)
    vectors[:, NUM_SHAPE_VALUES:] = _signed_sums(
        beside_market, statistics, num_days, series_ids
    )

    weight = weights(num_days)
    statistics.sort(axis=2)
    for block in range(9):
        share = 1 / 8 if block in (0, 8) else 3 / 8
        rank = (block * (num_series - 1) + 4) // 8
        first = 6 * block
        vectors[:, first : first + 6] = ((share * weight) * statistics[:, :, rank]).T

    ranks = [(2 * j * (num_days - 1) + 15) // 30 for j in range(16)]
    vectors[:, 54:70] = UNIT * np.sort(market, axis=1)[:, ranks]

    path = np.zeros((num_panels, num_days + 1))
    np.cumsum(market, axis=1, out=path[:, 1:])
    drawdown = np.maximum.accumulate(path, axis=1) - path
    run_up = path - np.minimum.accumulate(path, axis=1)
    unit = UNIT / math.sqrt(num_days)
    vectors[:, 70:78] = unit * _around(path, drawdown.argmax(axis=1))
    vectors[:, 78:86] = unit * _around(path, run_up.argmax(axis=1))

    chosen = [day + 1 for day in path_days(num_days)]
    vectors[:, 86 : 86 + len(chosen)] = path[:, chosen] * (
        UNIT / math.sqrt(num_days * len(chosen))
    )
    return vectors
