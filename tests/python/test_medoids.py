"""Distances and medoids against plain Python: no server, arrays alone."""

import itertools
import math

import numpy as np
import pytest

from python_encoders.search.distances import (
    exact_distances,
    nearest_rows,
    rounded_sums,
)
from python_encoders.search.fellows import nearest_fellows
from python_encoders.search.medoids import choose_medoids, swap_medoids, whole_weights
from python_encoders.search.panel_statistics import mahalanobis
from python_encoders.search.whole_numbers import (
    squared_distances,
    whole_distances,
    whole_vectors,
)


def drawn(num_rows, seed=7):
    made = np.random.default_rng(seed).standard_t(3, (num_rows, 384))
    return (made * 0.02).astype(np.float32)


@pytest.mark.parametrize("metric", ["l2", "cosine"])
def test_squared_distances_are_sums_of_whole_numbers(metric):
    whole = whole_vectors(drawn(12), metric)
    plain = [
        [
            sum((int(a) - int(b)) ** 2 for a, b in zip(one, other, strict=True))
            for other in whole
        ]
        for one in whole.tolist()
    ]
    assert squared_distances(whole, whole).tolist() == plain


@pytest.mark.parametrize("metric", ["l2", "cosine"])
def test_rounding_costs_no_more_than_is_said(metric):
    vectors = drawn(40)
    vectors[0] *= 50
    whole = whole_vectors(vectors, metric)
    squared = squared_distances(whole[:1], whole[1:])[0]
    exact = exact_distances(vectors[:1].repeat(39, axis=0), vectors[1:], metric)
    if metric == "l2":
        scale = 2.0 ** np.frexp(np.abs(vectors).max())[1]
        assert np.abs(np.sqrt(squared) * 2**-20 * scale - exact).max() < 1.9e-5 * scale
    else:
        assert np.abs(squared * 2.0**-41 - exact).max() < 4e-5


def plain_distance(one, other, metric):
    one, other = one.tolist(), other.tolist()
    if metric == "l2":
        return math.sqrt(
            math.fsum((a - b) * (a - b) for a, b in zip(one, other, strict=True))
        )
    squares = (math.fsum(a * a for a in side) for side in (one, other))
    product = math.fsum(a * b for a, b in zip(one, other, strict=True))
    return 1.0 - min(1.0, product / math.sqrt(math.prod(squares)))


