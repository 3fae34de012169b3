"""Microseconds a scenario for each encoder, beside a bare matrix product of the same size.

Run it with ``make bench-throughput``. The product multiplies the batch's cells, ndarray of
shape (B, H·N), with a ready matrix of shape (H·N, 320), both float64. Any dense projection
of the panel into 320 values has to do at least this. Runs are interleaved. Figures are
medians. A ratio is of two runs next to each other.
"""

import functools
import statistics
import time
from collections.abc import Callable

import numpy as np
from rich.console import Console
from rich.table import Table

from python_encoders.encoders import ENCODERS
from python_encoders.postgres import BATCH_BYTES

NUM_RUNS = 15
SHAPES = [(30, 20), (60, 200), (100, 300)]


def seconds(work: Callable[[], object]) -> float:
    """Time one run."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure(num_days: int, num_series: int) -> dict[str, tuple[float, float]]:
    """Give microseconds a scenario, and the ratio to the bare product, by encoder."""
    num_cells = num_days * num_series
    num_panels = BATCH_BYTES // (8 * num_cells)
    draw = np.random.default_rng(20260101)
    panels = draw.standard_normal((num_panels, num_days, num_series)) * 0.02
    matrix = draw.choice([-1.0, 1.0], (num_cells, 320))
    series_ids = [f"SERIES{column}" for column in range(num_series)]
    cells = panels.reshape(num_panels, -1)
    work: dict[str, Callable[[], object]] = {
        model_id: functools.partial(encoder.encode, panels, series_ids)
        for model_id, encoder in ENCODERS.items()
    }
    runs: dict[str, list[tuple[float, float]]] = {model_id: [] for model_id in work}
    bare = []
    for run in range(NUM_RUNS + 1):
        for model_id, encode in work.items():
            beside = seconds(lambda: cells @ matrix)
            taken = seconds(encode)
            if run:  # the first one builds the signs, once a set
                bare.append(beside)
                runs[model_id].append((taken, taken / beside))
    measured = {
        model_id: (
            statistics.median(taken for taken, _ in pairs) / num_panels * 1e6,
            statistics.median(ratio for _, ratio in pairs),
        )
        for model_id, pairs in runs.items()
    }
    return {"bare product": (statistics.median(bare) / num_panels * 1e6, 1.0), **measured}


def main() -> None:
    """Print one table."""
    table = Table(title="µs a scenario (ratio to the bare product)")
    table.add_column("")
    columns = [measure(*shape) for shape in SHAPES]
    for num_days, num_series in SHAPES:
        table.add_column(f"{num_days} × {num_series}", justify="right")
    for name in columns[0]:
        table.add_row(name, *(f"{c[name][0]:.1f} ({c[name][1]:.2f})" for c in columns))
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
