"""From a file's layout to one cube: scenarios × steps × series."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from python_encoders.errors import WrongUsageError
from python_encoders.load.files import Places
from python_encoders.load.options import UNITS, Options
from python_encoders.load.steps import look_like_steps, parse_steps

# Names by which a column is found where no option names it.
_SCENARIO = ("scenario_id", "scenario")
_STEP = ("horizon_index", "step", "date", "day", "quarter")
_SERIES = ("series", "instrument_id", "factor_id", "macro_id", "ticker", "symbol")
_VALUE = ("return_value", "value", "price", "close")


class Columns(NamedTuple):
    """What the columns of a file hold."""

    layout: str
    scenario: list[str]
    step: str | None
    series: list[str]
    values: list[str]
    unit: str | None
    labels: str | None

    @property
    def texts(self) -> list[str]:
        """The columns that hold ids."""
        single = [name for name in (self.step, self.unit, self.labels) if name is not None]
        return list(dict.fromkeys([*self.scenario, *self.series, *single]))


class Cube(NamedTuple):
    """The values of S scenarios with H steps and N series.

    scenario_ids : list of str
        S ids, in code-point order.
    steps : ndarray of str, shape (S, H)
        The steps' names. A scenario of a history has its own dates.
    dates : ndarray of datetime64[ns], shape (S, H), or None
        Where the steps are dates.
    series_ids : list of str
    values : float64 array, shape (S, H, N)
        NaN where a value is missing.
    rows : int array, shape (S, H, N)
        The row of the file; 0 where there is none.
    """

    scenario_ids: list[str]
    steps: npt.NDArray[np.object_]
    dates: npt.NDArray[np.datetime64] | None
    series_ids: list[str]
    values: npt.NDArray[np.float64]
    rows: npt.NDArray[np.int64]

    def take_steps(self, kept: "slice | npt.NDArray[np.bool_]") -> "Cube":
        """Give the cube with some of its steps."""
        return self._replace(
            steps=self.steps[:, kept],
            dates=None if self.dates is None else self.dates[:, kept],
            values=self.values[:, kept],
            rows=self.rows[:, kept],
        )

    def take_series(self, kept: npt.NDArray[np.bool_]) -> "Cube":
        """Give the cube with some of its series."""
        return self._replace(
            series_ids=[self.series_ids[at] for at in np.flatnonzero(kept)],
            values=self.values[:, :, kept],
            rows=self.rows[:, :, kept],
        )

    def take_scenarios(self, kept: npt.NDArray[np.bool_]) -> "Cube":
        """Give the cube with some of its scenarios."""
        return self._replace(
            scenario_ids=[self.scenario_ids[at] for at in np.flatnonzero(kept)],
            steps=self.steps[kept],
            dates=None if self.dates is None else self.dates[kept],
            values=self.values[kept],
            rows=self.rows[kept],
        )


def find_columns(header: list[str], options: Options) -> Columns:
    """Find what each column holds: by the options, else by its name.

    Raises
    ------
    WrongUsageError
        A named column is missing, or no column holds the scenario, series or value.
    """
    named = [*options.scenario, *options.series, *options.series_columns]
    single = (options.step, options.value, options.unit_column, options.labels)
    for name in [*named, *(name for name in single if name is not None)]:
        if name not in header:
            raise WrongUsageError(f"no column {name!r}; there are: {', '.join(header)}")
    is_history = options.window is not None
    scenario = list(options.scenario) or _named_as(header, _SCENARIO)[: not is_history]
    if is_history and scenario:
        raise WrongUsageError("--window makes scenarios of a history: leave --scenario out")
    if not is_history and not scenario:
        raise WrongUsageError(
            "no column holds the scenario: name it with --scenario, or make scenarios of a "
            "history with --window DAYS"
        )
    left = [name for name in header if name not in scenario]
    step = options.step or next(iter(_named_as(left, _STEP)), None)
    series = list(options.series) or _named_as(left, _SERIES)[:1]
    value = options.value or next(iter(_named_as(left, _VALUE)), None)
    others = {*scenario, *series, step, options.unit_column, options.labels}
    rest = [name for name in left if name not in others]
    layout = options.layout or _layout(rest, step, series, value)
    if layout == "wide":
        series, values = [], list(options.series_columns) or rest
    elif not series:
        raise WrongUsageError("no column holds the series: name it with --series")
    elif layout == "wide-steps":
        step, values = None, rest
    elif value is None:
        raise WrongUsageError("no column holds the value: name it with --value")
    else:
        values = [value]
    if not values:
        raise WrongUsageError("no column is left that could hold values")
    if is_history and layout != "wide-steps" and step is None:
        raise WrongUsageError("no column holds the date: name it with --step")
    return Columns(
        layout, scenario, step, series, values, options.unit_column, options.labels
    )


def _layout(rest: list[str], step: str | None, series: list[str], value: str | None) -> str:
    if series and value is not None:
        return "long"
    if series and step is None and rest and look_like_steps(rest):
        return "wide-steps"
    return "wide"


def _named_as(header: list[str], names: tuple[str, ...]) -> list[str]:
    return [column for name in names for column in header if column.lower() == name]


def to_cube(
    frame: pd.DataFrame, columns: Columns, places: Places, options: Options
) -> Cube:
    """Arrange a file's rows as a cube, whatever their order.

    Scenarios have one axis of steps in common. Where the steps are dates and scenarios
    begin on different ones, each counts its own, and all must have as many.

    Raises
    ------
    WrongUsageError
        An id is empty, a cell is there twice, or scenarios with dates of their own
        have different numbers of steps.
    """
    if frame.empty:
        raise WrongUsageError("there are no rows")
    rows = frame.index.to_numpy(np.int64)
    values = frame[columns.values].to_numpy(float)
    if columns.unit is not None:
        values = values / _unit_of_rows(frame, columns.unit, options, places)[:, None]
    scenario, scenario_ids = _ids(frame, columns.scenario, places)
    series, series_ids = _ids(frame, columns.series, places)
    if columns.layout == "wide-steps":
        steps = parse_steps(columns.values, options.day_first)
    else:
        step, texts = _ids(frame, [columns.step] if columns.step else [], places)
        steps = parse_steps(texts, options.day_first)
    keys, first, code = np.unique(steps.keys, return_index=True, return_inverse=True)
    labels = np.array(steps.labels, dtype=object)[first]
    if columns.layout == "wide-steps":
        if len(keys) < len(code):
            raise WrongUsageError("two columns name the same step")
        _refuse_duplicates(scenario, series, rows, places, columns.series[0])
        filled = _empty(len(scenario_ids), len(keys), len(series_ids))
        filled[scenario[:, None], code[None, :], series[:, None]] = values
        at = np.zeros((len(scenario_ids), 1, len(series_ids)), np.int64)
        at[scenario, 0, series] = rows
        position, own = np.arange(len(keys)), np.arange(len(keys))[None, :]
    else:
        position, own = _positions(scenario, code[step], keys, steps.are_dates)
        if columns.layout == "wide":
            series_ids = columns.values
            _refuse_duplicates(scenario, position, rows, places, columns.step or "")
            filled = _empty(len(scenario_ids), own.shape[1], len(series_ids))
            filled[scenario, position] = values
            at = np.zeros((*filled.shape[:2], 1), np.int64)
            at[scenario, position, 0] = rows
        else:
            cell = scenario * own.shape[1] + position
            _refuse_duplicates(cell, series, rows, places, columns.values[0])
            filled = _empty(len(scenario_ids), own.shape[1], len(series_ids))
            filled[scenario, position, series] = values[:, 0]
            at = np.zeros(filled.shape, np.int32)
            at[scenario, position, series] = rows
    own = np.broadcast_to(own, filled.shape[:2])
    return Cube(
        scenario_ids,
        labels[own],
        keys[own] if steps.are_dates else None,
        series_ids,
        filled,
        np.broadcast_to(at, filled.shape),
    )


def _empty(*shape: int) -> npt.NDArray[np.float64]:
    return np.full(shape, np.nan)


def _positions(
    scenario: npt.NDArray[np.int64],
    step: npt.NDArray[np.int64],
    keys: npt.NDArray[Any],
    are_dates: bool,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Give each row's position in its scenario, and the steps by scenario and position."""
    pairs, inverse = np.unique(scenario * len(keys) + step, return_inverse=True)
    counts = np.bincount(pairs // len(keys))
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    firsts = pairs[starts] % len(keys)
    if not are_dates or (firsts == firsts[0]).all():
        return step, np.arange(len(keys))[None, :]
    if len(set(counts)) > 1:
        raise WrongUsageError(
            f"the scenarios have {counts.min()} to {counts.max()} dates each, and a set "
            "needs as many in each; cut them to one length, or load a set for each length"
        )
    own = (pairs % len(keys)).reshape(len(counts), -1)
    return inverse - starts[scenario], own


def _refuse_duplicates(
    first: npt.NDArray[np.int64],
    second: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int64],
    places: Places,
    column: str,
) -> None:
    cells = first * (int(second.max()) + 1) + second
    ordered = np.sort(cells)
    if not (ordered[1:] == ordered[:-1]).any():
        return
    order = np.argsort(cells, kind="stable")
    repeated = np.flatnonzero(np.diff(cells[order]) == 0)
    was, again = (rows[order[repeated[0] + at]] for at in (0, 1))
    raise WrongUsageError(
        f"{places.describe(int(again), column)} repeats a cell that "
        f"{places.describe(int(was), column)} has"
    )


