"""The result that the chain must give for two source tables, computed in pandas.

It uses no SQL and none of the tested code. The rules are those of docs/rejections.md,
and the encoders are in `plain_encoders`.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from datetime import date, timezone
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from bad_inputs import FLOAT32_MAX
from plain_encoders import CORE, PLAIN

MODELS = tuple(PLAIN)
LARGEST_RETURN = {model_id: FLOAT32_MAX if model_id == CORE else 4.0 for model_id in MODELS}
LONGEST_HORIZON = 1024
SMALLEST_NORMAL = float(np.finfo(np.float64).tiny)
KINDS = "INSTRUMENT", "FACTOR", "MACRO"  # in the order of their columns
SCENARIO = ["scenario_set_id", "scenario_id"]
CELL = ["horizon_index", "series_id"]


class Panel(NamedTuple):
    as_of_date: date | None
    horizon_days: int
    series_ids: tuple[str, ...]
    returns: tuple[str, ...]  # day by day: the shortest text tells every float from others


class Rejection(NamedTuple):
    reason: str
    first_cell: str | None = None


class Counts(NamedTuple):
    in_source: int
    encoded: int
    rejected: int
    pending: int


Scenario = tuple[str, str]  # set and scenario
VectorKey = tuple[str, str, date | None, str]  # set, scenario, date and model


class State(NamedTuple):
    """The results that a database holds for its source."""

    panels: dict[Scenario, Panel]
    rejections: dict[Scenario, Rejection]
    model_rejections: dict[tuple[str, str, str], str]  # by set, scenario and model
    vectors: dict[VectorKey, bytes]
    coverage: dict[tuple[str, str], Counts]  # by set and model


def state_of_a_fresh_build(
    sets: pd.DataFrame,
    paths: pd.DataFrame,
    scales: pd.DataFrame,
    series_kinds: Sequence[str],
) -> State:
    """Judge every scenario of the source, and encode the panels that are complete.

    Parameters
    ----------
    sets : DataFrame
        `scenario_sets` with scenario_set_id, horizon_days, base_date_end, created_at.
    paths : DataFrame
        `scenario_paths`, all seven columns. NULL is None or NaN.
    scales : DataFrame
        `series_scales`.
    series_kinds : sequence of str
        The var of that name. Empty where it is not set.
    """
    panels, rejections = panels_and_rejections(sets, paths, scales, series_kinds)
    state = State(panels, rejections, {}, {}, {})
    for (set_id, scenario_id), panel in panels.items():
        for model_id, encode in PLAIN.items():
            days = days_of(panel)
            if max(abs(value) for day in days for value in day) > LARGEST_RETURN[model_id]:
                reason = "VALUE_OUT_OF_RANGE"
                state.model_rejections[set_id, scenario_id, model_id] = reason
            else:
                vector = encode(days, list(panel.series_ids))
                state.vectors[set_id, scenario_id, panel.as_of_date, model_id] = vector
    set_ids = {*sets["scenario_set_id"], *paths["scenario_set_id"].dropna()}
    state.coverage.update(coverage(state, set_ids))
    return state


def panels_and_rejections(
    sets: pd.DataFrame,
    paths: pd.DataFrame,
    scales: pd.DataFrame,
    series_kinds: Sequence[str],
) -> tuple[dict[Scenario, Panel], dict[Scenario, Rejection]]:
    """Give each scenario's panel, or the reason why it has none. Parameters as above."""
    panels, rejections = {}, {}
    headers: dict[str, Any] = {
        str(header.scenario_set_id): header for header in sets.itertuples(index=False)
    }
    rows = with_series(paths.dropna(subset=SCENARIO))
    divisors = {
        (set_id, qualified(kind, raw)): as_divisor(value)
        for set_id, kind, raw, value in scales.itertuples(index=False)
    }
    horizons = {set_id: header.horizon_days for set_id, header in headers.items()}
    last_days = rows["scenario_set_id"].map(horizons).astype("float64")
    within = rows[rows["horizon_index"].between(1, last_days)]
    for set_id in rows["scenario_set_id"].unique():
        header: Any = headers.get(set_id)
        of_set = within[within["scenario_set_id"] == set_id].copy()
        kinds = series_kinds or default_kinds(of_set)
        of_set["is_cell"] = of_set["series_kind"].isin(kinds)
        axis = sorted(set(of_set.loc[of_set["is_cell"], "series_id"]))
        of_axis = {
            series_id: divisors.get(
                (set_id, series_id), divisors.get(("*", series_id), 1.0)
            )
            for series_id in axis
        }
        of_set["divisor"] = of_set["series_id"].map(of_axis).astype("float64")
        is_of_set = rows["scenario_set_id"] == set_id
        for scenario_id in rows.loc[is_of_set, "scenario_id"].unique():
            of_scenario = of_set[of_set["scenario_id"] == scenario_id]
            rejection = next(reasons(header, scenario_id, of_scenario, of_axis), None)
            if rejection is None:
                cells = of_scenario[of_scenario["is_cell"]].sort_values(CELL)
                panels[set_id, scenario_id] = Panel(
                    as_of_date(header),
                    int(header.horizon_days),
                    tuple(axis),
                    tuple(repr(float(value)) for value in scaled(cells)),
                )
            else:
                rejections[set_id, scenario_id] = rejection
    return panels, rejections


