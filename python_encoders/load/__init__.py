"""Load files into the source tables: read, arrange, turn into returns, write."""

from collections.abc import Callable

import numpy as np

from python_encoders.errors import WrongUsageError
from python_encoders.load.files import Places, read_files, read_header
from python_encoders.load.layouts import Columns, Cube, find_columns, to_cube
from python_encoders.load.options import (
    CHANGES,
    KINDS,
    UNITS,
    VALUES,
    Options,
    Series,
    read_spec,
    settings_of,
    unmatched_globs,
)
from python_encoders.load.returns import to_returns, without_missing
from python_encoders.load.scenario_set import ScenarioSet, as_of_date, check_ids
from python_encoders.load.source_writer import write_set
from python_encoders.load.summary import describe
from python_encoders.load.windows import labels_of_windows, of_events, read_events, rolling
from python_encoders.wording import counted

__all__ = [
    "CHANGES",
    "KINDS",
    "UNITS",
    "VALUES",
    "Options",
    "Series",
    "read_set",
    "read_spec",
    "write_set",
]


def read_set(options: Options, say: Callable[[str], None]) -> ScenarioSet:
    """Read files into one scenario set, and say what it is made of.

    Raises
    ------
    WrongUsageError
        A file or an option is not what it should be.
    """
    if options.unit_column is not None and options.default.unit != "decimal":
        raise WrongUsageError("use --unit or --unit-column, not both")
    if options.window is None and (options.events or options.stride):
        raise WrongUsageError("--events and --stride need --window")
    if options.events and options.stride:
        raise WrongUsageError("use --events or --stride, not both")
    columns, places, cube, names = _read(options)
    settings = settings_of(cube.series_ids, options)
    gaps = to_returns(cube, settings, options)
    if not np.isfinite(gaps.values[~np.isnan(gaps.values)]).all():
        raise WrongUsageError("a change is too large for a number")
    whole = without_missing(gaps, options.missing)
    notes = [
        f"note: no series matches {glob!r} of the spec"
        for glob in unmatched_globs(cube.series_ids, options)
    ]
    whole, labels, cut_notes = _cut(whole, options)
    check_ids(options.scenario_set_id, whole)
    scenario_set = ScenarioSet(
        options.scenario_set_id,
        options.name,
        options.category,
        whole,
        settings_of(whole.series_ids, options),
        as_of_date(whole, options),
        labels or {name: names[name] for name in whole.scenario_ids if name in names},
    )
    for line in (
        *describe(scenario_set, columns, places, gaps, options.missing),
        *cut_notes,
        *notes,
    ):
        say(line)
    return scenario_set


def _read(options: Options) -> tuple[Columns, Places, Cube, dict[str, dict[str, str]]]:
    """Read the files. Give the names of scenarios beside the cube."""
    columns = find_columns(read_header(options.files[0]), options)
    frame, places = read_files(options.files, columns.texts, columns.values)
    cube = _in_order(to_cube(frame, columns, places, options))
    if columns.labels is None:
        return columns, places, cube, {}
    firsts = frame[[*columns.scenario, columns.labels]].drop_duplicates().astype(str)
    names = {
        "|".join(row[:-1]): {"name": row[-1]} for row in firsts.itertuples(index=False)
    }
    return columns, places, cube, names


def _in_order(cube: Cube) -> Cube:
    """Order the series by code point, so that the order of columns changes nothing."""
    order = sorted(range(len(cube.series_ids)), key=cube.series_ids.__getitem__)
    if order == list(range(len(order))):
        return cube
    return cube._replace(
        series_ids=[cube.series_ids[at] for at in order],
        values=cube.values[:, :, order],
        rows=cube.rows[:, :, order],
    )


def _cut(cube: Cube, options: Options) -> tuple[Cube, dict[str, dict[str, str]], list[str]]:
    """Make scenarios of a history, where windows are asked for."""
    if options.window is None:
        return cube, {}, []
    if options.events is None:
        stride = options.stride or options.window
        windows, left_over = rolling(cube, options.window, stride)
        return (
            windows,
            labels_of_windows(windows),
            [f"left over: {counted(left_over, 'row')} at the end of the history"],
        )
    events = read_events(options.events, options.day_first)
    windows, labels, too_short = of_events(cube, events, options.window, options.take)
    return windows, labels, [f"too short, left out: {event}" for event in too_short]
