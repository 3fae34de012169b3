"""Real daily returns, and the scenarios that the benchmark cuts from them.

Closes of 20 US stocks, 1990–2022, from the dataset that ships inside the package skfolio.
The file is read where the package lies; the package itself is not imported, so what it
depends on need not be there.
"""

import dataclasses
import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

DATASET = "datasets/data/sp500_dataset.csv.gz"

# Peak and low of the S&P 500 (closes): the falls of 10 % and more after January 1990. Falls
# within one bear market are one era.
CRISIS_ERAS = {
    "Kuwait": ("1990-07-16", "1990-10-11"),
    "Asian crisis": ("1997-10-07", "1997-10-27"),
    "Russia and LTCM": ("1998-07-17", "1998-10-08"),
    "Rate rises of 1999": ("1999-07-16", "1999-10-15"),
    "Dot-com": ("2000-03-24", "2002-10-09"),
    "Before the Iraq war": ("2002-11-27", "2003-03-11"),
    "Global financial crisis": ("2007-10-09", "2009-03-09"),
    "Greece and the flash crash": ("2010-04-23", "2010-07-02"),
    "Euro crisis and US downgrade": ("2011-04-29", "2011-10-03"),
    "Yuan and oil": ("2015-05-21", "2016-02-11"),
    "Volmageddon": ("2018-01-26", "2018-02-08"),
    "Christmas sell-off": ("2018-09-20", "2018-12-24"),
    "Covid": ("2020-02-19", "2020-03-23"),
    "Rates shock": ("2022-01-03", "2022-10-12"),
}

# Each is laid over a real window; "size" is the market's, drawn anew for each scenario.
STRESS_TYPES = {
    "crash": "falls by the size on one day, and stays there",
    "grind": "falls by the size in equal steps over the span",
    "crash and recovery": "falls on one day, gains all of it back over the span",
    "crash and half recovery": "falls on one day, gains half of it back over the span",
    "two crashes": "falls by half the size on one day, and again at the end of the span",
    "melt-up": "rises by the size in equal steps over the span",
    "volatility burst": "days of ±size/√span in random order, no drift over the span",
    "split": "half the series grind down over the span, the other half grind up",
}


@dataclasses.dataclass(frozen=True, eq=False)
class Table:
    """Daily returns of some series; equal only to itself, so that it can be a key.

    Attributes
    ----------
    returns : ndarray of shape (T, N)
        Simple returns, close to close, in decimals.
    ids : list of N str
    dates : DatetimeIndex of length T
    """

    returns: Floats
    ids: list[str]
    dates: pd.DatetimeIndex


def load_returns() -> Table:
    """Load the daily returns of the 20 stocks.

    Raises
    ------
    SystemExit
        When skfolio is not where Python looks for packages.
    """
    package = importlib.util.find_spec("skfolio")
    if package is None or not package.submodule_search_locations:
        raise SystemExit(
            "the returns are inside the package skfolio, which is not there; "
            "`make bench-quality` fetches it"
        )
    file = Path(package.submodule_search_locations[0]) / DATASET
    closes = pd.read_csv(file, index_col="Date", parse_dates=True).sort_index(axis=1)
    returns = closes.pct_change().iloc[1:]
    return Table(returns.to_numpy(), list(returns.columns), pd.DatetimeIndex(returns.index))


def pseudo_series(table: Table, num_eras: int) -> Table:
    """Lay eras of equal length side by side, each stock of each era a series of its own.

    Returns
    -------
    Table of shape (T // num_eras, N * num_eras)
        Ids such as ``AAPL.3``, in code point order, as the axis of a set is; the dates
        are those of the first era.
    """
    num_rows = len(table.returns) // num_eras
    eras = np.split(table.returns[: num_rows * num_eras], num_eras)
    ids = np.array([f"{name}.{era}" for era in range(num_eras) for name in table.ids])
    order = np.argsort(ids)
    returns = np.concatenate(eras, axis=1)[:, order]
    return Table(returns, ids[order].tolist(), table.dates[:num_rows])


def window_starts(num_rows: int, num_days: int, step: int) -> Ints:
    """List the first rows of all windows, one every ``step`` days."""
    return np.arange(0, num_rows - num_days + 1, step)