def with_series(paths: pd.DataFrame) -> pd.DataFrame:
    """Add to each path row how many ids it has and, where it has one, its series."""
    rows = paths.astype(
        {"scenario_id": str, "horizon_index": "float64", "return_value": "float64"}
    )
    borne = [
        [(kind, raw) for kind, raw in zip(KINDS, ids, strict=True) if is_id(raw)]
        for ids in rows[["instrument_id", "factor_id", "macro_id"]].to_numpy()
    ]
    series = [ids[0] if len(ids) == 1 else (None, None) for ids in borne]
    rows["num_ids"] = [len(ids) for ids in borne]
    rows["series_kind"] = [kind for kind, _ in series]
    rows["series_id"] = [qualified(kind, raw) for kind, raw in series]
    return rows


def qualified(kind: str | None, raw: str | None) -> str | None:
    return raw if kind in ("INSTRUMENT", None) else f"__{kind}:{raw}__"


def default_kinds(rows: pd.DataFrame) -> Sequence[str]:
    """Take a set's instruments, and all its series where it has none."""
    return ("INSTRUMENT",) if (rows["series_kind"] == "INSTRUMENT").any() else KINDS


def as_divisor(value: float | None) -> float:
    """Give a divisor, or NaN where it is not a number above 0."""
    is_valid = value is not None and 0 < value < math.inf
    return value if value is not None and is_valid else math.nan


def scaled(cells: pd.DataFrame) -> Any:
    """Divide each return once. Infinity where the quotient is no normal double."""
    values, divisors = cells["return_value"].to_numpy(), cells["divisor"].to_numpy()
    with np.errstate(all="ignore"):
        quotients = values / divisors
    is_lost = (values != 0) & (abs(quotients) < SMALLEST_NORMAL) & (divisors > 1)
    return np.where(is_lost, np.inf, quotients)


def is_id(raw: str | None) -> bool:
    """Tell an id from NULL, from no text, and from a sentinel of the producer's."""
    is_sentinel = raw and len(raw) >= 4 and raw.startswith("__") and raw.endswith("__")
    return bool(raw) and not is_sentinel


def as_of_date(header: Any) -> date | None:
    if not pd.isna(header.base_date_end):
        return pd.Timestamp(header.base_date_end).date()
    if not pd.isna(header.created_at):
        return pd.Timestamp(header.created_at).astimezone(timezone.utc).date()
    return None


def reasons(
    header: Any, scenario_id: str, rows: pd.DataFrame, axis: dict[str, float]
) -> Iterator[Rejection]:
    """Yield the reasons to reject a scenario, in their order: the first one counts.

    Parameters
    ----------
    header : row of `scenario_sets`, or None
    scenario_id : str
    rows : DataFrame
        The scenario's rows within the horizon.
    axis : dict
        The series of its set, in order, and their divisors.
    """
    if header is None:
        yield Rejection("UNKNOWN_SET")
    if pd.isna(header.horizon_days) or not 1 <= header.horizon_days <= LONGEST_HORIZON:
        yield Rejection("INVALID_HORIZON")
    if as_of_date(header) is None:
        yield Rejection("NO_AS_OF_DATE")
    if any(math.isnan(divisor) for divisor in axis.values()):
        yield Rejection("INVALID_DIVISOR")
    if ":" in scenario_id:
        yield Rejection("COLON_IN_SCENARIO_ID")
    if (rows["num_ids"] > 1).any():
        yield Rejection("MORE_THAN_ONE_ID")
    if (rows["num_ids"] == 0).any():
        yield Rejection("NO_SERIES_ID")

    cells = rows[rows["is_cell"]].sort_values(CELL)
    if cells.empty:
        yield Rejection("NO_SERIES_OF_KIND")
    if cells.duplicated(CELL).any():
        yield Rejection("DUPLICATE_CELLS", first_cell(cells[cells.duplicated(CELL)]))

    horizon_days = int(header.horizon_days)
    wanted = set(itertools.product(range(1, horizon_days + 1), axis))
    missing = wanted.difference(cells[CELL].itertuples(index=False, name=None))
    if missing and cells["horizon_index"].max() < horizon_days:
        yield Rejection("SHORT_HORIZON")
    if missing:
        yield Rejection("MISSING_CELLS", cell_name(*min(missing)))

    is_finite = np.isfinite(cells["return_value"])
    if not is_finite.all():
        yield Rejection("NON_FINITE_VALUE", first_cell(cells[~is_finite]))
    is_large = abs(scaled(cells)) > FLOAT32_MAX
    if is_large.any():
        yield Rejection("VALUE_OUT_OF_RANGE", first_cell(cells[is_large]))


def first_cell(cells: pd.DataFrame) -> str:
    return cell_name(*cells[CELL].iloc[0])


def cell_name(day: float, series_id: str) -> str:
    return f"day {int(day)}, series {series_id}"


def days_of(panel: Panel) -> list[list[float]]:
    values = [float(text) for text in panel.returns]
    width = len(panel.series_ids)
    return [values[first : first + width] for first in range(0, len(values), width)]


def coverage(state: State, set_ids: set[str]) -> Iterator[tuple[tuple[str, str], Counts]]:
    """Count each set's scenarios: all of them are encoded or rejected."""
    for set_id in set_ids:
        num_panels = sum(key[0] == set_id for key in state.panels)
        num_rejected = sum(key[0] == set_id for key in state.rejections)
        for model_id in MODELS:
            num_not_taken = sum(
                (key[0], key[2]) == (set_id, model_id) for key in state.model_rejections
            )
            yield (
                (set_id, model_id),
                Counts(
                    in_source=num_panels + num_rejected,
                    encoded=num_panels - num_not_taken,
                    rejected=num_rejected + num_not_taken,
                    pending=0,
                ),
            )
