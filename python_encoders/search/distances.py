"""Distances between many vectors, the same on every machine.

Vectors become whole numbers of at most 2²⁰. A squared distance is then a sum of whole
numbers below 2⁵³, so a matrix product gives it exactly, in any order: from every BLAS,
thread count and block size.

What the rounding costs: a distance is off by at most √384 · 2⁻²⁰ = 1.9e-5 of the scale,
which is the smallest power of two above every value. For ``cosine``, the distance between
the two directions is off by at most 5.6e-5. Rounded distances decide the order, and the
order of the rows decides between equal ones. ``exact_distances`` gives the distance to
show.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from python_encoders.search.similarity import exact_distance

_BITS = 20
# A block of distances takes 64 MB.
_BLOCK_CELLS = 2**23

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]


def whole_vectors(vectors: NDArray[np.float32], metric: str) -> Floats:
    """Turn vectors into whole numbers whose squared distances are exact.

    Parameters
    ----------
    vectors : ndarray of shape (M, D), float32
        All vectors that will be compared, since they share a scale. D is 384 at most.
    metric : str
        ``l2``, or ``cosine``: each vector then has the length 2²⁰, up to rounding, and half
        of a squared distance is 1 − cosine. No vector may be all zeros.

    Returns
    -------
    ndarray of shape (M, D), float64
    """
    wide = vectors.astype(np.float64)
    largest = np.abs(wide).max(axis=1, keepdims=True, initial=0.0)
    if metric == "l2":
        largest = largest.max(axis=0, keepdims=True, initial=0.0)
    _, exponents = np.frexp(largest)
    whole: Floats = np.rint(np.ldexp(wide, _BITS - exponents))
    if metric == "cosine":
        lengths = np.sqrt(np.square(whole).sum(axis=1, keepdims=True))
        whole = np.rint(whole / lengths * 2.0**_BITS)
    return whole


def squared_distances(rows: Floats, others: Floats) -> Floats:
    """Measure the squared distance of each row to each other, exactly.

    Parameters
    ----------
    rows : ndarray of shape (A, D), float64
    others : ndarray of shape (B, D), float64
        Both from one call of ``whole_vectors``.

    Returns
    -------
    ndarray of shape (A, B), float64
    """
    squared: Floats = rows @ others.T
    squared *= -2.0
    squared += np.square(rows).sum(axis=1)[:, None]
    squared += np.square(others).sum(axis=1)
    return squared


def whole_distances(squared: Floats, metric: str) -> Floats:
    """Turn exact squared distances into whole distances below 2²⁶, whose sums are exact.

    The unit is 2⁻²⁰ of the scale for ``l2`` and 2⁻²⁵ for ``cosine``.
    """
    if metric == "l2":
        return np.rint(np.sqrt(squared))
    return np.rint(np.minimum(squared, 2.0 ** (2 * _BITS + 2)) * 2.0 ** (4 - _BITS))


def nearest_rows(
    queries: Floats,
    candidates: Floats,
    num_nearest: int = 1,
    is_left_out: Callable[[slice], NDArray[np.bool_]] | None = None,
) -> tuple[Rows, Floats]:
    """Find the nearest candidates of each query, in blocks of bounded memory.

    Parameters
    ----------
    queries : ndarray of shape (A, D), float64
    candidates : ndarray of shape (B, D), float64
        Both from one call of ``whole_vectors``. B is 1 at least.
    num_nearest : int
        K. Each costs a pass over the distances, so it is meant to be small.
    is_left_out : callable, optional
        Tells for a slice of a queries which candidates are none of theirs, as an array of
        shape (a, B).

    Returns
    -------
    ndarray of shape (A, K), int
        Positions in the candidates, the nearest first, the first of equal ones first.
    ndarray of shape (A, K), float64
        Their squared distances; infinite where no candidate is left.
    """
    rows = np.empty((len(queries), num_nearest), dtype=np.intp)
    distances = np.empty((len(queries), num_nearest))
    step = max(1, _BLOCK_CELLS // len(candidates))
    for first in range(0, len(queries), step):
        block = slice(first, min(first + step, len(queries)))
        squared = squared_distances(queries[block], candidates)
        if is_left_out is not None:
            squared[is_left_out(block)] = np.inf
        each = np.arange(len(squared))
        for place in range(num_nearest):
            # argmin gives the first of equal ones.
            best = squared.argmin(axis=1)
            rows[block, place] = best
            distances[block, place] = squared[each, best]
            squared[each, best] = np.inf
    return rows, distances


def exact_distances(
    vectors: NDArray[np.float32], others: NDArray[np.float32], metric: str
) -> Floats:
    """Measure the distance of each vector to its other one, as ``similar`` shows it.

    Parameters
    ----------
    vectors, others : ndarray of shape (M, D), float32
    metric : str

    Returns
    -------
    ndarray of shape (M,), float64
    """
    pairs: Any = zip(vectors, others, strict=True)
    return np.array(
        [
            exact_distance(one.astype(np.float64), other.astype(np.float64), metric)
            for one, other in pairs
        ],
        dtype=np.float64,
    )
