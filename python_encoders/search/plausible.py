"""Whether scenarios are like anything in a reference set, and how far beyond."""

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
from python_encoders.search.panel_statistics import (
    STATISTICS,
    mahalanobis,
    nulls_for_nan,
    set_statistics,
)
from python_encoders.search.stored_vectors import set_vectors


def plausibility(
    connection: Connection,
    scenario_set_id: str,
    reference_set_id: str,
    model_id: str,
    metric: str = "l2",
) -> pa.Table:
    """Say of each scenario how far it is from a reference, such as history.

    The yardsticks are the distances of the reference's scenarios to their nearest fellow,
    without windows that overlap. A set may be its own reference: each scenario is then
    measured against the others.

    Parameters
    ----------
    connection : Connection
    scenario_set_id : str
    reference_set_id : str
    model_id : str
    metric : str
        ``l2`` or ``cosine``.

    Returns
    -------
    pyarrow.Table
        One row per scenario, in the order of its set: scenario_id, scenario_name,
        nearest_id, nearest_name (of the reference), distance, quantile (the share of the
        yardsticks that are smaller), ratio (to the largest yardstick; over 1 is beyond
        anything in the reference; null where that is 0), mahalanobis (of the statistics, in
        standard deviations of the reference), mahalanobis_ratio (to the largest in the
        reference) and the statistics themselves: market_return, volatility, worst_day,
        dispersion. Null where it is not known: a Mahalanobis distance needs six
        scenarios in the reference.

    Raises
    ------
    WrongUsageError
        Unknown model, metric or set, no vectors, nothing in the reference to take
        yardsticks from, or a vector of zeros where the metric is ``cosine``.
    WorkFailedError
        Nothing is built yet.
    """
    asked = set_vectors(connection, scenario_set_id, model_id, metric)
    reference = set_vectors(connection, reference_set_id, model_id, metric)
    whole = whole_vectors(np.concatenate([asked.vectors, reference.vectors]), metric)
    whole_asked, whole_reference = np.split(whole, [len(asked.vectors)])
    fellows, squared = nearest_fellows(whole_reference, reference.days)
    yardsticks = np.sort(squared[np.isfinite(squared)])
    if not len(yardsticks):
        raise WrongUsageError(
            f"{reference_set_id} needs two scenarios that share no day, to measure what is "
            "near; `similar` lists what is nearest to one scenario"
        )
    if scenario_set_id == reference_set_id:
        rows, to_nearest = fellows, squared
    else:
        found = nearest_rows(whole_asked, whole_reference)
        rows, to_nearest = found[0][:, 0], found[1][:, 0]
    distance = exact_distances(asked.vectors, reference.vectors[rows], metric)
    distance[~np.isfinite(to_nearest)] = np.nan
    last = int(np.flatnonzero(squared == yardsticks[-1])[0])
    [largest] = exact_distances(
        reference.vectors[[last]], reference.vectors[fellows[[last]]], metric
    )
    values = set_statistics(connection, scenario_set_id, asked.scenario_ids)
    history = set_statistics(connection, reference_set_id, reference.scenario_ids)
    unusual = mahalanobis(values, history)
    most_unusual = np.nanmax(
        mahalanobis(history, history), initial=-np.inf, where=np.isfinite(history[:, 0])
    )
    return pa.table(
        {
            "scenario_id": asked.scenario_ids,
            "scenario_name": pa.array(asked.names, pa.string()),
            "nearest_id": [reference.scenario_ids[row] for row in rows],
            "nearest_name": pa.array([reference.names[row] for row in rows], pa.string()),
            "distance": nulls_for_nan(distance),
            "quantile": np.searchsorted(yardsticks, to_nearest) / len(yardsticks),
            "ratio": nulls_for_nan(distance / largest if largest else distance * np.nan),
            "mahalanobis": nulls_for_nan(unusual),
            "mahalanobis_ratio": nulls_for_nan(unusual / most_unusual),
            **{
                name: nulls_for_nan(values[:, column])
                for column, name in enumerate(STATISTICS)
            },
        }
    )
