"""The nearest fellow of each scenario within its own set: the yardstick of nearness."""

import numpy as np
from numpy.typing import NDArray

from python_encoders.search.distances import Floats, Rows, nearest_rows


def nearest_fellows(
    vectors: NDArray[np.float32], days: NDArray[np.datetime64], metric: str
) -> tuple[Rows, Floats]:
    """Find each scenario's nearest in its own set, without itself and what overlaps it.

    Rolling windows share days with their neighbours. Their distance would say how far the
    window has rolled, not how alike two events are.

    Parameters
    ----------
    vectors : ndarray of shape (M, D), float32
    days : ndarray of shape (M, 2), datetime64[D]
        First and last day of each window. A window without days (NaT) overlaps only itself.
    metric : str

    Returns
    -------
    ndarray of shape (M,), int
        Positions of the nearest fellows.
    ndarray of shape (M,), float64
        Their distances. Infinite where there is no fellow.
    """
    first, last = days[:, 0], days[:, 1]
    each = np.arange(len(vectors))

    def is_same_window(block: slice) -> NDArray[np.bool_]:
        is_self = each[block, None] == each
        # A comparison with NaT is false.
        overlaps = (first[block, None] <= last) & (first <= last[block, None])
        left_out: NDArray[np.bool_] = is_self | overlaps
        return left_out

    rows, distances = nearest_rows(vectors, vectors, metric, is_left_out=is_same_window)
    return rows[:, 0], distances[:, 0]
