"""Real daily returns, and the scenarios that the benchmark cuts from them.

Closes of 20 US stocks, 1990–2022, from the dataset that ships inside the package skfolio.
Hold-out markets, on which no encoder was tuned, from the packages universal-portfolios and
arch. The files are read from the packages' folders. The packages are not imported, so their
dependencies need not be installed.
"""

import dataclasses
import importlib.util
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

DATASET = "datasets/data/sp500_dataset.csv.gz"
# Prices without dates, and the first date of each.
HOLDOUTS = {
    "NYSE 1962–84": ("nyse_o", "1962-07-03"),
    "NYSE 1985–2010": ("nyse_n", "1985-01-01"),
    "TSE": ("tse", "1994-01-04"),
    "MSCI": ("msci", "2006-04-01"),
}
THREE_MARKETS = "S&P, Nasdaq, WTI"

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

# Each is laid over a real window. "Size" is the market's, drawn anew for each scenario.
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


# Nine more, which no encoder was tuned on.
FURTHER_TYPES = {
    "jump up": "rises by the size on one day, and stays there",
    "valley": "grinds down by the size over half the span, and up again",
    "hill": "grinds up by the size over half the span, and down again",
    "rally and crash": "rises by half the size over the span, then falls by the size",
    "gathering fall": "falls by the size, each day more than the day before",
    "fading fall": "falls by the size, each day less than the day before",
    "whipsaw": "falls and rises by a third of the size in turn, every other day",
    "one sector": "a quarter of the series crash by the size, the others do nothing",
    "rotation": "half the series crash by the size on one day, the other half rise by it",
}
# Piecewise linear paths with random knots, drawn anew for each seed.
NUM_TEMPLATES = 8
TEMPLATES = {f"template {number}": "a random path" for number in range(NUM_TEMPLATES)}

_FALL = 0.10


@dataclasses.dataclass(frozen=True, eq=False)
class Table:
    """Daily returns of some series. A table equals only itself, so it can be a key.

    Attributes
    ----------
    returns : ndarray of shape (T, N)
        Simple returns, close to close, in decimals.
    ids : list of N str
    dates : DatetimeIndex of length T
    in_crisis : ndarray of shape (T,)
        1 on the days of a crisis era, else 0.
    """

    returns: Floats
    ids: list[str]
    dates: pd.DatetimeIndex
    in_crisis: Floats


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
    dates = pd.DatetimeIndex(returns.index)
    in_crisis = np.zeros(len(dates))
    for first, last in CRISIS_ERAS.values():
        in_crisis[dates.slice_indexer(first, last)] = 1.0
    return Table(returns.to_numpy(), list(returns.columns), dates, in_crisis)


def days_in_falls(returns: Floats) -> Floats:
    """Mark the days of the market's falls of 10 % and more, shape (T,).

    A fall runs from a peak to the low before the next rise of 10 %. The market is the mean
    of the series.
    """
    level = np.cumprod(1.0 + returns.mean(axis=1))
    in_crisis = np.zeros(len(level))
    peak = low = 0
    falling = False
    for day in range(len(level)):
        if falling:
            low = day if level[day] < level[low] else low
            if level[day] > level[low] * (1.0 + _FALL):
                in_crisis[peak + 1 : low + 1] = 1.0
                falling, peak = False, day
        elif level[day] > level[peak]:
            peak = day
        elif level[day] < level[peak] * (1.0 - _FALL):
            falling, low = True, day
    if falling:
        in_crisis[peak + 1 : low + 1] = 1.0
    return in_crisis


