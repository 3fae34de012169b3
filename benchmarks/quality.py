"""Measure what the vectors are worth on real returns, and write ``docs/quality.md``.

Run it from the project's directory, with skfolio where Python finds it::

    make bench-quality

The tasks are in ``tasks.py``, the data in ``scenarios.py``. The page is written here as a
whole, text and figures, so that a rerun gives the page again.
"""

import datetime
import functools
import importlib.metadata
import platform
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.scenarios import (
    CRISIS_ERAS,
    FURTHER_TYPES,
    STRESS_TYPES,
    TEMPLATES,
    Table,
    beside_odd,
    daily_vix,
    load_holdouts,
    load_returns,
    monthly,
    monthly_yield,
    pseudo_series,
)
from benchmarks.tasks import (
    COLUMNS,
    EXACT,
    GAIN,
    NUM_PER_TYPE,
    PCA,
    QUERY_STEP,
    SEEDS,
    SHIFTS,
    SHORT_NAMES,
    STRESS_SIZES,
    V1,
    V2,
    VOLATILITY,
    YARDSTICKS,
    Figure,
    Figures,
    beyond_limit,
    correlation_of_distances,
    crisis_told,
    embed_halves,
    found_after_shifts,
    found_in_other_universe,
    found_with_series_missing,
    neighbours_left,
    over_draws,
    recall_of_neighbours,
    stress_type_told,
)
from python_encoders.encoders import BLOCKS

OUTPUT = Path(__file__).resolve().parents[1] / "docs" / "quality.md"
HOLDOUT_FOLDER = Path(__file__).resolve().parents[1] / "build" / "holdout"
NUM_ERAS = 10
TYPE_TASKS = {
    "stress type": STRESS_TYPES,
    "nine further types": FURTHER_TYPES,
    "random templates": TEMPLATES,
}
AFTERMATH = 60
# Columns of the table of halves: how many values of each vector are compared.
BLOCK_VALUES = {
    SHORT_NAMES[model_id]: num_values
    for block in BLOCKS.values()
    for model_id, num_values in block.items()
}

# The figures that docs/encoders.md expects, by column. None where it gives none.
EXPECTED_COLUMNS = ("core", "panel-sketch", V1, EXACT, V2)
EXPECTED = {
    "recall@10 of true return-L2 neighbours, 60 days": (0.12, 0.39, 0.00, 1.0),
    "Spearman of distances, 60 days": (0.85, 0.99, None, 1.0),
    "half the series missing, 20 days": (0.01, 1.0, 0.71, None, 0.65),
    "two overlapping universes, 20 days": (0.14, 1.0, 0.99, None, 0.767),
    "stress type, 20 days": (0.47, 0.49, 0.82, 0.47, 0.885),
    "stress type, 60 days": (0.19, 0.33, 0.75, 0.27, 0.74),
    "crisis against calm, 20 days": (0.55, 0.55, 0.84, 0.56, 0.826),
    "crisis against calm, 60 days": (0.54, 0.52, 0.89, 0.52, 0.887),
}


def shifted_task(shift: int, num_days: int) -> str:
    """Name a row of the tables."""
    return f"shifted by {shift} day{'s' if shift > 1 else ''}, {num_days} days"


def measure(stocks: Table, pseudo: Table) -> dict[str, Figures]:
    """Measure every task as it is set up on the page, by the table's rows."""
    rows = {
        "recall@10 of true return-L2 neighbours, 60 days": recall_of_neighbours(stocks),
        "Spearman of distances, 60 days": correlation_of_distances(stocks),
        "half the series missing, 20 days": found_with_series_missing(stocks),
        "two overlapping universes, 20 days": found_in_other_universe(pseudo),
    }
    for num_days in (20, 60):
        for shift, figures in found_after_shifts(stocks, num_days).items():
            rows[shifted_task(shift, num_days)] = figures
    for task, types in TYPE_TASKS.items():
        for num_days in (20, 60):
            rows[f"{task}, {num_days} days"] = stress_type_told(
                stocks, num_days, types=types
            )
    for num_days in (20, 60):
        rows[f"crisis against calm, {num_days} days"] = crisis_told(stocks, num_days)
    return rows


