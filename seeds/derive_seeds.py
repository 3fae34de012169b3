"""Derive the shipped seeds from the daily closes in the skfolio package.

Run by hand, only when the seeds themselves are to change::

    pip install -e '.[seeds]' && python seeds/derive_seeds.py

Writes ``scenario_sets.csv`` and ``scenario_paths.csv`` beside this file, in the shape
of the producer's tables (sentinel ids, a baseline row of zeros at horizon 0). The same
prices give the same bytes: the only randomness is ``random.Random`` with a fixed seed.
Provenance and licence are stated in README.md beside this file.
"""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from skfolio.datasets import load_sp500_dataset

HERE = Path(__file__).parent
CREATED_AT = "2026-11-20T00:00:00+00:00"
RETURN_DECIMALS = 8

HIST_SET = "HIST_STRESS_20D"
HIST_DAYS = 20
# Name, class, last day of the 20-day window.
HIST_WINDOWS = [
    ("Kuwait invasion, August 1990", "CRISIS", "1990-08-23"),
    ("Asian crisis, October 1997", "CRISIS", "1997-10-27"),
    ("Russia and LTCM, August 1998", "CRISIS", "1998-08-31"),
    ("Dot-com break, April 2000", "CRISIS", "2000-04-14"),
    ("Dot-com unwinding, March 2001", "CRISIS", "2001-03-16"),
    ("11 September 2001", "CRISIS", "2001-09-21"),
    ("Accounting scandals, July 2002", "CRISIS", "2002-07-23"),
    ("Quant quake, August 2007", "CRISIS", "2007-08-16"),
    ("Lehman, October 2008", "CRISIS", "2008-10-10"),
    ("Second leg down, November 2008", "CRISIS", "2008-11-20"),
    ("Bear-market low, March 2009", "CRISIS", "2009-03-09"),
    ("Flash crash, May 2010", "CRISIS", "2010-05-24"),
    ("US downgrade, August 2011", "CRISIS", "2011-08-10"),
    ("Yuan devaluation, August 2015", "CRISIS", "2015-08-25"),
    ("Volmageddon, February 2018", "CRISIS", "2018-02-08"),
    ("Christmas sell-off, December 2018", "CRISIS", "2018-12-24"),
    ("Covid crash, March 2020", "CRISIS", "2020-03-20"),
    ("Rates shock, September 2022", "CRISIS", "2022-09-23"),
    ("Calm of September 1995", "CALM", "1995-09-22"),
    ("Calm of July 2004", "CALM", "2004-07-20"),
    ("Calm of December 2005", "CALM", "2005-12-30"),
    ("Calm of December 2013", "CALM", "2013-12-09"),
    ("Calm of October 2017", "CALM", "2017-10-20"),
    ("Calm of June 2021", "CALM", "2021-06-16"),
]

BOOTSTRAP_SET = "SET_ABC123"
BOOTSTRAP_DAYS = 10
BOOTSTRAP_SCENARIOS = 120
BOOTSTRAP_SEED = 20221228
WORST_DAYS = 250
# One scenario lacks one cell, so that a rejection is seen.
LEFT_OUT = (37, 6, "JPM")

PATH_COLUMNS = [
    "scenario_set_id",
    "scenario_id",
    "horizon_index",
    "instrument_id",
    "factor_id",
    "macro_id",
    "return_value",
    "price",
    "shock_metadata",
]


def path_rows(
    set_id: str, scenario_id: int, returns: pd.DataFrame, prices: pd.DataFrame | None
) -> Iterator[list[Any]]:
    """Yield the producer's rows of one scenario: the baseline, then each day."""
    baseline = pd.DataFrame(0.0, index=[0], columns=returns.columns)
    for horizon, (_, day) in enumerate(pd.concat([baseline, returns]).iterrows()):
        for instrument, value in day.items():
            price = "" if prices is None else f"{prices[instrument].iloc[horizon]:.3f}"
            yield [
                set_id,
                scenario_id,
                horizon,
                instrument,
                "__INSTRUMENT__",
                "__NONE__",
                repr(float(value)) if value else "0.0",
                price,
                "",
            ]


