"""The stored vectors of a set as one Arrow table, and what people call its scenarios."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from adbc_driver_manager.dbapi import Connection
from numpy.typing import NDArray

from python_encoders.encoders import DIMENSION, check_models
from python_encoders.errors import WrongUsageError
from python_encoders.metrics import METRICS
from python_encoders.postgres import (
    check_is_built,
    check_set_is_built,
    fetch,
    relation,
)
from python_encoders.scope import ENTITY_TYPE


class SetVectors(NamedTuple):
    """The vectors of a set's scenarios, and what people call them.

    Attributes
    ----------
    scenario_set_id : str
    scenario_ids : list of M str
        In the order of the set.
    vectors : ndarray of shape (M, 384), float32
    names, classes : list of M (str or None)
    days : ndarray of shape (M, 2), datetime64[D]
        First and last day of a historical window; NaT where they are not known.
    """

    scenario_set_id: str
    scenario_ids: list[str]
    vectors: NDArray[np.float32]
    names: list[str | None]
    classes: list[str | None]
    days: NDArray[np.datetime64]

    def called(self, row: int) -> str:
        """Give the name of a scenario, or its id where it has none."""
        return self.names[row] or self.scenario_ids[row]


def check_question(
    connection: Connection, model_id: str, metric: str, *scenario_set_ids: str
) -> None:
    """Check what is asked for: the model, the metric, and sets that dbt has built.

    Raises
    ------
    WrongUsageError
        Unknown model, metric or set.
    WorkFailedError
        Nothing is built yet.
    """
    check_models([model_id])
    if metric not in METRICS:
        raise WrongUsageError(f"unknown metric {metric!r}: {', '.join(METRICS)}")
    check_is_built(connection, "numeric_window_embeddings", "scenario_labels")
    for scenario_set_id in scenario_set_ids:
        check_set_is_built(connection, scenario_set_id)


def vectors(
    connection: Connection, model_id: str, scenario_set_id: str | None = None
) -> pa.Table:
    """Read the vectors of one set, or of all sets.

    Parameters
    ----------
    connection : Connection
    model_id : str
    scenario_set_id : str or None
        None: all sets.

    Returns
    -------
    pyarrow.Table
        entity_id, scenario_set_id, scenario_id, as_of_date, panel_fingerprint and vector
        (fixed-size list of 384 float32). By set id in code-point order, then in the order
        of the set: whole numbers as numbers, then everything else by code point. Of a
        scenario with several dates, the newest.

    Raises
    ------
    WrongUsageError
        Unknown model or set.
    WorkFailedError
        Nothing is built yet.
    """
    one_set = [] if scenario_set_id is None else [scenario_set_id]
    check_question(connection, model_id, "l2", *one_set)
    fetch(
        connection,
        "select set_config('scenario_embeddings.scenario_set_id', $1, false)",
        [scenario_set_id or ""],
    )
    in_set = """
        and window_spec ->> 'scenario_set_id'
        = current_setting('scenario_embeddings.scenario_set_id')
        """
    found = fetch(
        connection,
        f"""
        with newest as (
            select distinct on (entity_id)
                entity_id,
                window_spec ->> 'scenario_set_id' as scenario_set_id,
                window_spec ->> 'scenario_id' as scenario_id,
                as_of_date,
                panel_fingerprint,
                embedding
            from {relation("numeric_window_embeddings")}
            where
                entity_type = '{ENTITY_TYPE}'
                and model_id = '{model_id}'
                {in_set if one_set else ""}
            order by entity_id, as_of_date desc
        )

        select * from newest
        order by
            convert_to(scenario_set_id, 'UTF8'),
            -- As the macro scenario_order has it.
            case
                when scenario_id ~ '^-?[0-9]{{1,18}}$' then scenario_id::bigint
            end nulls last,
            convert_to(scenario_id, 'UTF8')
        """,
        [],
    ).combine_chunks()
    values = pa.concat_arrays(
        [chunk.flatten() for chunk in found["embedding"].chunks]
        or [pa.array([], pa.float32())]
    )
    fixed = pa.FixedSizeListArray.from_arrays(values, DIMENSION)
    return found.drop_columns("embedding").append_column("vector", fixed)


def as_matrix(table: pa.Table) -> NDArray[np.float32]:
    """View the column ``vector`` as an array of shape (M, 384), float32."""
    values = table["vector"].combine_chunks().flatten()
    matrix: NDArray[np.float32] = values.to_numpy().reshape(-1, DIMENSION)
    return matrix


def set_vectors(
    connection: Connection, scenario_set_id: str, model_id: str, metric: str
) -> SetVectors:
    """Read the vectors and labels of one set.

    Raises
    ------
    WrongUsageError
        Unknown model, metric or set, a set without a vector by the model, or a vector of
        zeros where the metric is ``cosine``.
    WorkFailedError
        Nothing is built yet.
    """
    check_question(connection, model_id, metric, scenario_set_id)
    table = vectors(connection, model_id, scenario_set_id)
    if not table.num_rows:
        raise WrongUsageError(
            f"no vector of {scenario_set_id} by {model_id}; `backfill` writes them, and "
            "scenario_rejections says what cannot be encoded"
        )
    scenario_ids = table["scenario_id"].to_pylist()
    matrix = as_matrix(table)
    zeros = np.flatnonzero(~matrix.any(axis=1))
    if metric == "cosine" and len(zeros):
        raise WrongUsageError(
            f"{len(zeros)} of {len(matrix)} vectors of {scenario_set_id} are all zeros, "
            f"such as {scenario_ids[zeros[0]]}: cosine is undefined; ask with --metric l2"
        )
    labels = fetch(
        connection,
        f"""
        select scenario_id, scenario_name, scenario_class, first_day, last_day
        from {relation("scenario_labels")}
        where scenario_set_id = $1
        """,
        [scenario_set_id],
    )
    columns = (labels[name].to_pylist() for name in labels.column_names[1:])
    known = dict(
        zip(labels["scenario_id"].to_pylist(), zip(*columns, strict=True), strict=True)
    )
    rows = [known.get(scenario_id, (None,) * 4) for scenario_id in scenario_ids]
    return SetVectors(
        scenario_set_id,
        scenario_ids,
        matrix,
        [row[0] for row in rows],
        [row[1] for row in rows],
        np.array([row[2:] for row in rows], dtype="datetime64[D]").reshape(-1, 2),
    )