def measure_halves(stocks: Table) -> dict[str, Figures]:
    """Measure what one half of the series finds in the other half."""

    def averaged(task: Callable[..., Figures]) -> Figures:
        return over_draws(
            [task(embedded=functools.partial(embed_halves, seed)) for seed in SEEDS]
        )

    def after_shift(table: Table, num_days: int, shift: int, metric: str = "L2") -> Figures:
        shifted = functools.partial(
            found_after_shifts, table, num_days, metric=metric, shifts=(shift,)
        )
        return averaged(lambda embedded: shifted(embedded=embedded)[shift])

    rows = {}
    for num_days in (20, 60):
        rows[f"the same days, {num_days} days"] = after_shift(stocks, num_days, 0)
        for shift in SHIFTS:
            rows[shifted_task(shift, num_days)] = after_shift(stocks, num_days, shift)
    for num_days in (20, 60):
        days = f"{num_days} days"
        told = functools.partial(stress_type_told, stocks, num_days)
        rows[f"stress type, {days}"] = averaged(told)
        told = functools.partial(crisis_told, stocks, num_days)
        rows[f"crisis against calm, {days}"] = averaged(told)
    for num_days in (20, 60):
        rows[f"the same days, {num_days} days, cosine"] = after_shift(
            stocks, num_days, 0, "cosine"
        )
    for market, table in load_holdouts(HOLDOUT_FOLDER).items():
        rows[f"the same days, 20 days: {market}"] = after_shift(table, 20, 0)
    return rows


def measure_holdouts() -> dict[str, dict[str, Figures]]:
    """Measure all encoders on markets that none was tuned on, by market and task."""
    measured: dict[str, dict[str, Figures]] = {}
    for market, table in load_holdouts(HOLDOUT_FOLDER).items():
        rows = measured[market] = {}
        for num_days in (20, 60):
            days = f"{num_days} days"
            for task, types in TYPE_TASKS.items():
                rows[f"{task}, {days}"] = stress_type_told(table, num_days, types=types)
            rows[f"crisis against calm, {days}"] = crisis_told(table, num_days)
        rows["shifted by 5 days, 20 days"] = found_after_shifts(table, 20)[5]
    return measured


def measure_units(stocks: Table) -> tuple[dict[str, Figures], dict[str, float]]:
    """Measure what one odd series does to the neighbours, with and without a divisor.

    Returns
    -------
    dict of str to Figures
        By the series and its unit. A unit of which no window is left is not here.
    dict of str to float
        The share of windows that no sketch takes.
    """
    vix, baa = daily_vix(HOLDOUT_FOLDER), monthly_yield(HOLDOUT_FOLDER)
    months = monthly(stocks)
    rows, refused = {}, {}
    for unit, table, changes, divisor, num_steps, step in (
        ("VIX, points", stocks, vix, 1.0, 20, 5),
        ("VIX, divisor 100", stocks, vix, 100.0, 20, 5),
        ("BAA yield, basis points", months, baa, 0.01, 12, 1),
        ("BAA yield, percent", months, baa, 1.0, 12, 1),
        ("BAA yield, divisor 100", months, baa, 100.0, 12, 1),
    ):
        alone, odd = beside_odd(table, changes, divisor)
        refused[unit] = beyond_limit(odd, num_steps)
        if refused[unit] < 1.0:
            rows[unit] = neighbours_left(alone, odd, num_steps, step)
    return rows, refused