def historical(
    prices: pd.DataFrame, returns: pd.DataFrame
) -> tuple[dict[str, Any], list[list[Any]]]:
    """Cut the named 20-day windows: labels by scenario id, and path rows."""
    labels: dict[str, Any] = {}
    rows: list[list[Any]] = []
    for scenario_id, (name, kind, last_day) in enumerate(HIST_WINDOWS, start=1):
        end = returns.index.get_loc(last_day) + 1
        window = returns.iloc[end - HIST_DAYS : end]
        levels = prices.loc[: window.index[-1]].iloc[-HIST_DAYS - 1 :]
        rows += path_rows(HIST_SET, scenario_id, window, levels)
        labels[str(scenario_id)] = {
            "name": name,
            "class": kind,
            "first_day": f"{window.index[0]:%Y-%m-%d}",
            "last_day": f"{window.index[-1]:%Y-%m-%d}",
        }
    return labels, rows


def bootstrap(returns: pd.DataFrame) -> tuple[dict[str, Any], list[list[Any]]]:
    """Draw 10-day scenarios with 1 to 10 of the worst days, the rest ordinary ones."""
    draw = random.Random(BOOTSTRAP_SEED)
    by_severity = returns.mean(axis=1).sort_values(kind="stable").index
    worst, ordinary = list(by_severity[:WORST_DAYS]), sorted(by_severity[WORST_DAYS:])
    labels: dict[str, Any] = {}
    rows: list[list[Any]] = []
    for scenario_id in range(1, BOOTSTRAP_SCENARIOS + 1):
        stressed = 1 + (scenario_id - 1) % BOOTSTRAP_DAYS
        days = draw.choices(worst, k=stressed)
        days += draw.choices(ordinary, k=BOOTSTRAP_DAYS - stressed)
        draw.shuffle(days)
        drawn = path_rows(BOOTSTRAP_SET, scenario_id, returns.loc[days], None)
        rows += [row for row in drawn if (row[1], row[2], row[3]) != LEFT_OUT]
        labels[str(scenario_id)] = {
            "name": f"Draw {scenario_id}: {stressed} of {BOOTSTRAP_DAYS} days stressed",
            "class": "STRESSED",
        }
    return labels, rows


def set_row(**values: Any) -> dict[str, Any]:
    """One row of ``scenario_sets``: JSON for jsonb, the rest as it is."""
    return {
        key: json.dumps(value) if isinstance(value, dict) else value
        for key, value in values.items()
    }


def main() -> None:
    """Write both files."""
    prices = load_sp500_dataset()
    returns = prices.pct_change().iloc[1:].round(RETURN_DECIMALS)
    hist_labels, hist_rows = historical(prices, returns)
    boot_labels, boot_rows = bootstrap(returns)
    universe = {"instrument_ids": list(prices.columns)}
    source = {"package": "skfolio", "dataset": "sp500_dataset", "licence": "BSD-3-Clause"}
    first, last = f"{returns.index[0]:%Y-%m-%d}", f"{returns.index[-1]:%Y-%m-%d}"
    shared = {
        "base_universe_filter": universe,
        "base_date_start": first,
        "base_date_end": last,
        "created_at": CREATED_AT,
        "created_by": "seeds/derive_seeds.py",
    }
    sets = [
        set_row(
            scenario_set_id=HIST_SET,
            name="Historical stress windows, 20 days",
            description="20-day windows of 20 US stocks: crises, and calm beside them",
            category="HISTORICAL",
            horizon_days=HIST_DAYS,
            num_paths=len(HIST_WINDOWS),
            regime_filter="{}",
            generator_spec={"kind": "window", "days": HIST_DAYS, "source": source},
            tags="{historical,stress}",
            metadata={"scenarios": hist_labels},
            **shared,
        ),
        set_row(
            scenario_set_id=BOOTSTRAP_SET,
            name="Stressed bootstrap, 10 days",
            description=f"Draws from the {WORST_DAYS} worst days and from the others",
            category="BOOTSTRAP",
            horizon_days=BOOTSTRAP_DAYS,
            num_paths=BOOTSTRAP_SCENARIOS,
            regime_filter="{STRESSED}",
            generator_spec={"kind": "bootstrap", "seed": BOOTSTRAP_SEED, "source": source},
            tags="{bootstrap,stress}",
            metadata={"scenarios": boot_labels},
            **shared,
        ),
    ]
    columns = [
        "scenario_set_id",
        "name",
        "description",
        "category",
        "horizon_days",
        "num_paths",
        "base_universe_filter",
        "base_date_start",
        "base_date_end",
        "regime_filter",
        "generator_spec",
        "created_at",
        "created_by",
        "tags",
        "metadata",
    ]
    with open(HERE / "scenario_sets.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(sets)
    with open(HERE / "scenario_paths.csv", "w", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(PATH_COLUMNS)
        lines.writerows(hist_rows + boot_rows)


if __name__ == "__main__":
    main()
