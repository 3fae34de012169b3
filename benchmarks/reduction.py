"""Measure how well few scenarios stand for a book's risk: ``make bench-reduce``.

Over the shipped sets, from a database with their panels and vectors (``make demo``). Random
linear books, convex ones (long gamma) and concave ones (short gamma) are valued on the
panels' returns over the horizon. Three kinds of books depend on the path of a random long
basket: a short knock-in put, a short lookback put, and the maximum drawdown. Compared are
the representatives of ``reduce`` with their weights, fast forward selection (Heitsch and
Römisch, Computational Optimization and Applications 24, 2003), and as many scenarios drawn
at random.
"""

import time
from typing import Any

import numpy as np

from python_encoders import postgres
from python_encoders.encoders import ENCODERS
from python_encoders.search import (
    as_matrix,
    choose_medoids,
    squared_distances,
    vectors,
    whole_distances,
    whole_vectors,
)

SET_ID = "SET_ABC123"
NUM_BOOKS = 200
NUM_DRAWS = 50
SHARES = (0.05, 0.1, 0.2)
MEASURES = ("EL", "VaR95", "VaR99", "ES97.5")
Array = Any


def panels_of(connection: Any, scenario_ids: list[str]) -> Array:
    """Give the panels of the scenarios, shape (M, H, N)."""
    rows = postgres.fetch(
        connection,
        f"""
        select scenario_id, num_series, panel
        from {postgres.relation("scenario_panels")} where scenario_set_id = $1
        """,
        [SET_ID],
    ).to_pylist()
    panels = {
        row["scenario_id"]: np.reshape(row["panel"], (-1, row["num_series"]))
        for row in rows
    }
    return np.array([panels[one] for one in scenario_ids])


def risk(losses: Array, weights: Array) -> Array:
    """Give expected loss, VaR 95, VaR 99 and ES 97.5 of weighted losses."""
    order = np.argsort(losses)
    sorted_losses, sorted_weights = losses[order], weights[order]
    below = np.cumsum(sorted_weights)
    last = len(losses) - 1
    var95, var99 = (
        sorted_losses[min(np.searchsorted(below, level - 1e-12), last)]
        for level in (0.95, 0.99)
    )
    tail = np.minimum(sorted_weights, np.maximum(below - 0.975, 0.0))
    return np.array([losses @ weights, var95, var99, sorted_losses @ tail / tail.sum()])


def path_books(panels: Array, draw: np.random.Generator) -> dict[str, Array]:
    """Give the losses of books on the path of a random long basket, by kind of book."""
    weights = draw.random((NUM_BOOKS, panels.shape[2]))
    weights /= weights.sum(axis=1, keepdims=True)
    # From 1 on day 0, of shape (NUM_BOOKS, M, H + 1).
    growth = np.cumprod(1.0 + np.moveaxis(panels @ weights.T, 2, 0), axis=2)
    paths = np.concatenate([np.ones_like(growth[:, :, :1]), growth], axis=2)
    last, peaks = paths[:, :, -1], np.maximum.accumulate(paths, axis=2)
    barriers = draw.uniform(0.8, 0.95, (NUM_BOOKS, 1))
    return {
        "knock-in put": np.where(
            paths.min(axis=2) <= barriers, np.maximum(1.0 - last, 0.0), 0.0
        ),
        "lookback put": peaks[:, :, -1] - last,
        "drawdown": (1.0 - paths / peaks).max(axis=2),
    }


def books(panels: Array, draw: np.random.Generator) -> dict[str, Array]:
    """Give the losses of random books, shape (NUM_BOOKS, M), by kind of book."""
    returns = panels.sum(axis=1)
    exposures = draw.standard_normal((NUM_BOOKS, returns.shape[1]))
    linear = -exposures @ returns.T
    gamma = draw.random((NUM_BOOKS, returns.shape[1])) * 5.0 @ np.square(returns).T
    return {"linear": linear, "convex": linear - gamma, "short gamma": linear + gamma}


def errors(losses: Array, kept: Array, weights: Array) -> Array:
    """Give the mean absolute errors, in standard deviations of the book's loss."""
    equal = np.full(losses.shape[1], 1.0 / losses.shape[1])
    apart = [
        np.abs(risk(book[kept], weights) - risk(book, equal)) / book.std()
        for book in losses
    ]
    return np.mean(apart, axis=0)


def represented(distances: Array, kept: Array) -> Array:
    """Give the share that each kept scenario stands for."""
    nearest = distances[kept].argmin(axis=0)
    return np.bincount(nearest, minlength=len(kept)) / distances.shape[1]


def forward_selection(distances: Array, num_kept: int) -> Array:
    """Take one scenario after another, each time the one that lowers the cost most."""
    to_nearest = np.full(len(distances), np.inf)
    kept: list[int] = []
    for _ in range(num_kept):
        kept.append(int(np.minimum(distances, to_nearest).sum(axis=1).argmin()))
        to_nearest = np.minimum(to_nearest, distances[kept[-1]])
    return np.array(kept)


def main() -> None:
    """Print a table: kind of book, share kept, method, cost and errors."""
    postgres.choose_server()
    print("model share method seconds cost book", *MEASURES, sep="\t")
    with postgres.connect(autocommit=True) as connection:
        for model_id in ENCODERS:
            table = vectors(connection, model_id, SET_ID)
            whole = whole_vectors(as_matrix(table), "l2")
            distances = whole_distances(squared_distances(whole, whole), "l2")
            panels = panels_of(connection, table["scenario_id"].to_pylist())
            draw = np.random.default_rng(7)
            kinds = books(panels, draw) | path_books(panels, np.random.default_rng(8))
            for share in SHARES:
                num_kept = round(share * len(whole))
                _compare(model_id, share, num_kept, whole, distances, kinds, draw)


def _compare(
    model_id: str,
    share: float,
    num_kept: int,
    whole: Array,
    distances: Array,
    kinds: dict[str, Array],
    draw: np.random.Generator,
) -> None:
    start = time.process_time()
    medoids = choose_medoids(whole, np.ones(len(whole)), num_kept, "l2")[0]
    of_medoids = time.process_time() - start
    start = time.process_time()
    forward = forward_selection(distances, num_kept)
    of_forward = time.process_time() - start
    random = [draw.choice(len(whole), num_kept, replace=False) for _ in range(NUM_DRAWS)]
    equal = np.full(num_kept, 1.0 / num_kept)
    for method, seconds, chosen in (
        ("reduce", of_medoids, [(medoids, represented(distances, medoids))]),
        ("forward", of_forward, [(forward, represented(distances, forward))]),
        ("random", 0.0, [(kept, equal) for kept in random]),
    ):
        costs = [distances[kept].min(axis=0).mean() for kept, _ in chosen]
        best = distances[medoids].min(axis=0).mean()
        for kind, losses in kinds.items():
            found = np.mean([errors(losses, *one) for one in chosen], axis=0)
            print(
                *(model_id, share, method, f"{seconds:.3f}"),
                *(f"{np.mean(costs) / best:.3f}", kind, *(f"{one:.3f}" for one in found)),
                sep="\t",
            )


if __name__ == "__main__":
    main()