def load_holdouts(folder: Path) -> dict[str, Table]:
    """Load the hold-out markets from where the two packages were unpacked."""
    tables = {}
    for name, (file, first) in HOLDOUTS.items():
        prices = pd.read_csv(folder / f"universal/data/{file}.csv")
        returns = prices.pct_change().iloc[1:].to_numpy()
        ids = sorted(f"S{column:03}" for column in range(returns.shape[1]))
        dates = pd.bdate_range(first, periods=len(returns))
        tables[name] = Table(returns, ids, dates, days_in_falls(returns))
    closes = {}
    for market, column in (("nasdaq", "Close"), ("sp500", "Close"), ("wti", "DCOILWTICO")):
        prices = pd.read_csv(
            folder / f"arch/data/{market}/{market}.csv.gz",
            index_col="Date",
            parse_dates=True,
            na_values=".",
        )
        closes[market] = prices[column]
    changes = pd.DataFrame(closes).dropna().pct_change().iloc[1:]
    values = changes.to_numpy()
    tables[THREE_MARKETS] = Table(
        values, list(closes), pd.DatetimeIndex(changes.index), days_in_falls(values)
    )
    return tables


def daily_vix(folder: Path) -> pd.Series:
    """Load the daily change of the VIX, in points."""
    file = folder / "arch/data/vix/vix.csv.gz"
    prices = pd.read_csv(file, index_col="Date", parse_dates=True, na_values=".")
    return prices["vix"].diff().dropna()


def monthly_yield(folder: Path) -> pd.Series:
    """Load the monthly change of Moody's BAA yield, in percentage points."""
    file = folder / "arch/data/default/default.csv.gz"
    yields = pd.read_csv(file, index_col="Date", parse_dates=True)["BAA"]
    return yields.diff().dropna()


def monthly(table: Table) -> Table:
    """Compound daily returns to monthly returns, dated by the first day of the month.

    The last month is left out, because it may not be whole. No month is marked as a crisis.
    """
    growth = pd.DataFrame(1.0 + table.returns, index=table.dates)
    returns = growth.resample("MS").prod().iloc[:-1] - 1.0
    dates = pd.DatetimeIndex(returns.index)
    return Table(returns.to_numpy(), table.ids, dates, np.zeros(len(dates)))


def beside_odd(table: Table, changes: pd.Series, divisor: float) -> tuple[Table, Table]:
    """Cut a table to the days of an odd series, and give it without and with that series.

    Parameters
    ----------
    table : Table
    changes : Series
        The odd series by date, in its own unit.
    divisor : float
        What the changes are divided by.
    """
    kept = table.dates.isin(changes.index)
    alone = Table(table.returns[kept], table.ids, table.dates[kept], table.in_crisis[kept])
    odd = changes.reindex(alone.dates).to_numpy()[:, None] / divisor
    returns = np.concatenate([alone.returns, odd], axis=1)
    return alone, dataclasses.replace(alone, returns=returns, ids=[*alone.ids, "~ODD"])


def pseudo_series(table: Table, num_eras: int) -> Table:
    """Lay eras of equal length side by side, each stock of each era a series of its own.

    Returns
    -------
    Table of shape (T // num_eras, N * num_eras)
        Ids such as ``AAPL.3``, in code-point order, as the axis of a set is. The dates
        are the first era's.
    """
    num_rows = len(table.returns) // num_eras
    eras = np.split(table.returns[: num_rows * num_eras], num_eras)
    ids = np.array([f"{name}.{era}" for era in range(num_eras) for name in table.ids])
    order = np.argsort(ids)
    returns = np.concatenate(eras, axis=1)[:, order]
    return Table(
        returns, ids[order].tolist(), table.dates[:num_rows], table.in_crisis[:num_rows]
    )


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


def crisis_share(table: Table, starts: Ints, num_days: int) -> Floats:
    """Measure which share of each window's days lies in a crisis era, shape (B,)."""
    share: Floats = cut_windows(table.in_crisis, starts, num_days).mean(axis=1)
    return share


