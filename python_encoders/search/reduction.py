"""The scenarios to revalue a book on, each with the weight that it stands for."""

import itertools
import math

import numpy as np
import pyarrow as pa
from adbc_driver_manager.dbapi import Connection, Error
from numpy.typing import NDArray

from python_encoders.errors import WrongUsageError
from python_encoders.postgres import fetch
from python_encoders.search.distances import Floats, Rows, exact_distances
from python_encoders.search.medoids import choose_medoids
from python_encoders.search.stored_vectors import set_vectors
from python_encoders.search.whole_numbers import whole_vectors
from python_encoders.wording import counted


def _weights_relation(connection: Connection, weights_table: str) -> str:
    """Find the table of weights; give its name as SQL.

    Raises
    ------
    WrongUsageError
        No such table, or not with the columns ``scenario_id`` and ``weight``.
    """
    try:
        # Postgres itself reads the name, quotes and all.
        found = fetch(
            connection,
            """
            select
                format('%I.%I', schemas.nspname, relations.relname) as name,
                array(
                    select attname::text from pg_catalog.pg_attribute
                    where attrelid = relations.oid and attnum > 0 and not attisdropped
                ) as columns
            from pg_catalog.pg_class as relations
            inner join pg_catalog.pg_namespace as schemas
                on relations.relnamespace = schemas.oid
            where relations.oid = to_regclass($1)
            """,
            [weights_table],
        ).to_pylist()
    except Error:  # not even a name
        found = []
    if not found:
        raise WrongUsageError(
            f"no table {weights_table!r} of weights; name it as schema.table"
        )
    if not {"scenario_id", "weight"} <= set(found[0]["columns"]):
        raise WrongUsageError(
            f"{weights_table} needs the columns scenario_id and weight; it has "
            f"{', '.join(found[0]['columns'])}"
        )
    return str(found[0]["name"])


def _weights(
    connection: Connection, weights_table: str, set_id: str, scenario_ids: list[str]
) -> Floats:
    """Read the weight of each scenario, scaled to sum to 1."""
    name = _weights_relation(connection, weights_table)
    try:
        table = fetch(
            connection,
            f"select scenario_id::text, weight::float8 from {name} order by 1, 2",
            [],
        )
    except Error as error:
        raise WrongUsageError(
            f"the weights in {weights_table} are not numbers, or may not be read"
        ) from error
    ids = table["scenario_id"].to_pylist()
    by_id = dict(zip(ids, table["weight"].to_pylist(), strict=True))
    for scenario_id, weight in by_id.items():
        if weight is None or not 0.0 <= weight < math.inf:
            raise WrongUsageError(
                f"{weights_table}: the weight of scenario {scenario_id} is "
                f"{'NULL' if weight is None else weight}; it must be a number, 0 or more"
            )
    wanted = set(scenario_ids)
    for what, odd in (
        ("lists twice", [one for one, two in itertools.pairwise(ids) if one == two]),
        ("has no weight of", [one for one in scenario_ids if one not in by_id]),
        ("has weights without a vector:", [one for one in by_id if one not in wanted]),
    ):
        if odd:
            raise WrongUsageError(
                f"{weights_table} {what} scenario {odd[0]}"
                + (f" and {len(odd) - 1} more" if len(odd) > 1 else "")
                + f"; it needs one row for each scenario of {set_id} that has a vector"
            )
    weights = np.array([by_id[one] for one in scenario_ids], dtype=np.float64)
    largest = weights.max()
    if not largest:
        raise WrongUsageError(f"{weights_table}: all weights are 0")
    # Divided by the largest first: the sum of finite weights may be infinite.
    weights /= largest
    return weights / math.fsum(weights)


def represent(
    vectors: NDArray[np.float32], weights: Floats, num_kept: int, metric: str
) -> tuple[Rows, Floats, Floats]:
    """Choose vectors that stand for all.

    Parameters
    ----------
    vectors : ndarray of shape (M, D), float32
        Their order decides between equal choices. None is all zeros for ``cosine``.
    weights : ndarray of shape (M,), float64
    num_kept : int
        From 1 to M.
    metric : str

    Returns
    -------
    ndarray of shape (M,), int
        The vector that stands for each.
    ndarray of shape (M,), float64
        The distances between them.
    ndarray of shape (M,), float64
        The weight of all that each stands for; 0 where it stands for none.
    """
    medoids, places = choose_medoids(
        whole_vectors(vectors, metric), weights, num_kept, metric
    )
    members = np.split(
        weights[np.argsort(places, kind="stable")],
        np.cumsum(np.bincount(places, minlength=num_kept))[:-1],
    )
    represented = np.zeros(len(vectors))
    represented[medoids] = [math.fsum(one) for one in members]
    representatives = medoids[places]
    distances = exact_distances(vectors, vectors[representatives], metric)
    return representatives, distances, represented


def reduce(
    connection: Connection,
    scenario_set_id: str,
    num_kept: int,
    model_id: str,
    metric: str = "l2",
    weights_table: str | None = None,
) -> pa.Table:
    """Choose scenarios that stand for a whole set, each with a weight.

    The chosen ones are scenarios of the set. They keep the weighted sum of the distances
    between each scenario and its representative low: the transport (Kantorovich) cost. No
    random start, and the same answer on every machine.

    Parameters
    ----------
    connection : Connection
    scenario_set_id : str
    num_kept : int
        How many are kept, from 1 to the number of scenarios with a vector.
    model_id : str
    metric : str
        ``l2`` or ``cosine``.
    weights_table : str, optional
        ``schema.table`` with the columns ``scenario_id`` and ``weight``, one row for each
        scenario of the set that has a vector. Without it, all scenarios weigh the same.

    Returns
    -------
    pyarrow.Table
        One row per scenario that has a vector, in the order of the set: entity_id,
        scenario_id, representative_id (a scenario id), distance (to the representative),
        weight (of the scenario; they sum to 1) and representative_weight (the sum of the
        weights of all that its representative stands for).

    Raises
    ------
    WrongUsageError
        Unknown model, metric or set, no vectors, more to keep than there are, weights that
        do not fit, or a vector of zeros where the metric is ``cosine``.
    WorkFailedError
        Nothing is built yet.
    """
    asked = set_vectors(connection, scenario_set_id, model_id, metric)
    ids, vectors = asked.scenario_ids, asked.vectors
    if not 1 <= num_kept <= len(ids):
        raise WrongUsageError(
            f"cannot keep {num_kept}: {scenario_set_id} has "
            f"{counted(len(ids), 'scenario')} with a vector by {model_id}"
        )
    if weights_table is None:
        weights = np.full(len(ids), 1.0 / len(ids))
    else:
        weights = _weights(connection, weights_table, scenario_set_id, ids)
    representatives, distances, represented = represent(vectors, weights, num_kept, metric)
    return pa.table(
        {
            "entity_id": [f"{scenario_set_id}:{one}" for one in ids],
            "scenario_id": ids,
            "representative_id": [ids[row] for row in representatives.tolist()],
            "distance": distances,
            "weight": weights,
            "representative_weight": represented[representatives],
        }
    )
