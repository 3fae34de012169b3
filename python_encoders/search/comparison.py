"""What one scenario set covers of another, such as a bootstrap of the crises of history."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from adbc_driver_manager.dbapi import Connection

from python_encoders.errors import WrongUsageError
from python_encoders.search.distances import nearest_rows
from python_encoders.search.fellows import nearest_fellows
from python_encoders.search.stored_vectors import SetVectors, set_vectors

_MAX_NAMED = 12


class Comparison(NamedTuple):
    """What one set, A, has of another, B.

    Attributes
    ----------
    nearest : pyarrow.Table
        One row per scenario of A, in its order: scenario_id, scenario_name, nearest_id,
        nearest_name (of B) and distance.
    covered : pyarrow.Table
        One row per scenario of B, in its order: scenario_id, scenario_name, scenario_class,
        nearest_id, nearest_name (of A), distance, yardstick and is_covered.
    summary : str
        One line that a person can repeat.
    """

    nearest: pa.Table
    covered: pa.Table
    summary: str


def _nearest_table(asked: SetVectors, other: SetVectors, rows: list[int]) -> pa.Table:
    """Name each scenario and its nearest in the other set."""
    return pa.table(
        {
            "scenario_id": asked.scenario_ids,
            "scenario_name": pa.array(asked.names, pa.string()),
            "nearest_id": [other.scenario_ids[row] for row in rows],
            "nearest_name": pa.array([other.names[row] for row in rows], pa.string()),
        }
    )


def _summary(asked: SetVectors, other: SetVectors, is_covered: list[bool]) -> str:
    # By class, the largest one first.
    by_class: dict[str, list[bool]] = {}
    for name, covered in zip(other.classes, is_covered, strict=True):
        by_class.setdefault(name or "", []).append(covered)
    ordered = sorted(by_class.items(), key=lambda item: (-len(item[1]), item[0]))
    counts = " and ".join(
        f"{sum(covered)} of {len(covered)} {name}".rstrip() for name, covered in ordered
    )
    missing = [other.called(row) for row, covered in enumerate(is_covered) if not covered]
    named = "; ".join(missing[:_MAX_NAMED])
    if len(missing) > _MAX_NAMED:
        named += f"; and {len(missing) - _MAX_NAMED} more"
    return (
        f"{asked.scenario_set_id} covers {counts} scenarios of {other.scenario_set_id}"
        + (f"; not: {named}" if missing else "")
    )


def compare(
    connection: Connection,
    scenario_set_id: str,
    other_set_id: str,
    model_id: str,
    metric: str = "l2",
) -> Comparison:
    """Say what of another set a set covers, and what each of its scenarios is nearest to.

    The yardstick is taken from B itself: nine of ten of its scenarios have a nearest fellow
    in B that near, without windows that overlap. A scenario of B is covered where A has one
    within the yardstick. Of a second sample like B, about nine of ten would be covered, so
    what is not covered is a gap and no accident. The largest distance would be lax: one
    lonely crisis would make everything near.

    Parameters
    ----------
    connection : Connection
    scenario_set_id : str
        A.
    other_set_id : str
        B.
    model_id : str
    metric : str
        ``l2`` or ``cosine``.

    Returns
    -------
    Comparison

    Raises
    ------
    WrongUsageError
        Unknown model, metric or set, no vectors, one set twice, nothing in B to take a
        yardstick from, or a vector of zeros where the metric is ``cosine``.
    WorkFailedError
        Nothing is built yet.
    """
    if scenario_set_id == other_set_id:
        raise WrongUsageError(f"{scenario_set_id} covers itself; name another set")
    asked = set_vectors(connection, scenario_set_id, model_id, metric)
    other = set_vectors(connection, other_set_id, model_id, metric)

    _, apart = nearest_fellows(other.vectors, other.days, metric)
    apart = np.sort(apart[np.isfinite(apart)])
    if not len(apart):
        raise WrongUsageError(
            f"{other_set_id} needs two scenarios that share no day, to measure what is "
            "near; `similar` lists what is nearest to one scenario"
        )
    # The ninth of ten, rounded up.
    yardstick = apart[(9 * len(apart) + 9) // 10 - 1]

    in_other, to_other = nearest_rows(asked.vectors, other.vectors, metric)
    in_asked, to_asked = nearest_rows(other.vectors, asked.vectors, metric)
    is_covered = (to_asked[:, 0] <= yardstick).tolist()
    nearest = _nearest_table(asked, other, in_other[:, 0].tolist()).append_column(
        "distance", pa.array(to_other[:, 0])
    )
    covered = _nearest_table(other, asked, in_asked[:, 0].tolist()).add_column(
        2, "scenario_class", pa.array(other.classes, pa.string())
    )
    for name, values in (
        ("distance", to_asked[:, 0]),
        ("yardstick", np.full(len(to_asked), yardstick)),
        ("is_covered", is_covered),
    ):
        covered = covered.append_column(name, pa.array(values))
    return Comparison(nearest, covered, _summary(asked, other, is_covered))
