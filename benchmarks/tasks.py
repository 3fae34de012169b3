"""The tasks: what the vectors of real windows find, keep and tell.

Each task is a function from a table of returns to a figure for each encoder and yardstick.
There are three yardsticks: the market's volatility as one number, a PCA fitted to real
windows, and the panels themselves, flattened.
"""

import functools
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.scenarios import (
    STRESS_TYPES,
    Bools,
    Floats,
    Ints,
    Table,
    crisis_share,
    cut_windows,
    overlaps,
    stress_types,
    window_starts,
)
from python_encoders.encoders import BLOCKS, DIMENSION, ENCODERS

SEEDS = (1, 2, 3, 4, 5)
NUM_NEIGHBOURS = 10
QUERY_STEP = 20
NUM_TIME_BLOCKS = 11
SHIFTS = (1, 2, 3, 5)
STRESS_SIZES = (0.08, 0.20)
NUM_PER_TYPE = 200

SHORT_NAMES = {
    "num-scenario-core-v1": "core",
    "num-scenario-panel-sketch-v1": "panel-sketch",
    "num-scenario-stress-shape-v1": "stress-shape",
    "num-scenario-stress-shape-v2": "stress-shape-v2",
}
PCA = f"PCA-{DIMENSION}"
EXACT = "exact panels"
VOLATILITY = "market volatility"
V1, V2 = "stress-shape", "stress-shape-v2"
# The paired difference of these two.
GAIN = "v2 − v1"
YARDSTICKS = (VOLATILITY, PCA, EXACT)
COLUMNS = [*SHORT_NAMES.values(), GAIN, *YARDSTICKS]


class Figure(NamedTuple):
    """A measured figure and its standard error."""

    value: float
    error: float


Figures = dict[str, Figure]
# Panels of shape (B, H, N), and the ids of their N series.
Scenarios = tuple[Floats, Sequence[str]]
# Name, gallery (B, D) and queries (Q, D), by encoder.
Embedded = Iterator[tuple[str, Floats, Floats]]


def flatten_on_axis(
    axis: Sequence[str], panels: Floats, series_ids: Sequence[str]
) -> Floats:
    """Flatten panels on a common axis of M series, zero where a series is missing.

    Returns
    -------
    ndarray of shape (B, H * M)
    """
    if list(series_ids) == list(axis):
        return panels.reshape(len(panels), -1)
    places = {name: column for column, name in enumerate(axis)}
    placed = np.zeros((*panels.shape[:2], len(axis)))
    placed[:, :, [places[name] for name in series_ids]] = panels
    return placed.reshape(len(panels), -1)


@functools.cache
def principal_axes(table: Table, num_days: int) -> tuple[Floats, Floats]:
    """Fit a PCA to the windows that start on every day of a table.

    Returns
    -------
    ndarray of shape (H * N,)
        The mean.
    ndarray of shape (H * N, 384)
        The axes.
    """
    starts = window_starts(len(table.returns), num_days, 1)
    rows = cut_windows(table.returns, starts, num_days).reshape(len(starts), -1)
    mean = rows.mean(axis=0)
    centred = rows - mean
    # The smaller of the two Gram matrices has the same axes.
    if len(rows) < rows.shape[1]:
        squares, left = np.linalg.eigh(centred @ centred.T)
        return mean, centred.T @ (left / np.sqrt(np.abs(squares)))[:, -DIMENSION:]
    return mean, np.linalg.eigh(centred.T @ centred).eigenvectors[:, -DIMENSION:]


def market_volatility(panels: Floats, _series_ids: Sequence[str]) -> Floats:
    """Measure the deviation of the market's days, shape (B, 1). The market is the mean."""
    volatilities: Floats = panels.mean(axis=2).std(axis=1)[:, None]
    return volatilities