def cut_windows(returns: Floats, starts: Ints, num_days: int) -> Floats:
    """Cut windows of consecutive days.

    Parameters
    ----------
    returns : ndarray of shape (T, N)
    starts : ndarray of shape (B,)
        First row of each window.
    num_days : int
        H.

    Returns
    -------
    ndarray of shape (B, H, N)
    """
    windows: Floats = returns[starts[:, None] + np.arange(num_days)]
    return windows


def overlaps(starts: Ints, other_starts: Ints, num_days: int) -> Bools:
    """Tell which windows share a day, as an array of shape (len(starts), len(others))."""
    shared: Bools = np.abs(starts[:, None] - other_starts) < num_days
    return shared


def crisis_share(dates: pd.DatetimeIndex, starts: Ints, num_days: int) -> Floats:
    """Measure which share of each window's days lies in a crisis era, shape (B,)."""
    in_crisis = np.zeros(len(dates))
    for first, last in CRISIS_ERAS.values():
        in_crisis[dates.slice_indexer(first, last)] = 1.0
    share: Floats = cut_windows(in_crisis, starts, num_days).mean(axis=1)
    return share


def _market_days(
    kind: str, num_days: int, size: float, any_onset: bool, draw: np.random.Generator
) -> Floats:
    """Draw the market's shock of one stress type, shape (H,).

    The span is 30 to 50 % of the horizon, the onset any day that leaves room for it.
    """
    days = np.zeros(num_days)
    span = round(num_days * draw.uniform(0.3, 0.5))
    onset = int(draw.integers(num_days - span)) if any_onset else 0
    if kind == "crash":
        days[onset] = -size
    elif kind in ("grind", "split"):
        days[onset : onset + span] = -size / span
    elif kind in ("crash and recovery", "crash and half recovery"):
        days[onset] = -size
        regained = size if kind == "crash and recovery" else size / 2
        days[onset + 1 : onset + 1 + span] = regained / span
    elif kind == "two crashes":
        days[[onset, onset + span - 1]] = -size / 2
    elif kind == "melt-up":
        days[onset : onset + span] = size / span
    elif kind == "volatility burst":
        signs = np.where(draw.random(span) < 0.5, -1.0, 1.0)
        days[onset : onset + span] = (signs - signs.mean()) * size / np.sqrt(span)
    else:
        raise ValueError(f"no stress type {kind!r}")
    return days


def stress_types(
    returns: Floats,
    num_days: int,
    num_per_type: int,
    sizes: tuple[float, float],
    any_onset: bool,
    draw: np.random.Generator,
) -> tuple[Floats, Ints, Ints]:
    """Lay each stress type over real windows drawn at random.

    A series moves by the market's shock times a beta of its own, 0.5 to 1.5 before the
    betas are scaled to a mean of 1. The window below is real and untouched: it may be calm
    or a crisis itself.

    Parameters
    ----------
    returns : ndarray of shape (T, N)
    num_days : int
        H.
    num_per_type : int
    sizes : tuple of float
        Bounds of the market's shock, in decimals.
    any_onset : bool
        Otherwise every shock begins on the first day.
    draw : Generator

    Returns
    -------
    ndarray of shape (8 * num_per_type, H, N)
        The scenarios, in the order of their windows.
    ndarray of shape (8 * num_per_type,)
        Which type each is, a position in ``STRESS_TYPES``.
    ndarray of shape (8 * num_per_type,)
        First row of each window.
    """
    num_series = int(returns.shape[1])
    kinds = list(STRESS_TYPES)
    labels = draw.permutation(np.repeat(np.arange(len(kinds)), num_per_type))
    every_start = window_starts(len(returns), num_days, 1)
    starts = np.sort(draw.choice(every_start, len(labels)))
    panels = cut_windows(returns, starts, num_days)
    for panel, label in zip(panels, labels, strict=True):
        betas = draw.uniform(0.5, 1.5, num_series)
        betas /= betas.mean()
        if kinds[label] == "split":
            betas[draw.permutation(num_series)[: num_series // 2]] *= -1.0
        size = draw.uniform(*sizes)
        shock = _market_days(kinds[label], num_days, size, any_onset, draw)
        panel += shock[:, None] * betas
    return panels, labels, starts
