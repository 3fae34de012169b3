"""Steps as files write them: numbers, dates, quarters, tenors."""

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from python_encoders.errors import WrongUsageError

_DATES = ("%Y%m%d", "%Y/%m/%d", "%Y-%m", "%d.%m.%Y", "%d-%b-%Y", "%d-%b-%y", "%d %b %Y")
_DATES_IN_WORDS = ("%b %d, %Y", "%d %B %Y", "%B %d, %Y")
_DAY_FIRST = ("%d/%m/%Y", "%d-%m-%Y", "%d/%m/%y")
_MONTH_FIRST = ("%m/%d/%Y", "%m-%d-%Y", "%m/%d/%y")
_TENOR_DAYS = {"D": 1.0, "W": 7.0, "M": 365.25 / 12, "Y": 365.25}


class Steps(NamedTuple):
    """Steps that can be ordered.

    keys : ndarray
        float64, or datetime64[ns] where the steps are dates.
    labels : list of str
        Each step's name, one spelling a step.
    """

    keys: npt.NDArray[Any]
    labels: list[str]

    @property
    def are_dates(self) -> bool:
        """Whether the steps are dates."""
        return self.keys.dtype.kind == "M"


def parse_steps(texts: Sequence[str], day_first: bool | None) -> Steps:
    """Read steps, all of one form.

    Parameters
    ----------
    texts : sequence of str
        As the file has them.
    day_first : bool or None
        Whether 03/04/2024 is the third of April; None where nobody has said.

    Raises
    ------
    WrongUsageError
        They have no common form, or both the day and the month may stand first.
    """
    for parse in (_numbers, _quarters, _tenors):
        keys = [parse(text) for text in texts]
        if None not in keys:
            return Steps(np.array(keys, float), list(map(_plain, texts, keys)))
    return _as_dates(texts, day_first)


def _as_dates(texts: Sequence[str], day_first: bool | None) -> Steps:
    column = pd.Series(texts, dtype=object)
    plain = _first_that_reads(column, ("ISO8601", *_DATES, *_DATES_IN_WORDS))
    if plain is not None:
        return _dates(plain)
    by_day = _first_that_reads(column, _DAY_FIRST)
    by_month = _first_that_reads(column, _MONTH_FIRST)
    if by_day is None or by_month is None:
        found = by_month if by_day is None else by_day
    elif day_first is None and not (by_day == by_month).all():
        odd = column[by_day != by_month].iloc[0]
        raise WrongUsageError(
            f"is {odd!r} day first or month first? Say --day-first or --month-first"
        )
    else:
        found = by_day if day_first else by_month
    if found is None:
        raise WrongUsageError(
            f"the steps {_some(texts)} have no common form: numbers, dates, quarters "
            "(2026 Q1) or tenors (10Y)"
        )
    return _dates(found)


def _first_that_reads(column: pd.Series, forms: Sequence[str]) -> pd.Series | None:
    for form in forms:
        dates = pd.to_datetime(column, format=form, errors="coerce", utc=True)
        if dates.notna().all():
            return dates
    return None


def _dates(dates: pd.Series) -> Steps:
    keys = dates.dt.tz_localize(None).to_numpy("datetime64[ns]")
    # No colon: a label can become a scenario's id.
    form = "%Y-%m-%d" if (dates == dates.dt.normalize()).all() else "%Y%m%dT%H%M%S"
    return Steps(keys, list(dates.dt.strftime(form)))


def _numbers(text: str) -> float | None:
    # Eight digits are a date.
    is_number = re.fullmatch(r"[+-]?\d+(\.\d*)?", text) and not re.fullmatch(
        r"[12]\d{3}[01]\d[0-3]\d", text
    )
    return float(text) if is_number else None


def _quarters(text: str) -> float | None:
    found = re.fullmatch(r"(\d{4})[ -]?[Qq]([1-4])", text)
    if found:
        return int(found[1]) + (int(found[2]) - 1) / 4
    found = re.fullmatch(r"[Qq]([1-4])[ -]?(\d{4})", text)
    return int(found[2]) + (int(found[1]) - 1) / 4 if found else None


def _tenors(text: str) -> float | None:
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([DWMYdwmy])", text)
    return float(found[1]) * _TENOR_DAYS[found[2].upper()] if found else None


def _plain(text: str, key: float | None) -> str:
    assert key is not None
    return f"{key:g}" if _numbers(text) is not None else text


def _some(texts: Sequence[str]) -> str:
    return ", ".join(map(repr, texts[:3])) + (", …" if len(texts) > 3 else "")


def look_like_steps(names: Sequence[str]) -> bool:
    """Tell whether columns' names are steps, as in a file with a column a step."""
    parsers: tuple[Callable[[str], float | None], ...] = (_numbers, _quarters, _tenors)
    if any(all(parse(name) is not None for name in names) for parse in parsers):
        return True
    return (
        _first_that_reads(pd.Series(names, dtype=object), ("ISO8601", *_DATES)) is not None
    )
