"""A few statistics of a scenario's panel, and how far they are from those of others.

All sums are taken in one order (``cumsum``), one IEEE operation after another, so that the
numbers are the same on every machine. ``sum`` and LAPACK promise no order.
"""

import math
from typing import Any

import numpy as np
import pyarrow as pa
from adbc_driver_manager.dbapi import Connection
from numpy.typing import NDArray

from python_encoders.postgres import fetch, relation
from python_encoders.search.distances import Floats

STATISTICS = ("market_return", "volatility", "worst_day", "dispersion")


def _sum(values: Floats, axis: int) -> Any:
    added: Any = np.cumsum(values, axis=axis).take(-1, axis=axis)
    return added


def statistics(panel: NDArray[np.float64]) -> Floats:
    """Measure what happens to the market, per day, so that horizons compare.

    Parameters
    ----------
    panel : ndarray of shape (H, N), float64
        Returns in decimals.

    Returns
    -------
    ndarray of shape (4,), float64
        The market is the mean over the series. Its return over all days, divided by √H; its
        volatility (root mean square of a day); its worst day; and the dispersion: the root
        mean square of how far the series are from the market on a day.
    """
    num_days, num_series = panel.shape
    market = _sum(panel, 1) / num_series
    apart = np.square(panel - market[:, None])
    return np.array(
        [
            _sum(market, 0) / math.sqrt(num_days),
            math.sqrt(_sum(np.square(market), 0) / num_days),
            market.min(),
            math.sqrt(_sum(_sum(apart, 1), 0) / (num_days * num_series)),
        ]
    )


def set_statistics(
    connection: Connection, scenario_set_id: str, scenario_ids: list[str]
) -> Floats:
    """Measure the panels of a set's scenarios.

    Returns
    -------
    ndarray of shape (len(scenario_ids), 4), float64
        NaN where a scenario has no panel any more.
    """
    fetch(
        connection,
        "select set_config('scenario_embeddings.scenario_set_id', $1, false)",
        [scenario_set_id],
    )
    measured: dict[str, Floats] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            select scenario_id, num_series, panel from {relation("scenario_panels")}
            where
                scenario_set_id = current_setting('scenario_embeddings.scenario_set_id')
            """
        )
        for batch in cursor.fetch_record_batch():
            widths = batch["num_series"].to_pylist()
            for row, scenario_id in enumerate(batch["scenario_id"].to_pylist()):
                cells = batch["panel"][row].values.to_numpy()
                with np.errstate(over="ignore", invalid="ignore"):
                    measured[scenario_id] = statistics(cells.reshape(-1, widths[row]))
    unknown = np.full(len(STATISTICS), np.nan)
    return np.array([measured.get(one, unknown) for one in scenario_ids])


def _shrunk_correlation(scores: Floats) -> Floats:
    """Estimate a correlation matrix, shrunk towards none between the statistics.

    The intensity is that of Schäfer and Strimmer, Statistical Applications in Genetics and
    Molecular Biology 4(1), 2005, for the target of unequal variances and no correlation.
    """
    num_rows, num_columns = scores.shape
    products = scores[:, :, None] * scores[:, None, :]
    mean = _sum(products, 0) / num_rows
    correlation = mean * (num_rows / (num_rows - 1))
    spread = _sum(np.square(products - mean), 0) * (num_rows / (num_rows - 1) ** 3)
    off = ~np.eye(num_columns, dtype=bool)
    squares = math.fsum(np.square(correlation[off]))
    shrinkage = min(1.0, math.fsum(spread[off]) / squares) if squares else 1.0
    return np.where(off, correlation * (1.0 - shrinkage), 1.0)


def mahalanobis(values: Floats, reference: Floats) -> Floats:
    """Measure how far statistics are from those of a reference, in standard deviations.

    √((x − μ)ᵀ Σ⁻¹ (x − μ)), by Mahalanobis, Proceedings of the National Institute of
    Sciences of India 2(1), 1936. Its square is the turbulence of Chow, Jacquier,
    Kritzman and Lowry, Financial Analysts Journal 55(3), 1999.

    Parameters
    ----------
    values : ndarray of shape (A, P), float64
    reference : ndarray of shape (B, P), float64
        A statistic that is the same in all of them is left out.

    Returns
    -------
    ndarray of shape (A,), float64
        NaN where a value is not known, and everywhere where the reference has fewer than
        P + 2 rows.
    """
    reference = reference[np.isfinite(reference).all(axis=1)]
    nothing = np.full(len(values), np.nan)
    if len(reference) < reference.shape[1] + 2:
        return nothing
    centre = _sum(reference, 0) / len(reference)
    spread = np.sqrt(_sum(np.square(reference - centre), 0) / (len(reference) - 1))
    varies = spread > 0.0
    if not varies.any():
        return nothing
    scores = ((values - centre) / np.where(varies, spread, 1.0))[:, varies]
    correlation = _shrunk_correlation(((reference - centre)[:, varies]) / spread[varies])
    # Cholesky's factor and the forward substitution in one: each statistic by what the
    # ones before do not explain.
    size = len(correlation)
    factor = np.zeros((size, size))
    solved = np.zeros_like(scores)
    for row in range(size):
        for column in range(row + 1):
            rest = correlation[row, column] - math.fsum(
                factor[row, :column] * factor[column, :column]
            )
            if column < row:
                factor[row, column] = rest / factor[column, column]
            elif rest <= 0.0:
                return nothing
            else:
                factor[row, row] = math.sqrt(rest)
        explained = np.zeros(len(scores))
        for column in range(row):
            explained += factor[row, column] * solved[:, column]
        solved[:, row] = (scores[:, row] - explained) / factor[row, row]
    distances: Floats = np.sqrt(_sum(np.square(solved), 1))
    return distances


def nulls_for_nan(values: Floats) -> pa.Array:
    """Give an Arrow array in which what is not known is null."""
    return pa.array(values, from_pandas=True)
