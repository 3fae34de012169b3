"""The vectors nearest to one, with distances that are the same on every machine.

A fast pass finds the candidates. A second pass computes their distances with every sum
rounded once (``math.fsum``). These decide the order, and names decide between equal ones.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# The largest error of float32 arithmetic, such as pgvector's, over 384 dimensions whose
# squares it can hold: relative for an L2 distance, absolute for a cosine distance.
TOLERANCE = 1e-4


class Neighbour(NamedTuple):
    """A name and its distance from the query."""

    distance: float
    name: str


def _fast_distances(
    query: NDArray[np.float64], vectors: NDArray[np.float64], metric: str
) -> NDArray[np.float64]:
    if metric == "l2":
        distances: NDArray[np.float64] = np.linalg.norm(vectors - query, axis=1)
        return distances
    norms = np.linalg.norm(vectors, axis=1) * np.linalg.norm(query)
    similarity = np.full(len(vectors), np.nan)
    np.divide(vectors @ query, norms, out=similarity, where=norms > 0)
    return 1.0 - similarity


def exact_distance(
    query: NDArray[np.float64], vector: NDArray[np.float64], metric: str
) -> float:
    """Measure the distance of two vectors, with every sum rounded once."""
    if metric == "l2":
        return math.sqrt(math.fsum((vector - query) ** 2))
    # One root of the product: for a vector and itself it is the sum, and the distance 0.
    norms = math.sqrt(math.fsum(vector**2) * math.fsum(query**2))
    similarity = math.fsum(vector * query) / norms
    return 1.0 - min(1.0, similarity)


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
        ``cosine`` leaves them out.

    Returns
    -------
    list of Neighbour
        The nearest first, ``top_k`` at most.
    """
    wide_query, wide = query.astype(np.float64), vectors.astype(np.float64)
    fast = _fast_distances(wide_query, wide, metric)
    known = fast[~np.isnan(fast)]
    if not known.size:
        return []
    bound = np.partition(known, min(top_k, known.size) - 1)[min(top_k, known.size) - 1]
    # The fast distances are of float64: this is ample.
    candidates = np.flatnonzero(fast <= bound + TOLERANCE * max(bound, TOLERANCE))
    return sorted(
        Neighbour(exact_distance(wide_query, wide[row], metric), names[row])
        for row in candidates.tolist()
    )[:top_k]