def embed(
    table: Table,
    gallery: Scenarios,
    queries: Sequence[Scenarios] | None = None,
    fitted_on: Table | None = None,
) -> Embedded:
    """Encode a gallery and its queries with each encoder and yardstick.

    Parameters
    ----------
    table : Table
        The scenarios are cut from it. The yardsticks flatten on its axis.
    gallery : panels and series ids
    queries : sequence of panels and series ids, optional
        Each has its own universe. Without queries, each scenario of the gallery is one.
    fitted_on : Table, optional
        What the PCA is fitted to, unless to ``table``.

    Yields
    ------
    str
        One of ``COLUMNS``.
    ndarray of shape (B, D), ndarray of shape (Q, D)
        Gallery and queries as float64.
    """
    encodes: dict[str, Callable[..., NDArray[Any]]] = {
        name: ENCODERS[model_id].encode for model_id, name in SHORT_NAMES.items()
    }
    encodes[VOLATILITY] = market_volatility
    encodes[EXACT] = functools.partial(flatten_on_axis, table.ids)
    for name, encode in encodes.items():
        found = asked = encode(*gallery).astype(np.float64)
        if queries is not None:
            asked = np.concatenate([encode(*part) for part in queries]).astype(np.float64)
        yield name, found, asked
    # The last ones were the panels.
    mean, axes = principal_axes(fitted_on or table, gallery[0].shape[1])
    yield PCA, (found - mean) @ axes, (asked - mean) @ axes


def embed_halves(seed: int, table: Table, gallery: Scenarios) -> Embedded:
    """Encode one half of the series as the gallery, and the other half as the queries.

    The halves are drawn at random. What is encoded is cut to the values that look at no
    series' name: the blocks of ``similar --block``. PCA and exact panels need a common
    series, so they are not here.

    Yields
    ------
    str
        An encoder that has such a block, or ``VOLATILITY``.
    ndarray of shape (B, D), ndarray of shape (B, D)
        Gallery and queries as float64.
    """
    panels, ids = gallery[0], np.array(gallery[1])
    drawn = np.random.default_rng(seed).permutation(len(ids))
    halves: list[Scenarios] = [
        (panels[:, :, half], ids[half].tolist())
        for half in (np.sort(part) for part in np.array_split(drawn, 2))
    ]
    for block in BLOCKS.values():
        for model_id, num_values in block.items():
            found, asked = (
                ENCODERS[model_id].encode(*half)[:, :num_values].astype(np.float64)
                for half in halves
            )
            yield SHORT_NAMES[model_id], found, asked
    found, asked = (market_volatility(*half) for half in halves)
    yield VOLATILITY, found, asked


def distances(asked: Floats, found: Floats, metric: str) -> Floats:
    """Measure squared L2 or cosine distances, shape (Q, B). Both order as the metric does.

    One number has no direction: its distance is the difference, whatever the metric.
    """
    if metric == "cosine" and asked.shape[1] > 1:
        asked = asked / np.linalg.norm(asked, axis=1, keepdims=True)
        found = found / np.linalg.norm(found, axis=1, keepdims=True)
    apart: Floats = asked @ found.T
    apart *= -2.0
    apart += (found**2).sum(axis=1)
    apart += (asked**2).sum(axis=1)[:, None]
    return apart


def nearest(apart: Floats) -> Ints:
    """List the ten nearest of each row, nearest first, shape (Q, 10)."""
    some = np.argpartition(apart, NUM_NEIGHBOURS, axis=1)[:, :NUM_NEIGHBOURS]
    order = np.argsort(np.take_along_axis(apart, some, axis=1), axis=1)
    ten: Ints = np.take_along_axis(some, order, axis=1)
    return ten


def reciprocal_ranks(apart: Floats, targets: Ints) -> Floats:
    """Compute 1/rank of each row's target, shape (Q,). Ties share the middle rank."""
    own = np.take_along_axis(apart, targets[:, None], axis=1)
    ahead = (apart < own).sum(axis=1)
    level = (apart == own).sum(axis=1) - 1
    reciprocal: Floats = 1.0 / (1.0 + ahead + level / 2.0)
    return reciprocal


def area_under_curve(scores: Floats, labels: Bools) -> float:
    """Compute the AUC of scores of shape (Q,). Ties count half."""
    ranks = pd.Series(scores).rank().to_numpy()
    positives = int(labels.sum())
    above = ranks[labels].sum() - positives * (positives + 1) / 2
    return float(above / (positives * (len(labels) - positives)))


