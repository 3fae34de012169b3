"""What a load says of a set, and of units that look wrong."""

from collections.abc import Iterator

import numpy as np

from python_encoders.load.files import Places
from python_encoders.load.layouts import Columns, Cube
from python_encoders.load.scenario_set import ScenarioSet
from python_encoders.wording import counted

_NUM_NAMED = 5


def describe(
    scenario_set: ScenarioSet, columns: Columns, places: Places, gaps: Cube, missing: str
) -> Iterator[str]:
    """Say what a set is made of, a line each.

    Parameters
    ----------
    scenario_set : ScenarioSet
    columns : Columns
    places : Places
    gaps : Cube
        The returns before missing ones were treated, and a history was cut.
    missing : str
        How they were treated.
    """
    cube = scenario_set.cube
    files = ", ".join(path.name for path in places.paths)
    num_scenarios, num_steps, num_series = cube.values.shape
    yield f"{files}: layout {columns.layout}"
    yield (
        f"{scenario_set.scenario_set_id}: {counted(num_scenarios, 'scenario')} × "
        f"{counted(num_steps, 'step')} × "
        f"{num_series} series, steps {cube.steps[0, 0]} to {cube.steps[-1, -1]}, as of "
        f"{scenario_set.as_of}"
    )
    yield from _largest_moves(gaps, columns, places)
    yield from _missing(gaps, columns, missing)
    yield from suspicious_units(scenario_set)


def _largest_moves(cube: Cube, columns: Columns, places: Places) -> Iterator[str]:
    sizes = np.nan_to_num(np.abs(cube.values)).ravel()
    # The three largest, without sorting ten million.
    top = np.argpartition(sizes, -min(3, sizes.size))[-3:]
    for flat in sorted(top, key=lambda at: (-sizes[at], at)):
        scenario, step, series = np.unravel_index(flat, cube.values.shape)
        column = {
            "wide": cube.series_ids[series],
            "long": columns.values[0],
            "wide-steps": str(cube.steps[scenario, step]),
        }[columns.layout]
        row = int(cube.rows[scenario, step, series])
        place = f" ({places.describe(row, column)})" if row else ""
        yield (
            f"large move: {cube.values[scenario, step, series]:+.4f}, "
            f"{_cell(cube, columns, int(scenario), int(step), int(series))}{place}"
        )


def _missing(gaps: Cube, columns: Columns, missing: str) -> Iterator[str]:
    found = np.argwhere(np.isnan(gaps.values))
    if not len(found):
        return
    became = {
        "zero": "each became 0",
        "drop-series": "their series were left out",
    }.get(missing, "left out, so the chain rejects their scenarios; see --missing")
    yield f"missing: {counted(len(found), 'cell')}; {became}"
    for scenario, step, series in found[:_NUM_NAMED]:
        yield f"  {_cell(gaps, columns, scenario, step, series)}"
    if len(found) > _NUM_NAMED:
        yield f"  and {len(found) - _NUM_NAMED} more"


def _cell(cube: Cube, columns: Columns, scenario: int, step: int, series: int) -> str:
    """Name a cell. A history has no scenario yet."""
    where = f"scenario {cube.scenario_ids[scenario]}, " if columns.scenario else ""
    return f"{where}step {cube.steps[scenario, step]}, {cube.series_ids[series]}"


def suspicious_units(scenario_set: ScenarioSet) -> Iterator[str]:
    """Name the series whose unit looks wrong.

    Three signs: most values are over 1, the values have one sign and little spread as
    levels have, or one series carries over half of the set's squares.
    """
    cube = scenario_set.cube
    divisors = np.array([each.divisor or 1.0 for each in scenario_set.series])
    total, squares = 0.0, []
    for at, series_id in enumerate(cube.series_ids):
        values = cube.values[:, :, at]
        values = values[~np.isnan(values)]
        sizes = np.abs(values / divisors[at])
        squares.append(float(np.square(sizes).sum()))
        total += squares[-1]
        if not len(sizes):
            continue
        if np.median(sizes) > 1:
            yield (
                f"warning: most values of {series_id} are over 1; is the unit percent or "
                "bp? --unit says so"
            )
        one_sign = (values > 0).all() or (values < 0).all()
        if len(sizes) > 2 and one_sign and sizes.min() > sizes.max() / 2:
            yield (
                f"warning: {series_id} looks like levels: one sign, little spread; "
                "--values levels says so"
            )
    for series_id, share in zip(cube.series_ids, squares, strict=True):
        if len(squares) > 2 and share > total / 2:
            yield (
                f"warning: {series_id} carries {share / total:.0%} of the squares; is its "
                "unit another one? A divisor in a spec makes up for it"
            )