def vary(stocks: Table, pseudo: Table) -> dict[str, Figures]:
    """Measure how the figures change with the set-up of the tasks."""
    half = len(stocks.returns) // 2
    early, late = (
        Table(stocks.returns[part], stocks.ids, stocks.dates[part], stocks.in_crisis[part])
        for part in (slice(half), slice(half, None))
    )
    rows = {
        "recall: a window every 5 days": recall_of_neighbours(stocks, step=5),
        "recall: a window every 20 days": recall_of_neighbours(stocks, step=20),
        "recall: 2006–2022, PCA fitted there": recall_of_neighbours(late),
        "recall: 2006–2022, PCA fitted before": recall_of_neighbours(late, 1, early),
        "series missing: L2": found_with_series_missing(stocks, metric="L2"),
        "series missing: a window every 20 days": found_with_series_missing(stocks, 20),
        "universes: L2": found_in_other_universe(pseudo, metric="L2"),
        "universes: 30 of 120 shared": found_in_other_universe(pseudo, 120, 30),
        "universes: 90 of 120 shared": found_in_other_universe(pseudo, 120, 90),
        "universes: 120 of 160 shared, a window every 20 days": found_in_other_universe(
            pseudo, 160, 120, 20
        ),
    }
    for num_days in (20, 60):
        shifts = found_after_shifts(stocks, num_days, step=QUERY_STEP)
        rows[f"shifted by 5 days, {num_days} days: a window every 20 days"] = shifts[5]
    for num_days in (20, 60):
        told = functools.partial(stress_type_told, stocks, num_days)
        rows[f"stress type, {num_days} days: half the size"] = told(scale=0.5)
        rows[f"stress type, {num_days} days: twice the size"] = told(scale=2.0)
        rows[f"stress type, {num_days} days: all begin on day 1"] = told(any_onset=False)
    for num_days in (20, 60):
        told = functools.partial(crisis_told, stocks, num_days)
        rows[f"crisis, {num_days} days: cosine"] = told(metric="cosine")
        rows[f"crisis, {num_days} days: no neighbour within a year"] = told(days_apart=250)
        rows[f"crisis, {num_days} days: {AFTERMATH} days after an era left out"] = told(
            margin=AFTERMATH
        )
    return rows


def decimals(number: float) -> str:
    """Write a share as the definitions do: .39, 1.00."""
    # Adding zero turns a negative one positive.
    return f"{round(number, 2) + 0.0:.2f}".replace("0.", ".", 1)


def with_error(figure: Figure) -> str:
    """Write a figure and its standard error."""
    return f"{decimals(figure.value)} ± {decimals(figure.error)}"


def gain(figures: Figures) -> str:
    """Write v1, v2 and their paired difference."""
    difference = figures[GAIN]
    return (
        f"{decimals(figures[V1].value)} → {decimals(figures[V2].value)} "
        f"({decimals(difference.value)} ± {decimals(difference.error)})"
    )


