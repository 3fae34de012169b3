"""What one scenario set covers of another, such as a bootstrap of the crises of history."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from adbc_driver_manager.dbapi import Connection

from python_encoders.errors import WrongUsageError
from python_encoders.search.distances import (
    exact_distances,
    nearest_rows,
    whole_vectors,
)
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
    whole = whole_vectors(np.concatenate([asked.vectors, other.vectors]), metric)
    whole_asked, whole_other = np.split(whole, [len(asked.vectors)])

    fellows, squared = nearest_fellows(whole_other, other.days)
    by_distance = np.argsort(squared, kind="stable")[: np.isfinite(squared).sum()]
    if not len(by_distance):
        raise WrongUsageError(
            f"{other_set_id} needs two scenarios that share no day, to measure what is "
            "near; `similar` lists what is nearest to one scenario"
        )
    # The ninth of ten, rounded up.
    widest = by_distance[(9 * len(by_distance) + 9) // 10 - 1]
    [yardstick] = exact_distances(
        other.vectors[[widest]], other.vectors[fellows[[widest]]], metric
    )

    to_other = nearest_rows(whole_asked, whole_other)[0][:, 0]
    rows, to_asked = (found[:, 0] for found in nearest_rows(whole_other, whole_asked))
    is_covered = (to_asked <= squared[widest]).tolist()
    nearest = _nearest_table(asked, other, to_other.tolist()).append_column(
        "distance",
        pa.array(exact_distances(asked.vectors, other.vectors[to_other], metric)),
    )
    covered = _nearest_table(other, asked, rows.tolist()).add_column(
        2, "scenario_class", pa.array(other.classes, pa.string())
    )
    for name, values in (
        ("distance", exact_distances(other.vectors, asked.vectors[rows], metric)),
        ("yardstick", np.full(len(rows), yardstick)),
        ("is_covered", is_covered),
    ):
        covered = covered.append_column(name, pa.array(values))
    return Comparison(nearest, covered, _summary(asked, other, is_covered))