def jackknife(statistic: Callable[[Bools], float], num_queries: int) -> Figure:
    """Compute a statistic, and its error by leaving out one stretch of time after another.

    Windows near in time are alike, so queries are not independent. Stretches of time are.

    Parameters
    ----------
    statistic : callable
        Of a mask of shape (Q,) over queries in the order of time.
    num_queries : int
    """
    blocks = np.arange(num_queries) * NUM_TIME_BLOCKS // num_queries
    whole = statistic(np.ones(num_queries, dtype=bool))
    parts = np.array([statistic(blocks != block) for block in range(NUM_TIME_BLOCKS)])
    return Figure(whole, float(np.sqrt((NUM_TIME_BLOCKS - 1) * parts.var())))


def jackknifed(
    statistic: Callable[[Floats, Bools], float],
    scores: Mapping[str, Floats],
    num_queries: int,
) -> Figures:
    """Jackknife a statistic of each encoder's scores, and its gain from v1 to v2."""
    figures = {
        name: jackknife(functools.partial(statistic, of_one), num_queries)
        for name, of_one in scores.items()
    }
    figures[GAIN] = jackknife(
        lambda kept: statistic(scores[V2], kept) - statistic(scores[V1], kept), num_queries
    )
    return figures


def mean_score(scores: Floats | Sequence[Floats]) -> Figure:
    """Average scores of queries. The error has a part in time and one of the draws.

    Parameters
    ----------
    scores : ndarray of shape (Q,), or a sequence of them, one for each draw
    """
    draws = np.atleast_2d(np.asarray(scores, dtype=np.float64))
    value, error = jackknife(lambda kept: float(draws[:, kept].mean()), draws.shape[1])
    if len(draws) > 1:
        error = float(np.hypot(error, draws.mean(axis=1).std(ddof=1) / len(draws) ** 0.5))
    return Figure(value, error)


def mean_scores(scores: Mapping[str, Floats | Sequence[Floats]]) -> Figures:
    """Average each encoder's scores, and the differences of v2 and v1, query by query."""
    gain = np.asarray(scores[V2]) - np.asarray(scores[V1])
    return {name: mean_score(of_one) for name, of_one in [*scores.items(), (GAIN, gain)]}


def over_draws(draws: Sequence[Figures]) -> Figures:
    """Average figures of draws. The error has a part in time and one of the draws."""
    averaged = {}
    for name in draws[0]:
        values, errors = np.array([figures[name] for figures in draws]).T
        spread = values.std(ddof=1) / len(values) ** 0.5
        averaged[name] = Figure(
            float(values.mean()), float(np.hypot(errors.mean(), spread))
        )
    return averaged


