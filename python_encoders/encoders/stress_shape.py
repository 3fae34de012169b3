"""``num-scenario-stress-shape-v1``: what kind of stress it is.

Drawdowns, extremes and volatility of the market mode and across the series, the path of the
market, and signed sums of the series' paths beside it.
"""

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from python_encoders.encoders.fixed_point import (
    UNIT,
    Whole,
    check_shape,
    project,
    whole_parts,
)

MODEL_ID = "num-scenario-stress-shape-v1"
# The values before the signed sums look at no series' name.
NUM_SHAPE_VALUES = 60
NUM_SIGNS = 324
_NUM_VOL_PARTS = 8
_MAX_PATH_DAYS = 16


def _six_statistics(days: Iterable[Whole], paths: dict[int, Whole]) -> Whole:
    """Compute six statistics along the days.

    Parameters
    ----------
    days : iterable of H ndarrays of one shape, float64
        The steps of each day, whole numbers.
    paths : dict of int to ndarray of that shape, float64
        Filled for the days, from 0, that it has: the running sum of the steps.

    Returns
    -------
    ndarray of shape (6, …), float64
        Whole numbers: the path's end, its largest drawdown and run-up (from 0 on), the
        smallest and the largest step, and the root mean square of the steps, rounded. No
        zero is negative.
    """
    for day, step in enumerate(days):
        if not day:
            path, highest, lowest, drawdown, run_up = np.zeros((5, *step.shape))
            smallest, largest = step.copy(), step.copy()
            scratch = np.empty(step.shape)
            # A sum of squares may pass 2⁵³, but not 2⁶³.
            squares, square = np.zeros((2, *step.shape), dtype=np.int64)
        path += step
        if day in paths:
            paths[day][...] = path
        np.maximum(highest, path, out=highest)
        np.maximum(drawdown, np.subtract(highest, path, out=scratch), out=drawdown)
        np.minimum(lowest, path, out=lowest)
        np.maximum(run_up, np.subtract(path, lowest, out=scratch), out=run_up)
        np.minimum(smallest, step, out=smallest)
        np.maximum(largest, step, out=largest)
        np.copyto(square, np.multiply(step, step, out=scratch), casting="unsafe")
        squares += square
    volatility = np.rint(np.sqrt(squares.astype(np.float64) / (day + 1)))
    return np.stack([path, drawdown, run_up, smallest, largest, volatility]) + 0.0


def path_days(num_days: int) -> list[int]:
    """List the last day, from 0, of each of up to 16 parts of the horizon."""
    num_parts = min(num_days, _MAX_PATH_DAYS)
    return [-(-(part + 1) * num_days // num_parts) - 1 for part in range(num_parts)]


def market_and_series(
    panels: NDArray[np.float64], series_ids: Sequence[str]
) -> tuple[Whole, Whole, Whole]:
    """Measure what both versions of the encoder describe.

    Parameters
    ----------
    panels : ndarray of shape (B, H, N), float64
        Simple returns or shocks in decimals, day by day.
    series_ids : sequence of N str

    Returns
    -------
    ndarray of shape (B, H), float64
        The market mode.
    ndarray of shape (6, B, N), float64
        Six statistics of each series.
    ndarray of shape (B, k, N), float64
        Each series' path beside the market's, on the k path days.

    Raises
    ------
    ValueError
        When the sketch is not defined for a panel. Names the cell or id at fault.
    """
    check_shape(panels, series_ids)
    num_panels, num_days, num_series = panels.shape
    chosen = path_days(num_days)
    market = np.empty((num_panels, num_days))
    statistics = np.empty((6, num_panels, num_series))
    beside_market = np.empty((num_panels, len(chosen), num_series))
    for part, whole, mode in whole_parts(panels, series_ids):
        market[part] = mode
        paths = {day: beside_market[part, j] for j, day in enumerate(chosen)}
        statistics[:, part] = _six_statistics(whole.swapaxes(0, 1), paths)
    beside_market -= market.cumsum(axis=1)[:, chosen, None]
    return market, statistics, beside_market


def weights(num_days: int) -> Whole:
    """Weigh the six statistics, shape (6, 1): ends and falls by 2/√H, extremes by 1."""
    a = 2.0 / math.sqrt(num_days)
    return (UNIT * np.array([a, a, a, 1.0, 1.0, 2.0]))[:, None]


def stress_shape(
    panels: NDArray[np.float64], series_ids: Sequence[str]
) -> NDArray[np.float32]:
    """Describe the shape of each panel's stress.

    Parameters
    ----------
    panels : ndarray of shape (B, H, N), float64
        Simple returns or shocks in decimals, day by day.
    series_ids : sequence of N str

    Returns
    -------
    ndarray of shape (B, 384), float32
        0 to 5: six statistics of the market mode. 6 to 13: its volatility in eight parts
        of the horizon. 14 to 19: the statistics' means over the series. 20 to 43: their
        minimum, lower and upper tenth, and maximum over the series. 44 to 59: the market's
        path on up to 16 days. 60 to 383: signed sums of the series' paths beside it.

    Raises
    ------
    ValueError
        When the sketch is not defined for a panel. Names the cell or id at fault.
    """
    num_panels, num_days, num_series = panels.shape
    market, statistics, beside_market = market_and_series(panels, series_ids)
    chosen = path_days(num_days)
    num_path_days = len(chosen)
    market_path = market.cumsum(axis=1)[:, chosen]

    weight = weights(num_days)
    vectors = np.zeros((num_panels, 384), dtype=np.float32)

    vectors[:, 0:6] = (weight * _six_statistics(market.T, {})).T
    for part_of_horizon in range(_NUM_VOL_PARTS):
        first = part_of_horizon * num_days // _NUM_VOL_PARTS
        end = max((part_of_horizon + 1) * num_days // _NUM_VOL_PARTS, first + 1)
        days = market[:, first:end].astype(np.int64)
        mean_square = (days * days).sum(axis=1).astype(np.float64) / (2.0 * (end - first))
        vectors[:, 6 + part_of_horizon] = UNIT * np.sqrt(mean_square)

    vectors[:, 14:20] = (0.5 * weight * (statistics.sum(axis=2) / num_series)).T
    statistics.sort(axis=2)
    tenth = num_series // 10
    for block, rank in enumerate([0, tenth, num_series - 1 - tenth, num_series - 1]):
        first = 20 + 6 * block
        vectors[:, first : first + 6] = (0.25 * weight * statistics[:, :, rank]).T

    vectors[:, 44 : 44 + num_path_days] = (4.0 * UNIT * market_path) / math.sqrt(
        num_days * num_path_days
    )
    vectors[:, NUM_SHAPE_VALUES:] = project(
        beside_market, MODEL_ID, range(num_path_days), series_ids, NUM_SIGNS
    ) * (4.0 * UNIT / math.sqrt(num_days * num_path_days * num_series * NUM_SIGNS))
    return vectors
