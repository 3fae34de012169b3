"""The nearest fellow of each scenario within its own set: the yardstick of nearness."""

import numpy as np
from numpy.typing import NDArray

from python_encoders.search.distances import Floats, Rows, nearest_rows


def nearest_fellows(whole: Floats, days: NDArray[np.datetime64]) -> tuple[Rows, Floats]:
    """Find each scenario's nearest in its own set, without itself and what overlaps it.

    Rolling windows share days with their neighbours. Their distance would say how far the
    window has rolled, not how alike two events are.

    Parameters
    ----------
    whole : ndarray of shape (M, D), float64
        From ``whole_vectors``.
    days : ndarray of shape (M, 2), datetime64[D]
        First and last day of each window. A window without days (NaT) overlaps only itself.

    Returns
    -------
    ndarray of shape (M,), int
        Positions of the nearest fellows.
    ndarray of shape (M,), float64
        Their squared distances; infinite where there is no fellow.
    """
    first, last = days[:, 0], days[:, 1]
    each = np.arange(len(whole))

    def is_same_window(block: slice) -> NDArray[np.bool_]:
        is_self = each[block, None] == each
        # A comparison with NaT is false.
        overlaps = (first[block, None] <= last) & (first <= last[block, None])
        left_out: NDArray[np.bool_] = is_self | overlaps
        return left_out

    rows, squared = nearest_rows(whole, whole, is_left_out=is_same_window)
    return rows[:, 0], squared[:, 0]