def recall_of_neighbours(
    table: Table, step: int = 1, fitted_on: Table | None = None
) -> Figures:
    """Count how many of the ten nearest panels (L2) are among the ten nearest vectors (L2).

    Neighbours that share a day with the query are left out on both sides.
    """
    num_days = 60
    starts = window_starts(len(table.returns), num_days, step)
    asking = np.arange(0, len(starts), max(1, QUERY_STEP // step))
    panels = cut_windows(table.returns, starts, num_days)
    left_out = overlaps(starts[asking], starts, num_days)

    def neighbours(vectors: Floats) -> Ints:
        apart = distances(vectors[asking], vectors, "L2")
        apart[left_out] = np.inf
        return nearest(apart)

    truth = neighbours(panels.reshape(len(panels), -1))
    scores = {}
    for name, vectors, _ in embed(table, (panels, table.ids), fitted_on=fitted_on):
        hits = (neighbours(vectors)[:, :, None] == truth[:, None]).any(axis=2)
        scores[name] = hits.mean(axis=1)
    return mean_scores(scores)


def correlation_of_distances(table: Table) -> Figures:
    """Correlate the L2 distances of vectors and of panels, by rank, over pairs of windows.

    Pairs of windows that share a day are left out.
    """
    num_days = 60
    starts = window_starts(len(table.returns), num_days, QUERY_STEP)
    panels = cut_windows(table.returns, starts, num_days)
    one, other = np.nonzero(np.triu(~overlaps(starts, starts, num_days)))
    flat = panels.reshape(len(panels), -1)
    truth = distances(flat, flat, "L2")[one, other]

    def spearman(apart: Floats, kept: Bools) -> float:
        pairs = kept[one] & kept[other]
        ranks = pd.DataFrame({"vectors": apart[pairs], "panels": truth[pairs]}).rank()
        return float(np.corrcoef(ranks["vectors"], ranks["panels"])[0, 1])

    apart = {
        name: distances(vectors, vectors, "L2")[one, other]
        for name, vectors, _ in embed(table, (panels, table.ids))
    }
    return jackknifed(spearman, apart, len(starts))


def found_with_series_missing(
    table: Table, step: int = 1, metric: str = "cosine"
) -> Figures:
    """Find a window of 20 series again by ten of them, other ten for each query."""
    num_days = 20
    starts = window_starts(len(table.returns), num_days, step)
    asking = np.arange(0, len(starts), max(1, QUERY_STEP // step))
    panels = cut_windows(table.returns, starts, num_days)
    num_series = len(table.ids)
    queries = []
    for seed in SEEDS:
        draw = np.random.default_rng(seed)
        for window in asking:
            half = np.sort(draw.permutation(num_series)[: num_series // 2])
            panel = panels[window : window + 1, :, half]
            queries.append((panel, [table.ids[series] for series in half]))
    scores = {}
    for name, found, asked in embed(table, (panels, table.ids), queries):
        scores[name] = [
            reciprocal_ranks(distances(part, found, metric), asking)
            for part in np.split(asked, len(SEEDS))
        ]
    return mean_scores(scores)


def found_in_other_universe(
    table: Table,
    num_series: int = 120,
    num_shared: int = 60,
    step: int = 1,
    metric: str = "cosine",
) -> Figures:
    """Find a window of one universe by the same days in another that overlaps it.

    Parameters
    ----------
    table : Table of 200 series
    num_series : int
        Of each universe.
    num_shared : int
        How many are in both.
    """
    num_days = 20
    starts = window_starts(len(table.returns), num_days, step)
    asking = np.arange(0, len(starts), max(1, 5 // step))
    panels = cut_windows(table.returns, starts, num_days)
    ids = np.array(table.ids)
    scores: dict[str, list[Floats]] = defaultdict(list)
    for seed in SEEDS:
        drawn = np.random.default_rng(seed).permutation(len(ids))
        first = np.sort(drawn[:num_series])
        second = np.sort(drawn[num_series - num_shared : 2 * num_series - num_shared])
        gallery = panels[:, :, first], ids[first].tolist()
        queries = [(panels[asking][:, :, second], ids[second].tolist())]
        for name, found, asked in embed(table, gallery, queries):
            apart = distances(asked, found, metric)
            scores[name].append(reciprocal_ranks(apart, asking))
    return mean_scores(scores)


def found_after_shifts(
    table: Table,
    num_days: int,
    step: int = 1,
    metric: str = "cosine",
    shifts: Sequence[int] = SHIFTS,
    embedded: Callable[[Table, Scenarios], Embedded] = embed,
) -> dict[int, Figures]:
    """Find a window again by the windows that start some days earlier and later.

    Of the gallery's windows that share a day with the query, only the target stays. The
    others are as near to the query in time as the target, or nearer.

    Returns
    -------
    dict of int to Figures
        By the number of days.
    """
    starts = window_starts(len(table.returns), num_days, 1)
    panels = cut_windows(table.returns, starts, num_days)
    # Each asks twice. A whole number of steps, so that each is in the gallery.
    targets = np.arange(0, len(starts), 2 * QUERY_STEP)[1:-1]
    gallery = np.arange(0, len(starts), step)
    scores: dict[int, dict[str, Floats]] = {shift: {} for shift in shifts}
    left_out = {}
    for days in (*shifts, *[-shift for shift in shifts]):
        left_out[days] = overlaps(targets + days, gallery, num_days)
        left_out[days][np.arange(len(targets)), targets // step] = False
    for name, found, asked in embedded(table, (panels, table.ids)):
        for shift in shifts:
            both_ways = []
            for days in (-shift, shift):
                apart = distances(asked[targets + days], found[gallery], metric)
                apart[left_out[days]] = np.inf
                both_ways.append(reciprocal_ranks(apart, targets // step))
            scores[shift][name] = np.mean(both_ways, axis=0)
    return {shift: mean_scores(by_name) for shift, by_name in scores.items()}


def stress_type_told(
    table: Table,
    num_days: int,
    metric: str = "L2",
    scale: float = 1.0,
    any_onset: bool = True,
    types: Mapping[str, str] = STRESS_TYPES,
    embedded: Callable[[Table, Scenarios], Embedded] = embed,
) -> Figures:
    """Tell the stress type by the majority of the ten nearest scenarios.

    Neighbours whose windows share a day with the query's are left out.
    """
    sizes = scale * STRESS_SIZES[0], scale * STRESS_SIZES[1]
    hits: dict[str, list[Floats]] = defaultdict(list)
    for seed in SEEDS:
        draw = np.random.default_rng(seed)
        panels, labels, starts = stress_types(
            table.returns, num_days, NUM_PER_TYPE, sizes, any_onset, draw, types
        )
        left_out = overlaps(starts, starts, num_days)
        # A nearer neighbour weighs a little more, which only decides ties.
        weights = 1.0 - np.arange(NUM_NEIGHBOURS) / 1000.0
        for name, found, asked in embedded(table, (panels, table.ids)):
            apart = distances(asked, found, metric)
            apart[left_out] = np.inf
            kinds = labels[nearest(apart)]
            votes = [(weights * (kinds == kind)).sum(axis=1) for kind in np.unique(labels)]
            hits[name].append((np.argmax(votes, axis=0) == labels).astype(np.float64))
    return mean_scores(hits)


def crisis_told(
    table: Table,
    num_days: int,
    metric: str = "L2",
    step: int = 5,
    days_apart: int = 0,
    margin: int = 0,
    embedded: Callable[[Table, Scenarios], Embedded] = embed,
) -> Figures:
    """Tell crisis from calm by the share of crises among the ten nearest windows.

    Parameters
    ----------
    table : Table
    num_days : int
    metric : str
    step : int
    days_apart : int
        Neighbours share no day with the query, and start at least so many days before or
        after it.
    margin : int
        Windows that begin within so many days after a crisis era are not calm.
    """
    starts = window_starts(len(table.returns), num_days, step)
    share = crisis_share(table, starts, num_days)
    before = crisis_share(table, np.maximum(starts - margin, 0), margin or 1)
    calm = (share == 0.0) & ((before == 0.0) | (margin == 0))
    judged = calm | (share >= 0.5)
    starts, crisis = starts[judged], ~calm[judged]
    panels = cut_windows(table.returns, starts, num_days)
    left_out = overlaps(starts, starts, max(num_days, days_apart))

    def crises_near(found: Floats, asked: Floats) -> Floats:
        apart = distances(asked, found, metric)
        apart[left_out] = np.inf
        scores: Floats = crisis[nearest(apart)].mean(axis=1)
        return scores

    def told(scores: Floats, kept: Bools) -> float:
        return area_under_curve(scores[kept], crisis[kept])

    scores = {
        name: crises_near(found, asked)
        for name, found, asked in embedded(table, (panels, table.ids))
    }
    return jackknifed(told, scores, len(starts))


def beyond_limit(table: Table, num_days: int) -> float:
    """Measure which share of the windows has a value that a sketch does not take."""
    starts = window_starts(len(table.returns), num_days, 1)
    return float((~_taken(table, starts, num_days)).mean())


def _taken(table: Table, starts: Ints, num_days: int) -> Bools:
    """Tell which windows a sketch takes: within ±4."""
    largest = np.abs(cut_windows(table.returns, starts, num_days)).max(axis=(1, 2))
    taken: Bools = largest <= 4.0
    return taken


def neighbours_left(stocks: Table, odd: Table, num_days: int, step: int) -> Figures:
    """Count how many of the ten nearest windows stay when one odd series is added.

    Parameters
    ----------
    stocks : Table
    odd : Table
        The same days' returns, and one series more.
    num_days : int
        Windows that a sketch does not take are left out.
    step : int
        Days from the start of one window to that of the next.
    """
    starts = window_starts(len(stocks.returns), num_days, step)
    starts = starts[_taken(odd, starts, num_days)]
    left_out = overlaps(starts, starts, num_days)

    def neighbours(vectors: Floats) -> Ints:
        apart = distances(vectors, vectors, "L2")
        apart[left_out] = np.inf
        return nearest(apart)

    ten = [
        {
            name: neighbours(vectors)
            for name, vectors, _ in embed(
                table, (cut_windows(table.returns, starts, num_days), table.ids)
            )
        }
        for table in (stocks, odd)
    ]
    return mean_scores(
        {
            name: (ten[1][name][:, :, None] == before[:, None]).any(axis=2).mean(axis=1)
            for name, before in ten[0].items()
        }
    )
