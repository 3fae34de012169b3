"""The few vectors that stand for many: weighted k-medoids without a random start.

The cost is the weighted sum of each vector's distance to its medoid. It is the transport
(Kantorovich) cost between the set and the medoids with the weights that they stand for.

Swaps are those of FasterPAM (Schubert and Rousseeuw, Information Systems 101, 2021), here
with weights, from evenly spaced vectors. They need a matrix of all distances, so a large
set is swapped over an evenly spaced sample. Then all vectors go to their nearest medoid and
each cluster chooses its medoid anew, until nothing changes. All sums are of whole numbers
below 2⁵³, so the answer is the same on every machine.
"""

import numpy as np
from numpy.typing import NDArray

from python_encoders.search.distances import Floats, Rows
from python_encoders.search.whole_numbers import squared_distances, whole_distances

# Their matrix of distances takes 512 MB.
SAMPLE_SIZE = 8_000
_BLOCK_CELLS = 2**23
_WEIGHT_BITS = 26


def _evenly_spaced(num_rows: int, num_chosen: int) -> Rows:
    return np.arange(num_chosen, dtype=np.intp) * num_rows // num_chosen


def whole_weights(weights: Floats) -> Floats:
    """Turn weights into whole numbers that sum to about 2²⁶.

    Times a whole distance below 2²⁶, their sums stay below 2⁵³.
    """
    total = np.cumsum(weights)[-1]
    whole: Floats = np.rint(weights / total * 2.0**_WEIGHT_BITS)
    return whole


def _two_nearest(to_medoids: Floats) -> tuple[Rows, Floats, Floats]:
    """Give of each column the nearest medoid, its distance, and that of the second."""
    each = np.arange(to_medoids.shape[1])
    nearest = to_medoids.argmin(axis=0)
    second = np.partition(to_medoids, 1, axis=0)[1]
    return nearest, to_medoids[nearest, each], second


def swap_medoids(distances: Floats, weights: Floats, medoids: Rows) -> Rows:
    """Swap medoids for other vectors as long as a swap lowers the cost.

    Parameters
    ----------
    distances : ndarray of shape (M, M), float64
        Whole numbers.
    weights : ndarray of shape (M,), float64
        Whole numbers.
    medoids : ndarray of shape (K,), int
        Where to start. K is 2 at least.

    Returns
    -------
    ndarray of shape (K,), int
        No exchange of one medoid for one other vector lowers the cost.
    """
    medoids = medoids.copy()
    to_medoids = distances[medoids]
    nearest, to_nearest, to_second = _two_nearest(to_medoids)
    num_tried, candidate = 0, 0
    loss = np.bincount(nearest, weights * (to_second - to_nearest), len(medoids))
    while num_tried < len(distances):
        to_candidate = distances[candidate]
        # What changes where no medoid goes, and then what each medoid's going adds.
        added = (weights * np.minimum(to_candidate - to_nearest, 0.0)).sum()
        kept = np.clip(to_candidate, to_nearest, to_second) - to_second
        change = added + loss + np.bincount(nearest, weights * kept, len(medoids))
        slot = int(change.argmin())
        num_tried += 1
        if change[slot] < 0:
            old = to_medoids[slot].copy()
            medoids[slot], to_medoids[slot] = candidate, to_candidate
            is_touched = np.flatnonzero((old <= to_second) | (to_candidate < to_second))
            (
                nearest[is_touched],
                to_nearest[is_touched],
                to_second[is_touched],
            ) = _two_nearest(to_medoids[:, is_touched])
            loss = np.bincount(nearest, weights * (to_second - to_nearest), len(medoids))
            num_tried = 0
        candidate = (candidate + 1) % len(distances)
    return medoids


def _total_distances(members: Floats, weights: Floats, metric: str) -> Floats:
    """Sum the weighted distances of each member to all members."""
    totals = np.empty(len(members))
    step = max(1, _BLOCK_CELLS // len(members))
    for first in range(0, len(members), step):
        block = slice(first, first + step)
        squared = squared_distances(members[block], members)
        totals[block] = whole_distances(squared, metric) @ weights
    return totals


def assign(whole: Floats, medoids: Rows) -> Rows:
    """Give each vector the place of its nearest medoid. A medoid stands for itself.

    Parameters
    ----------
    whole : ndarray of shape (M, D), float64
        From ``whole_vectors``.
    medoids : ndarray of shape (K,), int
        In ascending order: the first of equally near ones is taken.

    Returns
    -------
    ndarray of shape (M,), int
    """
    assigned = np.empty(len(whole), dtype=np.intp)
    step = max(1, _BLOCK_CELLS // len(medoids))
    for first in range(0, len(whole), step):
        block = slice(first, first + step)
        # argmin gives the first of equal ones.
        assigned[block] = squared_distances(whole[block], whole[medoids]).argmin(axis=1)
    assigned[medoids] = np.arange(len(medoids))
    return assigned


def _start(whole: Floats, weights: Floats, num_kept: int, metric: str) -> Rows:
    sample = _evenly_spaced(len(whole), min(len(whole), SAMPLE_SIZE))
    if not 1 < num_kept < len(sample):
        return _evenly_spaced(len(whole), num_kept)
    distances = np.empty((len(sample), len(sample)))
    step = max(1, _BLOCK_CELLS // len(sample))
    for first in range(0, len(sample), step):
        block = slice(first, first + step)
        squared = squared_distances(whole[sample[block]], whole[sample])
        distances[block] = whole_distances(squared, metric)
    evenly_spaced = _evenly_spaced(len(sample), num_kept)
    return np.sort(sample[swap_medoids(distances, weights[sample], evenly_spaced)])


def choose_medoids(
    whole: Floats, weights: NDArray[np.float64], num_kept: int, metric: str
) -> tuple[Rows, Rows]:
    """Choose the vectors that stand for all.

    Parameters
    ----------
    whole : ndarray of shape (M, D), float64
        From ``whole_vectors``.
    weights : ndarray of shape (M,), float64
        Not negative, and not all 0.
    num_kept : int
        K, from 1 to M.
    metric : str

    Returns
    -------
    ndarray of shape (K,), int
        The medoids, in ascending order.
    ndarray of shape (M,), int
        The place among them of each vector's medoid.
    """
    weights = whole_weights(weights)
    medoids = _start(whole, weights, num_kept, metric)
    assigned = assign(whole, medoids)
    stale = set(range(num_kept))
    while stale:
        chosen = medoids.copy()
        for slot in sorted(stale):
            members = np.flatnonzero(assigned == slot)
            totals = _total_distances(whole[members], weights[members], metric)
            # The old medoid stays where no other is better, so that this ends.
            if totals.min() < totals[np.searchsorted(members, medoids[slot])]:
                chosen[slot] = members[totals.argmin()]
        by_row = np.argsort(chosen)
        before = np.argsort(by_row)[assigned]
        medoids = chosen[by_row]
        assigned = assign(whole, medoids)
        has_moved = before != assigned
        stale = set(before[has_moved].tolist()) | set(assigned[has_moved].tolist())
    return medoids, assigned
