"""``num-scenario-panel-sketch-v1``: what happened, cell by cell.

The market mode of the first 64 days as it is, and 320 signed sums of what each series did
beside it: a random projection (Achlioptas 2003, Database-friendly random projections) whose
signs are hashed from the names of the cells.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from python_encoders.encoders.fixed_point import (
    UNIT,
    check_shape,
    project,
    whole_parts,
)

MODEL_ID = "num-scenario-panel-sketch-v1"
NUM_MARKET_DAYS = 64
NUM_SIGNS = 320
# A name that no series can have.
_MARKET = "\x00mkt"


def panel_sketch(
    panels: NDArray[np.float64], series_ids: Sequence[str]
) -> NDArray[np.float32]:
    """Sketch each panel: market mode in 64 values, residuals in 320.

    Parameters
    ----------
    panels : ndarray of shape (B, H, N), float64
        Simple returns or shocks in decimals, day by day.
    series_ids : sequence of N str

    Returns
    -------
    ndarray of shape (B, 384), float32
        Values 0 to 63: the mean return of each of the first 64 days, zero-padded. Values
        64 to 383: signed sums of the residuals over √(320·N), plus those of the market
        mode after day 64 over √320. The L2 distance of two vectors estimates the root
        of the sum over days of the mean squared difference over series.

    Raises
    ------
    ValueError
        When the sketch is not defined for a panel. Names the cell or id at fault.
    """
    check_shape(panels, series_ids)
    num_panels, num_days, num_series = panels.shape
    market = np.empty((num_panels, num_days))
    residual = np.empty(panels.shape)
    for part, whole, mode in whole_parts(panels, series_ids):
        market[part] = mode
        np.subtract(whole, mode[:, :, None], out=residual[part])

    vectors = np.zeros((num_panels, NUM_MARKET_DAYS + NUM_SIGNS), dtype=np.float32)
    vectors[:, : min(num_days, NUM_MARKET_DAYS)] = UNIT * market[:, :NUM_MARKET_DAYS]
    signed = project(residual, MODEL_ID, range(num_days), series_ids, NUM_SIGNS) * (
        UNIT / math.sqrt(NUM_SIGNS * num_series)
    )
    if num_days > NUM_MARKET_DAYS:
        days = range(NUM_MARKET_DAYS, num_days)
        later = market[:, NUM_MARKET_DAYS:, None]
        signed += project(later, MODEL_ID, days, [_MARKET], NUM_SIGNS) * (
            UNIT / math.sqrt(NUM_SIGNS)
        )
    vectors[:, NUM_MARKET_DAYS:] = signed
    return vectors
