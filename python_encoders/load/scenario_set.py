"""One scenario set, ready to be written: its header, ids, returns and divisors."""

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from python_encoders.errors import WrongUsageError
from python_encoders.load.layouts import Cube
from python_encoders.load.options import Options, Series
from python_encoders.load.steps import parse_steps

_BATCH_CELLS = 500_000
# As the known producer fills the ids that do not name the series.
_SENTINELS = {
    "instrument": {"factor_id": "__INSTRUMENT__", "macro_id": "__NONE__"},
    "factor": {"instrument_id": "__FACTOR__", "macro_id": "__NONE__"},
    "macro": {"instrument_id": "__MACRO__", "factor_id": "__NONE__"},
}


class ScenarioSet(NamedTuple):
    """A set as the source tables will hold it.

    cube : Cube
        Returns in decimals; NaN for cells that are left out.
    series : list of Series
        The settings of the cube's series, in its order.
    as_of : str
        ISO date: ``base_date_end``.
    labels : dict
        Name, first and last day by scenario id.
    """

    scenario_set_id: str
    name: str | None
    category: str
    cube: Cube
    series: list[Series]
    as_of: str
    labels: dict[str, dict[str, str]]

    @property
    def num_steps(self) -> int:
        """The horizon."""
        return int(self.cube.values.shape[1])

    @property
    def num_rows(self) -> int:
        """The number of rows of ``scenario_paths``."""
        return int(np.count_nonzero(~np.isnan(self.cube.values)))

    @property
    def divisors(self) -> dict[tuple[str, str], float]:
        """The divisors that a spec gives, by series kind and id."""
        return {
            (each.kind.upper(), series_id): float(each.divisor)
            for series_id, each in zip(self.cube.series_ids, self.series, strict=True)
            if each.divisor is not None
        }


def check_ids(scenario_set_id: str, cube: Cube) -> None:
    """Refuse ids that the chain would reject or take for none.

    Raises
    ------
    WrongUsageError
        Names the id.
    """
    for set_id in (scenario_set_id, *cube.scenario_ids, *cube.series_ids):
        if not set_id or "\0" in set_id:
            raise WrongUsageError(f"{set_id!r} cannot be an id: it is empty or has a NUL")
    for scenario_id in cube.scenario_ids:
        if ":" in scenario_id:
            raise WrongUsageError(
                f"scenario id {scenario_id!r} has a colon, which divides set and scenario "
                "in a vector's entity_id"
            )
    for series_id in cube.series_ids:
        if re.fullmatch("__.*__", series_id):
            raise WrongUsageError(
                f"series id {series_id!r} is a sentinel, which names none"
            )


def as_of_date(cube: Cube, options: Options) -> str:
    """Find the set's date: as said, else the last step's, else the last scenario's.

    Raises
    ------
    WrongUsageError
        Nothing in the file is a date.
    """
    if options.as_of is not None:
        return _iso_date(options.as_of, options.day_first)
    if cube.dates is not None:
        return str(pd.Timestamp(cube.dates.max()).date())
    try:
        steps = parse_steps(cube.scenario_ids, options.day_first)
    except WrongUsageError:
        steps = None
    if steps is None or not steps.are_dates:
        raise WrongUsageError("nothing here is a date: say the set's with --as-of DATE")
    return str(pd.Timestamp(steps.keys.max()).date())


def _iso_date(text: str, day_first: bool | None) -> str:
    steps = parse_steps([text], day_first)
    if not steps.are_dates:
        raise WrongUsageError(f"--as-of {text!r} is no date")
    return str(pd.Timestamp(steps.keys[0]).date())


def metadata(scenario_set: ScenarioSet) -> dict[str, Any]:
    """Give ``scenario_sets.metadata``: labels, and the digest of all that is written."""
    return {
        "scenarios": scenario_set.labels,
        "load": {"sha256": _digest(scenario_set), "num_rows": scenario_set.num_rows},
    }


def _digest(scenario_set: ScenarioSet) -> str:
    header = scenario_set._replace(cube=None, series=None)._asdict() | {  # type: ignore[arg-type]
        "scenario_ids": scenario_set.cube.scenario_ids,
        "series": [
            (each.kind, series_id, each.divisor)
            for series_id, each in zip(
                scenario_set.cube.series_ids, scenario_set.series, strict=True
            )
        ],
        "shape": scenario_set.cube.values.shape,
    }
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    digest.update(np.ascontiguousarray(scenario_set.cube.values, "<f8").data)
    return digest.hexdigest()


def path_rows(scenario_set: ScenarioSet) -> pa.RecordBatchReader:
    """Give the rows of ``scenario_paths`` as Arrow batches, some scenarios at a time."""
    schema = pa.schema(
        [
            ("scenario_set_id", pa.string()),
            ("scenario_id", pa.string()),
            ("horizon_index", pa.int32()),
            ("instrument_id", pa.string()),
            ("factor_id", pa.string()),
            ("macro_id", pa.string()),
            ("return_value", pa.float64()),
        ]
    )
    return pa.RecordBatchReader.from_batches(schema, _batches(scenario_set, schema))


def _batches(scenario_set: ScenarioSet, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    cube = scenario_set.cube
    num_scenarios, num_steps, num_series = cube.values.shape
    ids = [pa.array(column) for column in _id_columns(scenario_set)]
    scenario_ids = pa.array(cube.scenario_ids, pa.string())
    set_id = pa.array([scenario_set.scenario_set_id])
    size = max(1, _BATCH_CELLS // (num_steps * num_series))
    for start in range(0, num_scenarios, size):
        values = cube.values[start : start + size]
        scenario, step, series = np.nonzero(~np.isnan(values))
        yield pa.record_batch(
            [
                set_id.take(pa.array(np.zeros(len(step), np.int64))),
                scenario_ids.take(pa.array(scenario + start)),
                pa.array((step + 1).astype(np.int32)),
                *(column.take(pa.array(series)) for column in ids),
                pa.array(values[scenario, step, series]),
            ],
            schema=schema,
        )


def _id_columns(scenario_set: ScenarioSet) -> list[list[str]]:
    """Give instrument, factor and macro id of each series."""
    named = zip(scenario_set.cube.series_ids, scenario_set.series, strict=True)
    rows = [_SENTINELS[each.kind] | {f"{each.kind}_id": name} for name, each in named]
    names = ("instrument_id", "factor_id", "macro_id")
    return [[row[name] for row in rows] for name in names]
