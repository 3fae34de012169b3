"""The vectors nearest to one, by name."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from python_encoders.search.distances import nearest_rows


class Neighbour(NamedTuple):
    """A name and its distance from the query."""

    distance: float
    name: str


def nearest(
    query: NDArray[np.float32],
    vectors: NDArray[np.float32],
    names: Sequence[str],
    top_k: int,
    metric: str,
) -> list[Neighbour]:
    """Find the vectors nearest to a query.

    Parameters
    ----------
    query : ndarray of shape (D,), float32
    vectors : ndarray of shape (M, D), float32
    names : sequence of M str
    top_k : int
    metric : str
        ``l2``, or ``cosine`` for 1 − cosine. Vectors of zeros have no direction, so
        ``cosine`` leaves them out, and a query of zeros has no neighbours.

    Returns
    -------
    list of Neighbour
        The nearest first, ``top_k`` at most.
    """
    # Names decide between equal distances.
    by_name = sorted(range(len(names)), key=names.__getitem__)
    if metric == "cosine":
        has_direction = set(np.flatnonzero(vectors.any(axis=1)).tolist())
        by_name = [row for row in by_name if row in has_direction and query.any()]
    if not by_name:
        return []
    rows, distances = nearest_rows(query[None], vectors[by_name], metric, top_k)
    return [
        Neighbour(distance, names[by_name[row]])
        for row, distance in zip(rows[0].tolist(), distances[0].tolist(), strict=True)
        if distance < np.inf
    ]
