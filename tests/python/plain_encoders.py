"""The encoders the plain way: one panel, one cell at a time, in Python's own numbers.

Slow, and written from the definition alone. The fast encoders must give the same bytes. A
panel is a list of days. A day is a list of floats.
"""

import functools
import hashlib
import math
import operator
import struct
from collections.abc import Iterable, Sequence
from fractions import Fraction

from python_encoders.encoders import ENCODERS

Days = Sequence[Sequence[float]]
Integers = list[int]

U = 2.0**-24


def plain_core(panel: Days, ids: Sequence[str]) -> bytes:
    return packed(padded([value for day in panel for value in day][:384], 384))


def plain_panel_sketch(panel: Days, ids: Sequence[str]) -> bytes:
    """Give the 1536 little-endian bytes of ``num-scenario-panel-sketch-v1``."""
    model_id = "num-scenario-panel-sketch-v1"
    quantized = [[fixed_point(value) for value in day] for day in panel]
    market = [mean_of_day(day) for day in quantized]

    residuals = signed_sums(
        (
            (quantized[t][i] - market[t], signs_of(model_id, t, series_id))
            for t in range(len(panel))
            for i, series_id in enumerate(ids)
        ),
        320,
    )
    sketch = [float(total) * (U / math.sqrt(320 * len(ids))) for total in residuals]
    if len(panel) > 64:
        late = signed_sums(
            ((market[t], signs_of(model_id, t, "\x00mkt")) for t in range(64, len(panel))),
            320,
        )
        sketch = [
            value + float(total) * (U / math.sqrt(320))
            for value, total in zip(sketch, late, strict=True)
        ]

    return packed(padded([U * float(mode) for mode in market[:64]], 64) + sketch)


def plain_stress_shape(panel: Days, ids: Sequence[str]) -> bytes:
    """Give the 1536 little-endian bytes of ``num-scenario-stress-shape-v1``."""
    model_id = "num-scenario-stress-shape-v1"
    h, n = len(panel), len(ids)
    quantized = [[fixed_point(value) for value in day] for day in panel]
    market = [mean_of_day(day) for day in quantized]
    columns = [[day[i] for day in quantized] for i in range(n)]
    market_path = path_of(market)
    paths = [path_of(column) for column in columns]

    a = 2.0 / math.sqrt(h)
    weights = [U * factor for factor in (a, a, a, 1.0, 1.0, 2.0)]

    def weighted(share: float, values: Iterable[float]) -> list[float]:
        return [share * w * float(x) for w, x in zip(weights, values, strict=True)]

    vector = weighted(1.0, six_statistics(market))

    for j in range(8):
        low = math.floor(Fraction(j * h, 8))
        high = max(math.floor(Fraction((j + 1) * h, 8)), low + 1)
        squares = sum(mode**2 for mode in market[low:high])
        vector.append(U * math.sqrt(float(squares) / float(2 * (high - low))))

    # One row a statistic, each sorted on its own.
    ranked = [
        sorted(of_all_series)
        for of_all_series in zip(*map(six_statistics, columns), strict=True)
    ]
    vector += weighted(0.5, (float(sum(row)) / float(n) for row in ranked))
    tenth = math.floor(Fraction(n, 10))
    for rank in (0, tenth, n - 1 - tenth, n - 1):
        vector += weighted(0.25, (row[rank] for row in ranked))

    k = min(h, 16)
    chosen = [math.ceil(Fraction(j * h, k)) for j in range(1, k + 1)]
    vector += padded(
        [4.0 * U * float(market_path[t]) / math.sqrt(h * k) for t in chosen], 16
    )

    beside = signed_sums(
        (
            (paths[i][t] - market_path[t], signs_of(model_id, j - 1, series_id))
            for j, t in enumerate(chosen, start=1)
            for i, series_id in enumerate(ids)
        ),
        324,
    )
    scale = 4.0 * U / math.sqrt(h * k * n * 324)
    return packed(vector + [scale * float(total) for total in beside])