def differs(figure: Figure, expected: float) -> bool:
    """Tell whether a figure is more than two errors, and rounding, from another."""
    return abs(figure.value - expected) > 2.0 * figure.error + 0.005


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out a table that is readable as text too."""
    lines = [header, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    padded = [
        [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        for line in lines
    ]
    padded.insert(1, ["-" * width for width in widths])
    return "\n".join("| " + " | ".join(line) + " |" for line in padded)


def table_of_tasks(measured: dict[str, Figures]) -> str:
    """Lay out measured figures, their errors, and the expected figures."""
    rows = []
    for task, figures in measured.items():
        by_column = dict(zip(EXPECTED_COLUMNS, EXPECTED.get(task, ()), strict=False))
        cells = [task]
        for column in COLUMNS:
            figure = figures[column]
            cell = with_error(figure)
            expected = by_column.get(column)
            if expected is not None:
                mark = " *" if differs(figure, expected) else ""
                cell += f" ({decimals(expected)}){mark}"
            cells.append(cell)
        rows.append(cells)
    return markdown_table(["task", *COLUMNS], rows)


def table_of_variants(varied: dict[str, Figures]) -> str:
    """Lay out the figures of the variants."""
    rows = [
        [variant, *(decimals(figures[column].value) for column in COLUMNS)]
        for variant, figures in varied.items()
    ]
    return markdown_table(["task: what differs", *COLUMNS], rows)


def table_of_halves(halves: dict[str, Figures]) -> str:
    """Lay out the figures of universes without a common series."""
    columns = [*BLOCK_VALUES, GAIN, VOLATILITY]
    header = [
        f"{name}, first {BLOCK_VALUES[name]}" if name in BLOCK_VALUES else name
        for name in columns
    ]
    rows = [
        [task, *(with_error(figures[name]) for name in columns)]
        for task, figures in halves.items()
    ]
    return markdown_table(["task", *header], rows)


def table_of_holdouts(held_out: dict[str, dict[str, Figures]]) -> str:
    """Lay out v1 → v2 on the hold-out markets."""
    rows = [
        [task, *(gain(by_task[task]) for by_task in held_out.values())]
        for task in next(iter(held_out.values()))
    ]
    return markdown_table(["task", *held_out], rows)


def table_of_yardsticks(held_out: dict[str, dict[str, Figures]]) -> str:
    """Lay out the yardsticks on the hold-out markets, and their errors."""
    rows = [
        [
            f"{task}: {name}",
            *(with_error(by_task[task][name]) for by_task in held_out.values()),
        ]
        for task in next(iter(held_out.values()))
        for name in YARDSTICKS
    ]
    return markdown_table(["task: yardstick", *held_out], rows)


def table_of_questions(measured: dict[str, Figures], halves: dict[str, Figures]) -> str:
    """Say which encoder answers which question, with the figure that says so."""
    rows = []
    for question, figures, metric, columns in (
        ("The same returns, nearly?",
         measured["recall@10 of true return-L2 neighbours, 60 days"],
         "L2", ("panel-sketch", "core", PCA)),
        ("The same window, half its series missing?",
         measured["half the series missing, 20 days"],
         "cosine", ("panel-sketch", V1, V2)),
        ("The same days in another universe?",
         measured["two overlapping universes, 20 days"],
         "cosine", ("panel-sketch", V2, V1)),
        ("The same days, no series in common?", halves["the same days, 20 days"],
         "L2, `--block market`", ("panel-sketch", V1, V2)),
        ("The same stress, 2 days later?", measured["shifted by 2 days, 20 days"],
         "cosine", (V2, V1, VOLATILITY)),
        ("The same stress, 5 days later?", measured["shifted by 5 days, 20 days"],
         "cosine", (V2, V1, VOLATILITY)),
        ("The same kind of stress? 20 days", measured["stress type, 20 days"],
         "L2", (V2, V1, PCA)),
        ("The same kind of stress? 60 days", measured["stress type, 60 days"],
         "L2", (V2, V1, PCA)),
        ("The same kind, no series in common?", halves["stress type, 20 days"],
         "L2, `--block shape`", (V2, V1, "panel-sketch")),
        ("Crisis or calm? 20 days", measured["crisis against calm, 20 days"],
         "L2", (V2, VOLATILITY, V1)),
        ("Crisis or calm? 60 days", measured["crisis against calm, 60 days"],
         "L2", (V2, VOLATILITY, V1)),
    ):  # fmt: skip
        found = [f"{name} {decimals(figures[name].value)}" for name in columns]
        rows.append([question, f"{found[0]}, {metric}", ", ".join(found[1:])])
    return markdown_table(["question", "take", "others"], rows)


def page(
    measured: dict[str, Figures],
    halves: dict[str, Figures],
    varied: dict[str, Figures],
    held_out: dict[str, dict[str, Figures]],
    units: dict[str, Figures],
    refused: dict[str, float],
) -> str:
    """Write the page as a whole."""

    def shape(variant: str) -> str:
        return decimals(varied[variant][V1].value)

    def found(task: str, name: str) -> str:
        return decimals(halves[f"{task}, 20 days"][name].value)

    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("numpy", "pandas")
    )
    encoders = "\n".join(f"  - {name}: `{model}`" for model, name in SHORT_NAMES.items())
    low, high = (f"{size * 100:.0f}" for size in STRESS_SIZES)
    types = markdown_table(["stress type", "the market"], list(STRESS_TYPES.items()))
    eras = markdown_table(
        ["crisis era", "peak", "low"], [[name, *days] for name, days in CRISIS_ERAS.items()]
    )
    wide = f"universes: 120 of 160 shared, a window every {QUERY_STEP} days"
    on_day_1 = varied["stress type, 20 days: all begin on day 1"][EXACT]
    half_size = "stress type, 20 days: half the size"
    twice_size = "stress type, 20 days: twice the size"
    after = f"days: {AFTERMATH} days after an era left out"
    further = "\n".join(f"- **{name}**: {what}" for name, what in FURTHER_TYPES.items())
    kept = {unit: decimals(figures[V2].value) for unit, figures in units.items()}
    tse = held_out["TSE"]["crisis against calm, 60 days"]
    vol_20 = measured["crisis against calm, 20 days"][VOLATILITY]
    vol_60 = measured["crisis against calm, 60 days"][VOLATILITY]
    return f"""# Quality of the vectors on real returns

