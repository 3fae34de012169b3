"""The nearest vectors of many, with the distances and the order of `nearest`.

A matrix product bounds the squared distances of all pairs. Pairs that may be among the
nearest are measured again as ``similarity`` does, with every sum rounded once.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from python_encoders.search.similarity import Neighbour, exact_distance

# A product over 384 dimensions is off by less than 1e-13 of the squared norms, in whatever
# order a machine sums. This is ample.
_SLACK = 1e-12
# Rows of the matrix of distances that are in memory at a time.
_BLOCK_ROWS = 256


def nearest_to_each(
    rows: NDArray[np.intp],
    vectors: NDArray[np.float32],
    names: Sequence[str],
    top_k: int,
    metric: str,
    among: NDArray[np.intp] | None = None,
    within: NDArray[np.float64] | None = None,
) -> list[list[Neighbour]]:
    """Find the nearest vectors of each of some vectors.

    Memory is a few blocks of 256 rows by the number of vectors, whatever their number.

    Parameters
    ----------
    rows : ndarray of shape (R,), intp
        The vectors whose nearest ones are asked for.
    vectors : ndarray of shape (M, D), float32
        For ``cosine``, none of them is all zeros.
    names : sequence of M str
        Each once. They decide between equal distances.
    top_k : int
    metric : str
        ``l2``, or ``cosine`` for 1 − cosine.
    among : ndarray of shape (A,), intp, optional
        Look among these vectors only; without it, among all.
    within : ndarray of shape (R,), float64, optional
        Leave out of each row what is farther than this.

    Returns
    -------
    list of R lists of Neighbour
        The nearest first, ``top_k`` at most, the vector itself left out.
    """
    # A group of equal vectors is measured once: there may be thousands of zeros.
    groups, group_of = _equal_vectors(vectors)
    pool = np.unique(group_of if among is None else group_of[among])
    members = _members(group_of, names, among)
    wide = vectors[groups].astype(np.float64)
    # 1 − cosine is half of the squared distance of the directions.
    scaled = (
        wide / np.linalg.norm(wide, axis=1, keepdims=True) if metric == "cosine" else wide
    )
    squares = np.einsum("ij,ij->i", scaled, scaled)
    pooled = scaled[pool].T
    bound = None
    if within is not None:
        bound = 2 * within if metric == "cosine" else within**2
    found = []
    for start in range(0, len(rows), _BLOCK_ROWS):
        block = rows[start : start + _BLOCK_ROWS]
        asked = group_of[block]
        slack = squares[asked, None] + squares[pool]
        measured = slack - 2 * (scaled[asked] @ pooled)
        slack *= _SLACK
        if bound is None:
            # One more than asked for: a vector may be in its own way.
            kth = min(top_k + 1, len(pool)) - 1
            limits = np.partition(measured + slack, kth, axis=1)[:, kth]
        else:
            limits = bound[start : start + _BLOCK_ROWS] * (1 + _SLACK)
        is_candidate = measured - slack <= limits[:, None]
        for place, row in enumerate(block.tolist()):
            near = [
                Neighbour(distance, name)
                for group in pool[np.flatnonzero(is_candidate[place])].tolist()
                for distance in [exact_distance(wide[asked[place]], wide[group], metric)]
                if within is None or distance <= within[start + place]
                for name in members[group][: top_k + 1]
                if name != names[row]
            ]
            found.append(sorted(near)[:top_k])
    return found


def _equal_vectors(
    vectors: NDArray[np.float32],
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Group vectors of equal bytes: the first of each group, and each vector's group."""
    as_bytes = np.ascontiguousarray(vectors).view(f"V{vectors.itemsize * vectors.shape[1]}")
    _, first, group_of = np.unique(as_bytes.ravel(), return_index=True, return_inverse=True)
    return first, group_of


def _members(
    group_of: NDArray[np.intp], names: Sequence[str], among: NDArray[np.intp] | None
) -> dict[int, list[str]]:
    """Give the names of each group's vectors, in order."""
    members: dict[int, list[str]] = {}
    for row in range(len(names)) if among is None else among.tolist():
        members.setdefault(int(group_of[row]), []).append(names[row])
    for its_names in members.values():
        its_names.sort()
    return members