def plain_stress_shape_v2(panel: Days, ids: Sequence[str]) -> bytes:
    """Give the 1536 little-endian bytes of ``num-scenario-stress-shape-v2``."""
    model_id = "num-scenario-stress-shape-v2"
    h, n = len(panel), len(ids)
    quantized = [[fixed_point(value) for value in day] for day in panel]
    market = [mean_of_day(day) for day in quantized]
    market_path = path_of(market)
    columns = [[day[i] for day in quantized] for i in range(n)]
    paths = [path_of(column) for column in columns]
    # One row a statistic.
    statistics = list(zip(*map(six_statistics, columns), strict=True))

    a = 2.0 / math.sqrt(h)
    weights = [U * factor for factor in (a, a, a, 1.0, 1.0, 2.0)]
    vector = []
    for r in range(9):
        share = 0.125 if r in (0, 8) else 0.375
        rank = math.floor(Fraction(r * (n - 1) + 4, 8))
        for weight, row in zip(weights, statistics, strict=True):
            vector.append((share * weight) * float(sorted(row)[rank]))

    for j in range(16):
        rank = math.floor(Fraction(2 * j * (h - 1) + 15, 30))
        vector.append(U * float(sorted(market)[rank]))

    falls = [max(market_path[: t + 1]) - market_path[t] for t in range(h + 1)]
    rises = [market_path[t] - min(market_path[: t + 1]) for t in range(h + 1)]
    after = [max(1, math.floor(Fraction(2**b * h + 8, 16))) for b in range(4)]
    for moves in (falls, rises):
        turn = moves.index(max(moves))
        for offset in (-after[3], -after[2], -after[1], -after[0], *after):
            day = min(max(turn + offset, 0), h)
            vector.append((U / math.sqrt(h)) * float(market_path[day] - market_path[turn]))

    k = min(h, 16)
    chosen = [math.ceil(Fraction(j * h, k)) for j in range(1, k + 1)]
    vector += padded([float(market_path[t]) * (U / math.sqrt(h * k)) for t in chosen], 16)

    def projected(rows: Iterable[tuple[int, Integers]]) -> Integers:
        return signed_sums(
            (
                (value, signs_of(model_id, row, series_id))
                for row, values in rows
                for value, series_id in zip(values, ids, strict=True)
            ),
            282,
        )

    beside_mean = [
        [value - round(Fraction(sum(row), n)) for value in row] for row in statistics
    ]
    of_paths = projected(
        (j, [path[t] - market_path[t] for path in paths]) for j, t in enumerate(chosen)
    )
    of_sums = projected((16 + c, beside_mean[c]) for c in range(3))
    of_extremes = projected(
        [
            (19, beside_mean[3]),
            (20, beside_mean[4]),
            (21, [2 * value for value in beside_mean[5]]),
        ]
    )
    scale = U / math.sqrt(282 * n)
    vector += [
        (
            (
                float(paths_sum) * (2.0 / math.sqrt(h * k))
                + float(ends) * (1.0 / math.sqrt(h))
            )
            + float(extremes) * 0.5
        )
        * scale
        for paths_sum, ends, extremes in zip(of_paths, of_sums, of_extremes, strict=True)
    ]
    return packed(vector)


def fixed_point(value: float) -> int:
    """Round a return, as a Fraction, to a whole multiple of 2⁻²⁴, half to even."""
    return round(Fraction(value) * 2**24)


def mean_of_day(day: Integers) -> int:
    return round(Fraction(sum(day), len(day)))


def path_of(steps: Integers) -> Integers:
    path = [0]
    for step in steps:
        path.append(path[-1] + step)
    return path


def six_statistics(steps: Integers) -> Integers:
    path = path_of(steps)
    drawdown = run_up = 0
    highest = lowest = path[0]
    for level in path:
        highest, lowest = max(highest, level), min(lowest, level)
        drawdown = max(drawdown, highest - level)
        run_up = max(run_up, level - lowest)
    squares = sum(step**2 for step in steps)
    volatility = round(math.sqrt(float(squares) / float(len(steps))))
    return [path[-1], drawdown, run_up, min(steps), max(steps), volatility]


@functools.lru_cache(maxsize=10_000)
def signs_of(model_id: str, k: int, name: str) -> tuple[int, ...]:
    """Give the 384 signs of a cell, by the bits of the hash of its name."""
    text = "\x1f".join([model_id, str(k), name])
    digest = hashlib.blake2b(text.encode("utf-8"), digest_size=48).hexdigest()
    return tuple(1 if bit == "1" else -1 for bit in f"{int(digest, 16):0384b}")


def signed_sums(cells: Iterable[tuple[int, tuple[int, ...]]], count: int) -> Integers:
    values, rows_of_signs = zip(*cells, strict=True)
    directions = list(zip(*rows_of_signs, strict=True))[:count]
    return [sum(map(operator.mul, values, signs)) for signs in directions]


def padded(values: list[float], length: int) -> list[float]:
    return values + [0.0] * (length - len(values))


def packed(values: list[float]) -> bytes:
    return struct.pack("<384f", *values)


CORE, SKETCH, SHAPE, SHAPE_V2 = ENCODERS
PLAIN = {
    CORE: plain_core,
    SKETCH: plain_panel_sketch,
    SHAPE: plain_stress_shape,
    SHAPE_V2: plain_stress_shape_v2,
}
