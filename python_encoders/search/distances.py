"""Distances between many vectors and the nearest of each, the same on every machine.

Every sum of a distance is rounded once. A matrix product bounds the distances of all pairs,
and only pairs that may be among the nearest are measured so.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

# A block of bounds takes 32 MB, a block of pairs 4 MB.
_BLOCK_CELLS = 2**22
_PAIR_CELLS = 2**19
# A product over 384 dimensions is off by less than 2e-13 of the squared norms, in whatever
# order a machine sums. This is ample.
_SLACK = 1e-12

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]


def rounded_sums(terms: Floats) -> Floats:
    """Sum each row and round once, as ``math.fsum`` does.

    Parameters
    ----------
    terms : ndarray of shape (P, D), float64
        D is 2,000 at most.

    Returns
    -------
    ndarray of shape (P,), float64
    """
    # What each addition loses is known exactly (Knuth's two-sum). The losses are summed
    # apart, with an error below 1e-26 of the sum of the terms' sizes.
    sums, losses = terms, np.zeros(len(terms))
    while sums.shape[1] > 1:
        half = (sums.shape[1] + 1) // 2
        one, other = sums[:, :half].copy(), sums[:, half:]
        both = one[:, : other.shape[1]]
        total = both + other
        added = total - both
        losses += ((both - (total - added)) + (other - added)).sum(axis=1)
        both[:] = total
        sums = one
    sums = sums[:, 0]
    doubt = 1e-26 * np.abs(terms).sum(axis=1)
    rounded: Floats = sums + losses
    for row in np.flatnonzero(sums + (losses - doubt) != sums + (losses + doubt)).tolist():
        rounded[row] = math.fsum(terms[row].tolist())
    return rounded


def exact_distances(
    vectors: NDArray[np.float32], others: NDArray[np.float32], metric: str
) -> Floats:
    """Measure the distance of each vector to its other one, with every sum rounded once.

    Parameters
    ----------
    vectors, others : ndarray of shape (M, D), float32
    metric : str
        ``l2``, or ``cosine`` for 1 − cosine. No vector may then be all zeros.

    Returns
    -------
    ndarray of shape (M,), float64
    """
    distances = np.empty(len(vectors))
    step = max(1, _PAIR_CELLS // max(1, vectors.shape[1]))
    for first in range(0, len(vectors), step):
        block = slice(first, first + step)
        one, other = (side[block].astype(np.float64) for side in (vectors, others))
        if metric == "l2":
            distances[block] = np.sqrt(rounded_sums(np.square(one - other)))
        else:
            squares = rounded_sums(np.square(one)) * rounded_sums(np.square(other))
            # One root of the product: for twins it is the sum, and the distance 0.
            cosines = rounded_sums(one * other) / np.sqrt(squares)
            distances[block] = 1.0 - np.minimum(1.0, cosines)
    return distances


def nearest_rows(
    queries: NDArray[np.float32],
    candidates: NDArray[np.float32],
    metric: str,
    num_nearest: int = 1,
    is_left_out: Callable[[slice], NDArray[np.bool_]] | None = None,
) -> tuple[Rows, Floats]:
    """Find the nearest candidates of each query, in blocks of bounded memory.

    Parameters
    ----------
    queries : ndarray of shape (A, D), float32
    candidates : ndarray of shape (B, D), float32
        B is 1 at least.
    metric : str
        ``l2``, or ``cosine`` for 1 − cosine. No vector may then be all zeros.
    num_nearest : int
        K.
    is_left_out : callable, optional
        Tells for a slice of a queries which candidates are none of theirs, as an array of
        shape (a, B).

    Returns
    -------
    ndarray of shape (A, K), int
        Positions in the candidates, the nearest first, the first of equal ones first.
    ndarray of shape (A, K), float64
        Their distances, as ``exact_distances`` measures them. Infinite where no candidate
        is left, and the position then means nothing.
    """
    rows = np.zeros((len(queries), num_nearest), dtype=np.intp)
    distances = np.full((len(queries), num_nearest), np.inf)
    directed_queries, directed = (_directed(side, metric) for side in (queries, candidates))
    squares, their_squares = (
        np.einsum("ij,ij->i", side, side) for side in (directed_queries, directed)
    )
    # The product of these is the squared distance less the slack.
    left = np.column_stack(
        [-2.0 * directed_queries, (1.0 - _SLACK) * squares, np.ones(len(queries))]
    )
    right = np.column_stack(
        [directed, np.ones(len(candidates)), (1.0 - _SLACK) * their_squares]
    )
    step = max(1, _BLOCK_CELLS // len(candidates))
    for first in range(0, len(queries), step):
        block = slice(first, min(first + step, len(queries)))
        at_least = left[block] @ right.T
        if is_left_out is not None:
            at_least[is_left_out(block)] = np.inf
        limits = _limits(at_least, squares[block], their_squares, num_nearest)
        asked, found = np.nonzero(at_least <= limits[:, None])
        kept = _first_of_twins(asked, found, candidates, num_nearest)
        asked, found = asked[kept] + first, found[kept]
        measured = exact_distances(queries[asked], candidates[found], metric)
        order = np.lexsort((found, measured, asked))
        places = _places_among_equals(asked[order])
        order, places = (one[places < num_nearest] for one in (order, places))
        rows[asked[order], places] = found[order]
        distances[asked[order], places] = measured[order]
    return rows, distances


def _directed(vectors: NDArray[np.float32], metric: str) -> Floats:
    """Give the vectors, or their directions: 1 − cosine is half their squared distance."""
    wide = vectors.astype(np.float64)
    if metric == "cosine":
        wide /= np.linalg.norm(wide, axis=1, keepdims=True)
    return wide


def _limits(
    at_least: Floats, squares: Floats, their_squares: Floats, num_nearest: int
) -> Floats:
    """Bound the squared distance of the last of the nearest, from above.

    The smallest of each of some chunks of a row are so many candidates, and mostly the
    nearest. To find them takes less than to sort a row partly.
    """
    num_rows, num_candidates = at_least.shape
    num_chunks = min(num_candidates, 8 * num_nearest)
    size = num_candidates // num_chunks
    chunks = at_least[:, : num_chunks * size].reshape(num_rows, num_chunks, size)
    best = chunks.argmin(axis=2) + size * np.arange(num_chunks)
    at_most = np.take_along_axis(at_least, best, axis=1)
    at_most += 2.0 * _SLACK * (squares[:, None] + their_squares[best])
    last = min(num_nearest, num_chunks) - 1
    limits: Floats = np.partition(at_most, last, axis=1)[:, last]
    # (What is left out is infinitely far.)
    return np.minimum(limits, np.finfo(np.float64).max)


def _first_of_twins(
    asked: Rows, found: Rows, candidates: NDArray[np.float32], num_nearest: int
) -> Rows:
    """Choose of equal candidates of one query the first ones: there may be thousands.

    Parameters
    ----------
    asked, found : ndarray of shape (P,), int
        Pairs of a query and a candidate, in order.
    candidates : ndarray of shape (B, D), float32
    num_nearest : int
    """
    distinct, which = np.unique(found, return_inverse=True)
    vectors = np.ascontiguousarray(candidates[distinct])
    as_bytes = vectors.view(f"V{vectors.itemsize * vectors.shape[1]}").ravel()
    _, twins = np.unique(as_bytes, return_inverse=True)
    keys = asked * len(distinct) + twins[which]
    order = np.argsort(keys, kind="stable")
    chosen: Rows = order[_places_among_equals(keys[order]) < num_nearest]
    return chosen


def _places_among_equals(values: Rows) -> Rows:
    """Count the place of each sorted value among its equals, from 0."""
    starts = np.flatnonzero(np.diff(values, prepend=-1))
    lengths = np.diff(starts, append=len(values))
    places: Rows = np.arange(len(values)) - np.repeat(starts, lengths)
    return places
