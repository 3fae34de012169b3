"""From one history to scenarios: rolling windows, or named ones."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from python_encoders.errors import WrongUsageError
from python_encoders.load.files import read_files, read_header
from python_encoders.load.layouts import Cube
from python_encoders.load.steps import parse_steps
from python_encoders.wording import counted


class Event(NamedTuple):
    """A named stretch of time, first and last day included."""

    name: str
    first_day: np.datetime64
    last_day: np.datetime64


def rolling(history: Cube, window: int, stride: int) -> tuple[Cube, int]:
    """Cut a history into windows. Count the rows left over at its end.

    Parameters
    ----------
    history : Cube
        One scenario of T returns.
    window, stride : int
        In returns. The first window is the first of them, each next one begins
        ``stride`` later.
    """
    num_rows = history.values.shape[1]
    starts = np.arange(0, num_rows - window + 1, stride)
    if not len(starts):
        raise WrongUsageError(
            f"the history has {counted(num_rows, 'return')}, fewer than the window of "
            f"{window}"
        )
    steps = starts[:, None] + np.arange(window)
    names = list(history.steps[0, steps[:, -1]])
    return _cut(history, names, steps), num_rows - int(steps[-1, -1]) - 1


def read_events(path: Path, day_first: bool | None) -> list[Event]:
    """Read a file whose first three columns are name, first day and last day."""
    columns = read_header(path)[:3]
    if len(columns) < 3:
        raise WrongUsageError(f"{path.name} needs three columns: name, first day, last day")
    frame, _ = read_files((path,), columns, [])
    if frame.isna().any(axis=None):
        raise WrongUsageError(f"{path.name} has an empty name or day")
    names, firsts, lasts = (list(frame[column].astype(str)) for column in columns)
    days = parse_steps(firsts + lasts, day_first)
    if not days.are_dates:
        raise WrongUsageError(f"{path.name}: the second and third column are no dates")
    if len(set(names)) < len(names):
        raise WrongUsageError(f"{path.name} has a name twice")
    keys = days.keys.astype("datetime64[ns]")
    return [Event(*event) for event in zip(names, keys, keys[len(names) :], strict=False)]


def of_events(
    history: Cube, events: list[Event], window: int, take: str
) -> tuple[Cube, dict[str, dict[str, str]], list[str]]:
    """Cut the first or last ``window`` returns out of each event.

    Returns
    -------
    cube : Cube
    labels : dict
        Name, first and last day by scenario, for ``scenario_sets.metadata``.
    too_short : list of str
        The events that have fewer returns, and are left out.
    """
    if history.dates is None:
        raise WrongUsageError("--events needs a history whose steps are dates")
    dates, kept, too_short, labels = history.dates[0], {}, [], {}
    for event in sorted(events):
        found = np.flatnonzero((dates >= event.first_day) & (dates <= event.last_day))
        if len(found) < window:
            too_short.append(f"{event.name} ({counted(len(found), 'step')})")
            continue
        kept[event.name] = found[-window:] if take == "last" else found[:window]
        labels[event.name] = _label(event.name, dates[kept[event.name]])
    if not kept:
        raise WrongUsageError(f"no event has {window} steps: {', '.join(too_short)}")
    return _cut(history, list(kept), np.array(list(kept.values()))), labels, too_short


def labels_of_windows(windows: Cube) -> dict[str, dict[str, str]]:
    """Name windows by their days, where the steps are dates."""
    if windows.dates is None:
        return {}
    named = zip(windows.scenario_ids, windows.steps, windows.dates, strict=True)
    return {
        scenario_id: _label(f"{steps[0]} to {steps[-1]}", dates)
        for scenario_id, steps, dates in named
    }


def _label(name: str, dates: npt.NDArray[np.datetime64]) -> dict[str, str]:
    first, last = (str(pd.Timestamp(dates[at]).date()) for at in (0, -1))
    return {"name": name, "first_day": first, "last_day": last}


def _cut(history: Cube, names: list[str], steps: npt.NDArray[np.int64]) -> Cube:
    return Cube(
        names,
        history.steps[0][steps],
        None if history.dates is None else history.dates[0][steps],
        history.series_ids,
        history.values[0][steps],
        history.rows[0][steps],
    )