def _further_days(kind: str, span: int, size: float) -> Floats:
    """Give the market's shock of one further stress type, shape (span,)."""
    days = np.zeros(span)
    half = span // 2
    if kind in ("valley", "hill"):
        days[:half], days[half : 2 * half] = -size / half, size / half
    elif kind == "rally and crash":
        days[:-1] = size / 2 / (span - 1)
        days[-1] = -size
    elif kind in ("gathering fall", "fading fall"):
        days[:] = -size * np.arange(1, span + 1) / (span * (span + 1) / 2)
    elif kind == "whipsaw":
        days[::2] = size / 3
        days[::4] *= -1.0
    else:
        days[0] = size if kind == "jump up" else -size
    if kind == "hill":
        return -days
    return days[::-1] if kind == "fading fall" else days


def _template_days(template: Floats, span: int, size: float) -> Floats:
    """Stretch a template, knots of shape (2, K) from 0 to 1, over the span."""
    path = np.interp(np.linspace(0.0, 1.0, span + 1), template[0], template[1])
    days: Floats = np.diff(path) * size
    return days


def random_templates(draw: np.random.Generator) -> list[Floats]:
    """Draw paths with two to four inner knots. The largest level of each is ±1."""
    templates = []
    for _ in range(NUM_TEMPLATES):
        num_knots = int(draw.integers(2, 5))
        days = np.concatenate([[0.0], np.sort(draw.random(num_knots)), [1.0]])
        levels = np.concatenate([[0.0], draw.uniform(-1.0, 1.0, num_knots + 1)])
        templates.append(np.array([days, levels / np.abs(levels).max()]))
    return templates


def _market_days(
    kind: str,
    num_days: int,
    size: float,
    any_onset: bool,
    draw: np.random.Generator,
    template: Floats | None = None,
) -> Floats:
    """Draw the market's shock of one stress type, shape (H,).

    The span is 30 to 50 % of the horizon, the onset any day that leaves room for it.
    """
    days = np.zeros(num_days)
    span = round(num_days * draw.uniform(0.3, 0.5))
    onset = int(draw.integers(num_days - span)) if any_onset else 0
    if template is not None:
        days[onset : onset + span] = _template_days(template, span, size)
    elif kind in FURTHER_TYPES:
        days[onset : onset + span] = _further_days(kind, span, size)
    elif kind == "crash":
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
    types: Mapping[str, str] = STRESS_TYPES,
) -> tuple[Floats, Ints, Ints]:
    """Lay each stress type over real windows drawn at random.

    A series moves by the market's shock times a beta of its own, 0.5 to 1.5 before the
    betas are scaled to a mean of 1. The window below is real. It may be calm or a crisis.

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
    types : mapping of K str
        ``STRESS_TYPES``, ``FURTHER_TYPES`` or ``TEMPLATES``.

    Returns
    -------
    ndarray of shape (K * num_per_type, H, N)
        The scenarios, in the order of their windows.
    ndarray of shape (K * num_per_type,)
        Which type each is, a position in ``types``.
    ndarray of shape (K * num_per_type,)
        First row of each window.
    """
    num_series = int(returns.shape[1])
    kinds = list(types)
    templates = random_templates(draw) if types is TEMPLATES else None
    labels = draw.permutation(np.repeat(np.arange(len(kinds)), num_per_type))
    every_start = window_starts(len(returns), num_days, 1)
    starts = np.sort(draw.choice(every_start, len(labels)))
    panels = cut_windows(returns, starts, num_days)
    for panel, label in zip(panels, labels, strict=True):
        betas = draw.uniform(0.5, 1.5, num_series)
        betas /= betas.mean()
        if kinds[label] in ("split", "rotation"):
            betas[draw.permutation(num_series)[: num_series // 2]] *= -1.0
        elif kinds[label] == "one sector":
            betas[draw.permutation(num_series)[max(1, num_series // 4) :]] = 0.0
        size = draw.uniform(*sizes)
        template = None if templates is None else templates[label]
        shock = _market_days(kinds[label], num_days, size, any_onset, draw, template)
        panel += shock[:, None] * betas
    return panels, labels, starts
