"""Vectors as whole numbers: sums of their distances are the same on every machine.

Whole numbers of at most 2²⁰ have squared distances below 2⁵³, so a matrix product gives
these exactly, in any order: from every BLAS, thread count and block size.

What the rounding costs: a distance is off by at most √384 · 2⁻²⁰ = 1.9e-5 of the scale,
which is the smallest power of two above every value. For ``cosine``, the distance between
the two directions is off by at most 5.6e-5.
"""

import numpy as np
from numpy.typing import NDArray

from python_encoders.search.distances import Floats

_BITS = 20


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