Which encoder for which question. The figures are of daily returns of 20 US stocks.

{table_of_questions(measured, halves)}

Which scenarios stand for the whole set? A shape encoder chooses them: with 12 of 119 kept,
the error of VaR 95 is .36 by v2, .34 by v1, .59 by core, .62 by panel-sketch, and .41 at
random ([the desk's questions](desk_questions.md#which-scenarios-stand-for-the-whole-set)).

Where none of them is good:

- **The same days without a common series.** By `--block market` the mean reciprocal rank
  is {found("the same days", "panel-sketch")} at 20 days. One day later it is at most
  {found("shifted by 1 day", V2)}, by `--block shape`
  ([more](#universes-without-a-common-series)).
- **Nearest by return in long panels.** panel-sketch keeps two of five neighbours. A fitted
  {PCA} keeps more, and needs one axis for all time.
- **Day shifts of a week and more.** v2 still misses many at 20 days.
- **Crisis or calm on other markets.** The gain of v2 over v1 is within two errors on all
  five. On TSE at 60 days the volatility of the market alone is better:
  {with_error(tse[VOLATILITY])}, v2 {with_error(tse[V2])}.
- **Units.** One series in other units dominates every encoder: with VIX changes in points
  beside 20 stocks, {kept["VIX, points"]} of v2's ten nearest stay. Divided by 100, it is
  {kept["VIX, divisor 100"]}.

v2 is better than v1 at the kind and the regime of stress, and less good with half the
series missing. Its weights were tuned on the eight stress types and on US stocks of
1990–2006. They were not tuned on nine further types, on random templates, or on the
[other markets](#markets-that-no-encoder-was-tuned-on).

## How this page is made

`make bench-quality` writes this page (`benchmarks/quality.py`). A change made here is lost.

- Date: {datetime.date.today().isoformat()}
- Data: daily simple returns of 20 US stocks, 1990-01-03 to 2022-12-28, from the dataset
  `sp500_dataset` inside skfolio {importlib.metadata.version("skfolio")}
- Encoders, none of them trained:
{encoders}
- Yardsticks, in every task where they can be computed:
  - *{VOLATILITY}* is one number: the deviation of the days of the mean of the series. It
    has no direction, so it is compared by difference where the others are by cosine.
  - *exact panels* are the flattened panels.
  - *{PCA}* is fitted to all real windows of the task's length. In all tasks except the
    stress types it has therefore seen the windows of the queries. It has at most 384
    components. That leaves out 16 of 400 dimensions on panels of 20 days × 20 series, and
    none on three series.
  - *exact panels* and *{PCA}* need one axis of all series, and a missing series is a zero
    there. Without a common series they have nothing to compare, so they have no figure
    there. The encoders need no such axis.
- Seeds: {", ".join(map(str, SEEDS))}, for drawn series, universes and stress types
- Versions: Python {platform.python_version()}, {versions}

## Measured, and expected

Each cell is the measured figure ± its standard error. The figure in brackets is the one
that the [definitions](encoders.md) expect. A star marks figures that differ from it by more
than two errors and rounding. Errors come from the seeds, and from leaving out one eleventh
of the time after another (three years, or 74 days for the universes). The expected figures
have errors too, which are not known.

{table_of_tasks(measured)}

The column *{GAIN}* is the paired difference, query by query, of stress-shape-v2 and
stress-shape (v1).

## Markets that no encoder was tuned on

Each cell is v1 → v2 and, in brackets, the paired difference ± its standard error. NYSE, TSE
and MSCI are the data files of universal-portfolios
{importlib.metadata.version("universal-portfolios")}, the three markets those of arch
{importlib.metadata.version("arch")}. A crisis is a fall of the market (the mean of the
series) by 10 % and more, from peak to the low before the next rise of 10 %. TSE has 1,258
days and MSCI 1,042, so their errors are wide. The [definitions](encoders.md) do not give
their rule of crises, so this one is ours, and its AUC differs from theirs.

{table_of_holdouts(held_out)}

The yardsticks on the same tasks:

{table_of_yardsticks(held_out)}

## Universes without a common series

The stocks are divided into two halves of ten, drawn at random for each seed. One half is
the gallery, the other half asks. Each encoder compares the first values of its vector. They
look at no series' name: `similar --block market` for panel-sketch, `--block shape` for both
shape encoders. The tasks are those of the main table, all by L2 where no metric is named.
In "the same days" the target is the query's own days, and no other window in the gallery
shares a day with them. The other markets are halved in the same way.

{table_of_halves(halves)}

- **The kind of stress needs no common series.** `--block shape` tells it in the other half
  nearly as well as whole vectors do over one universe.
- **The same days need a wide market.** `--block market` compares the mean of the series.
  The more the series move together and the longer the window, the better it does.
- **No block finds the days after a shift.** The market block compares day by day. The shape
  block changes little with a shift, but it does not tell one window from thousands.

## Units: one odd series

The share of the ten nearest windows (L2) that stay when one odd series joins the 20 stocks:

- The daily change of the VIX, in windows of 20 days, on the days since 2014 that arch has.
  {100 * refused["VIX, points"]:.0f} % of the windows have a change beyond ±4 points. The
  sketches reject them, so they are left out.
- The monthly change of Moody's BAA yield (in arch, 1990 to 2018) beside the stocks' monthly
  returns, in windows of 12 months. There are no daily yields in the packages. In basis
  points {100 * refused["BAA yield, basis points"]:.0f} % of the windows have a value
  beyond ±4. The sketches reject them, so there is no figure. In percent they reject none.

{table_of_variants(units)}

## How each task is set up

- **Gallery and queries.** The gallery holds the windows that start on every day, as in a
  rolling historical simulation: 8,293 of 20 days, 8,253 of 60. Every {QUERY_STEP}th window
  is a query. Panels have 20 series, except in the task with two universes.
- **Recall@10**, L2: the share of the ten nearest panels that are among the ten nearest
  vectors. Neighbours that share a day with the query are left out on both sides.
- **Spearman**, L2: the rank correlation of the distances of vectors and of panels. It uses
  a window every {QUERY_STEP} days, and the pairs of windows that share no day.
- **Half the series missing**, MRR, cosine: a query has ten of its window's series, drawn
  for each query. The gallery holds whole windows, including those that overlap the query.
- **Two overlapping universes**, MRR, cosine: {NUM_ERAS} eras of 831 days lie side by side.
  Each stock of each era is a series of its own: 200 series, 812 windows. Two universes of
  120 series share 60. The gallery is one universe, and every 5th window in the other is a
  query. Windows that overlap stay in the gallery.
- **Shifted by days**, MRR, cosine: the queries are the windows that start so many days
  earlier and later than the target. Every {2 * QUERY_STEP}th window is a target. Of the
  windows that share a day with the query, only the target stays in the gallery. The
  definitions give no figure.
- **Stress type**, L2: accuracy of the majority of the ten nearest. There are 8 types, with
  {NUM_PER_TYPE} scenarios of each per seed, laid over real windows drawn from all years.
  Neighbours whose windows share a day are left out. Chance is .12. The definitions do not
  name their types, so these are ours. The size is {low} to {high} %. The span is 30 to 50 %
  of the horizon. The onset is any day that leaves room for the span. Each series moves by a
  beta of its own, about 0.5 to 1.5.
- **Crisis against calm**, L2: AUC of the share of crises among the ten nearest, with a
  window every 5 days. At least half of a crisis window lies in one of the eras below. An
  era runs from peak to low of the S&P 500 (closes), for falls of 10 % and more. A calm
  window lies outside all eras. Neighbours share no day with the query.

{types}

The nine further types:

{further}

*Random templates* are eight piecewise linear paths per seed, with two to four random knots,
laid over the windows in the same way.

{eras}

## How the figures depend on the set-up

{table_of_variants(varied)}

With "a window every 20 days" the gallery is thinner. The PCA "fitted before" is fitted to
1990–2006.

## Where measured and expected differ, and why

- **Two universes, stress-shape.** The figure depends on the share of common series, and on
  the number of near copies in the gallery (windows a day or two apart). The definitions
  give neither. With 120 of 160 series shared and a window every {QUERY_STEP} days it is
  {shape(wide)}. core knows a series by its column alone. The draw decides which columns
  match, so its figure varies from .02 to .26 between seeds, and its error is wide.
- **Stress type.** The types, sizes and onsets are ours. Half to twice the size alone moves
  stress-shape from {shape(half_size)} to {shape(twice_size)} at 20 days. The encoders that
  compare day by day depend on the onset. With every shock on day 1, exact panels reach
  {decimals(on_day_1.value)} at 20 days. No single size gives all expected figures at once.
  stress-shape is ahead of the others at each size.
- **Crisis against calm, stress-shape.** The eras here end at the low. The 60 days after it
  are nearly as volatile: the mean absolute return is 1.7 % a day, against 1.9 % in an era
  and 1.2 % otherwise. Without windows that start in these days the figure is
  {shape(f"crisis, 20 {after}")} and {shape(f"crisis, 60 {after}")} at 20 and 60 days. The
  remaining difference is within two errors.

## What else the figures say

- **Volatility alone tells crises as well.** The volatility of the market's daily return
  reaches {with_error(vol_20)} and {with_error(vol_60)} at crisis against calm, 20 and 60
  days. stress-shape is as good as that, not better. v2 reaches
  {with_error(measured["crisis against calm, 20 days"][V2])} and
  {with_error(measured["crisis against calm, 60 days"][V2])}.
  Both tell the kind of stress too, which volatility hardly does.
- **By L2 the calmest windows are the nearest to almost every window.** At 60 days, 100 of
  1,483 windows are nine tenths of all neighbours of exact panels. This, and not a lack of
  information, is why exact panels and panel-sketch hardly tell crises by L2. By cosine they
  do.
- **{PCA} keeps more of the nearest neighbours than panel-sketch does.** Few directions of
  real panels matter. Fitted to earlier years it loses a little. It needs a fit, and one
  axis of series for all time.
- **Missing series.** On one common axis, with zeros for what is missing, exact panels find
  the window in both tasks too. panel-sketch does it in 384 values and without the axis.
  With a quarter of the universes shared it begins to fail.
- **Shifted windows.** panel-sketch and exact panels find them hardly better than by chance.
  stress-shape finds them by 1 or 2 days at 20 days, and by 5 at 60.
- **Reproducibility.** The vectors are the same bytes everywhere. Distances and yardsticks
  are float64 and may differ in the last digit on another processor.
"""


def main() -> None:
    """Measure, write the page, print its tables."""
    stocks = load_returns()
    pseudo = pseudo_series(stocks, NUM_ERAS)
    measured = measure(stocks, pseudo)
    print(table_of_tasks(measured), flush=True)
    halves = measure_halves(stocks)
    print(table_of_halves(halves), flush=True)
    held_out = measure_holdouts()
    print(table_of_holdouts(held_out), flush=True)
    units, refused = measure_units(stocks)
    print(table_of_variants(units), flush=True)
    varied = vary(stocks, pseudo)
    text = page(measured, halves, varied, held_out, units, refused)
    OUTPUT.write_text(text, encoding="utf-8")
    print(f"\nwritten: {OUTPUT.relative_to(OUTPUT.parents[1])}")


if __name__ == "__main__":
    main()