def _ids(
    frame: pd.DataFrame, columns: list[str], places: Places
) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Give the code of each row, and the ids by code, in code-point order.

    Several columns are joined by ``|``. Without a column there is one id.
    """
    if not columns:
        return np.zeros(len(frame), np.int64), ["1"]
    for column in columns:
        missing = frame[column].isna().to_numpy()
        if missing.any():
            row = int(frame.index[int(missing.argmax())])
            raise WrongUsageError(f"{places.describe(row, column)} is empty")
    if len(columns) == 1:
        used = frame[columns[0]].cat.remove_unused_categories()
        codes, texts = used.cat.codes.to_numpy(), list(used.cat.categories)
    else:
        rows = frame.groupby(columns, observed=True, sort=False)
        codes = rows.ngroup().to_numpy()
        firsts = frame[columns].drop_duplicates().astype(str)
        texts = ["|".join(ids) for ids in firsts.itertuples(index=False)]
        if len(set(texts)) < len(texts):
            raise WrongUsageError(f"joined by '|', {', '.join(columns)} give one id twice")
    order = sorted(range(len(texts)), key=texts.__getitem__)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return rank[codes], [texts[at] for at in order]


def _unit_of_rows(
    frame: pd.DataFrame, column: str, options: Options, places: Places
) -> npt.NDArray[np.float64]:
    """Give what a value of 1 means in each row, as the divisor that makes it decimal."""
    names = frame[column].cat.categories
    known = UNITS | {unit: UNITS[meant] for unit, meant in options.units.items()}
    units = frame[column].map({name: known.get(name) for name in names}).astype(float)
    wrong = units.isna().to_numpy()
    if wrong.any():
        row = int(frame.index[int(wrong.argmax())])
        raise WrongUsageError(
            f"{places.describe(row, column)} holds {str(frame[column][row])!r}, which is "
            f"none of {', '.join(UNITS)}; say what it means under `units` in a spec"
        )
    return np.asarray(units, np.float64)


def steps_named(name: str, like: Cube, day_first: bool | None) -> npt.NDArray[np.bool_]:
    """Tell which steps of the first scenario bear a name, in any spelling.

    Raises
    ------
    WrongUsageError
        There is no such step.
    """
    label = parse_steps([name], day_first).labels[0]
    found: npt.NDArray[np.bool_] = like.steps[0] == label
    if not found.any():
        raise WrongUsageError(f"there is no step {name!r}; the first is {like.steps[0, 0]}")
    return found