@pytest.mark.parametrize("num_terms", [1, 2, 3, 64, 384])
def test_sums_are_rounded_once(num_terms):
    generator = np.random.default_rng(7)
    terms = generator.standard_normal((300, num_terms))
    # Of all sizes, some that cancel, and some halfway between two floats.
    terms[100:] *= 10.0 ** generator.integers(-30, 30, (200, num_terms))
    terms[200:, num_terms // 2 :] = -terms[200:, : num_terms - num_terms // 2]
    terms[250:, 0] += 1.0
    terms[250:, -1] = 2.0**-53
    assert rounded_sums(terms).tolist() == [math.fsum(row) for row in terms.tolist()]


@pytest.mark.parametrize("metric", ["l2", "cosine"])
@pytest.mark.parametrize("num_distinct", [1, 4, 120])
def test_the_nearest_are_those_of_every_pair_and_ties_go_by_row(
    metric, num_distinct, monkeypatch
):
    monkeypatch.setattr("python_encoders.search.distances._BLOCK_CELLS", 1_000)
    generator = np.random.default_rng(7)
    # Of all sizes, with twins and with near twins, whose product cancels.
    sizes = 10.0 ** generator.integers(-9, 9, (num_distinct, 1))
    distinct = (sizes * generator.standard_normal((num_distinct, 384))).astype(np.float32)
    vectors = distinct[generator.integers(0, num_distinct, 120)]
    is_nudged = generator.random((120, 384)) < 0.01 * (np.arange(120) % 2)[:, None]
    vectors[is_nudged] = np.nextafter(vectors[is_nudged], np.float32(np.inf))
    is_left_out = generator.random((120, 120)) < 0.1
    # One looks at few, one at none.
    is_left_out[7, 3:] = is_left_out[8] = True

    rows, distances = nearest_rows(
        vectors, vectors, metric, 5, lambda block: is_left_out[block]
    )

    for row in range(120):
        plain = sorted(
            (plain_distance(vectors[row], vectors[other], metric), other)
            for other in range(120)
            if not is_left_out[row, other]
        )[:5]
        found = np.isfinite(distances[row])
        pairs = zip(distances[row, found], rows[row, found], strict=True)
        assert list(pairs) == plain


def test_overlapping_windows_are_no_fellows():
    vectors = drawn(3)[[0, 0, 1]]
    apart = np.array([["NaT"] * 2] * 3, dtype="datetime64[D]")
    rolling = np.array(
        [["2020-01-01", "2020-01-31"], ["2020-01-31", "2020-02-28"], ["2020-03-01"] * 2],
        dtype="datetime64[D]",
    )
    assert nearest_fellows(vectors, apart, "l2")[0].tolist()[:2] == [1, 0]
    assert nearest_fellows(vectors, rolling, "l2")[0].tolist()[:2] == [2, 2]


def cost(distances, weights, medoids):
    return sum(
        weight * min(distances[row][medoid] for medoid in medoids)
        for row, weight in enumerate(weights)
    )


def test_no_exchange_lowers_the_weighted_cost():
    whole = whole_vectors(drawn(24), "l2")
    distances = whole_distances(squared_distances(whole, whole), "l2")
    weights = whole_weights(np.random.default_rng(1).random(24) ** 6)
    medoids = swap_medoids(distances, weights, np.arange(4))
    reached = cost(distances, weights, medoids)
    assert reached < cost(distances, weights, range(4))
    for slot, other in itertools.product(range(4), range(24)):
        changed = [*medoids[:slot], other, *medoids[slot + 1 :]]
        assert cost(distances, weights, changed) >= reached


@pytest.mark.parametrize("metric", ["l2", "cosine"])
def test_medoids_stand_for_what_is_near_and_one_heavy_vector_is_kept(metric):
    vectors = drawn(40)
    vectors[30:] = vectors[30]
    whole = whole_vectors(vectors, metric)
    weights = np.ones(40)
    weights[17] = 1_000.0
    medoids, places = choose_medoids(whole, weights, 5, metric)
    assert 17 in medoids
    every = squared_distances(whole, whole[medoids])
    assert (every[np.arange(40), places] == every.min(axis=1)).all()
    # One vector stands for all. Or each vector stands for itself, twins too.
    totals = whole_distances(squared_distances(whole, whole), metric) @ np.ones(40)
    assert choose_medoids(whole, np.ones(40), 1, metric)[0].tolist() == [totals.argmin()]
    assert choose_medoids(whole, weights, 40, metric)[1].tolist() == list(range(40))


def test_a_sample_starts_and_all_vectors_end(monkeypatch):
    whole = whole_vectors(drawn(60), "l2")
    weights = np.ones(60)
    monkeypatch.setattr("python_encoders.search.medoids.SAMPLE_SIZE", 20)
    medoids, places = choose_medoids(whole, weights, 4, "l2")
    distances = whole_distances(squared_distances(whole, whole), "l2")
    for slot, medoid in enumerate(medoids):
        members = np.flatnonzero(places == slot)
        totals = distances[np.ix_(members, members)].sum(axis=1)
        assert totals.min() == totals[members.tolist().index(medoid)]


def test_mahalanobis_without_correlation_counts_standard_deviations():
    axes = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 2.0], [0.0, -2.0]])
    deviations = axes.std(axis=0, ddof=1)
    found = mahalanobis(np.array([[3.0, 0.0], [0.0, -4.0], [3.0, 4.0]]), axes)
    plain = np.linalg.norm(
        np.array([[3.0, 0.0], [0.0, -4.0], [3.0, 4.0]]) / deviations, axis=1
    )
    assert found == pytest.approx(plain)
    assert np.isnan(mahalanobis(axes, axes[:3])).all()
