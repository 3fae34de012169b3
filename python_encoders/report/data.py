"""The data of the report, read from Postgres in one snapshot."""

from collections.abc import Container
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from adbc_driver_manager.dbapi import Connection
from numpy.typing import NDArray

from python_encoders.encoders import DIMENSION, ENCODERS, check_models
from python_encoders.errors import WorkFailedError
from python_encoders.postgres import check_is_built, coverage, fetch, relation
from python_encoders.report.history import History, read_history
from python_encoders.report.scenario import CRISIS, Scenario
from python_encoders.scope import ENTITY_TYPE, Scope

MAX_REJECTIONS = 200
MAX_DIVISORS = 12


class ReportData(NamedTuple):
    """Everything that the report shows.

    Attributes
    ----------
    model_id : str
    scenarios : list of M Scenario
        By entity id.
    vectors : ndarray of shape (M, 384), float32
    history : History
        Each set against history.
    crises_without_vector : list of str
        Names.
    models : list of dict
        Of each model with vectors: model_id, num_vectors, first_date, last_date,
        written_at.
    coverage : list of dict
        The rows of ``scenario_set_coverage``.
    divisors : dict
        By set whose panels are scaled: what each series is divided by, the first
        ``MAX_DIVISORS`` that are not 1, as text.
    num_rejections : int
        Over ``scenario_rejections`` and ``scenario_model_rejections``.
    rejections : list of dict
        The first of them: scenario_set_id, scenario_id, scenario_name, model_id (None: no
        model), reason, detail.
    largest_losses : list of dict
        For each set, of the encoders that do not see every cell, the vector that lost
        most of its squared return: model_id, scenario_set_id, entity_id, scenario_name,
        share.
    """

    model_id: str
    scenarios: list[Scenario]
    vectors: NDArray[np.float32]
    history: History
    crises_without_vector: list[str]
    models: list[dict[str, Any]]
    coverage: list[dict[str, Any]]
    divisors: dict[str, list[str]]
    num_rejections: int
    rejections: list[dict[str, Any]]
    largest_losses: list[dict[str, Any]]


def market_path(panel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compound the mean return over the series, day by day.

    Parameters
    ----------
    panel : ndarray of shape (H, N), float64

    Returns
    -------
    ndarray of shape (H + 1,), float64
        The return since the start, 0 on day 0.
    """
    path = np.zeros(len(panel) + 1)
    with np.errstate(over="ignore", invalid="ignore"):
        path[1:] = np.cumprod(1.0 + panel.mean(axis=1)) - 1.0
    return path


def _market_paths(connection: Connection) -> dict[str, NDArray[np.float64]]:
    paths: dict[str, NDArray[np.float64]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            select
                scenario_set_id || ':' || scenario_id as entity_id,
                num_series,
                panel
            from {relation("scenario_panels")}
            """
        )
        for batch in cursor.fetch_record_batch():
            for row, entity_id in enumerate(batch["entity_id"].to_pylist()):
                cells = batch["panel"][row].values.to_numpy()
                panel = cells.reshape(-1, batch["num_series"][row].as_py())
                paths[entity_id] = market_path(panel)
    return paths


def _labels(connection: Connection) -> dict[str, dict[str, Any]]:
    rows = fetch(
        connection,
        f"""
        select
            scenario_set_id || ':' || scenario_id as entity_id,
            coalesce(scenario_name, scenario_set_id || ':' || scenario_id) as name,
            scenario_class,
            first_day,
            last_day
        from {relation("scenario_labels")}
        order by scenario_set_id collate "C", scenario_id collate "C"
        """,
        [],
    )
    return {row.pop("entity_id"): row for row in rows.to_pylist()}


def _stored_vectors(connection: Connection, model_id: str) -> pa.Table:
    return fetch(
        connection,
        f"""
        select
            embeddings.entity_id,
            embeddings.window_spec ->> 'scenario_set_id' as set_id,
            sets.category,
            embeddings.embedding
        from {relation("numeric_window_embeddings")} as embeddings
        left join {relation("scenario_set_coverage")} as sets
            on
                embeddings.window_spec ->> 'scenario_set_id' = sets.scenario_set_id
                and embeddings.model_id = sets.model_id
        where embeddings.entity_type = '{ENTITY_TYPE}' and embeddings.model_id = $1
        order by embeddings.entity_id collate "C", embeddings.as_of_date
        """,
        [model_id],
    )


def _models(connection: Connection) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = fetch(
        connection,
        f"""
        -- As text: Postgres has dates that Python has not, 'infinity' among them.
        select
            model_id,
            count(*) as num_vectors,
            to_json(min(as_of_date)) #>> '{{}}' as first_date,
            to_json(max(as_of_date)) #>> '{{}}' as last_date,
            date_trunc('second', max(created_at) at time zone 'UTC') as written_at
        from {relation("numeric_window_embeddings")}
        where entity_type = '{ENTITY_TYPE}'
        group by model_id
        order by model_id collate "C"
        """,
        [],
    ).to_pylist()
    return rows


def _rejections(connection: Connection) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = fetch(
        connection,
        f"""
        with rejections as (
            select scenario_set_id, scenario_id, null::text as model_id, reason, detail
            from {relation("scenario_rejections")}
            union all
            select scenario_set_id, scenario_id, model_id, reason, detail
            from {relation("scenario_model_rejections")}
        )

        select
            rejections.*,
            labels.scenario_name,
            count(*) over () as num_rejections
        from rejections
        left join {relation("scenario_labels")} as labels
            on
                rejections.scenario_set_id = labels.scenario_set_id
                and rejections.scenario_id = labels.scenario_id
        order by
            rejections.scenario_set_id collate "C",
            -- 2 before 10
            length(rejections.scenario_id),
            rejections.scenario_id collate "C",
            rejections.model_id collate "C" nulls first
        limit {MAX_REJECTIONS}
        """,
        [],
    ).to_pylist()
    return rows


def _largest_losses(connection: Connection) -> list[dict[str, Any]]:
    lossy = [model_id for model_id, encoder in ENCODERS.items() if encoder.cells_seen]
    rows: list[dict[str, Any]] = fetch(
        connection,
        f"""
        with losses as (
            select
                model_id,
                entity_id,
                window_spec ->> 'scenario_set_id' as scenario_set_id,
                window_spec ->> 'scenario_id' as scenario_id,
                (window_spec ->> 'squared_return_dropped')::float8 as share
            from {relation("numeric_window_embeddings")}
            where
                entity_type = '{ENTITY_TYPE}'
                and model_id = any(string_to_array($1, ','))
        ),

        largest as (
            select distinct on (model_id, scenario_set_id) *
            from losses
            order by
                model_id, scenario_set_id, share desc nulls last, entity_id collate "C"
        )

        select largest.*, labels.scenario_name
        from largest
        left join {relation("scenario_labels")} as labels
            on
                largest.scenario_set_id = labels.scenario_set_id
                and largest.scenario_id = labels.scenario_id
        """,
        [",".join(lossy)],
    ).to_pylist()
    return rows


def _divisors(connection: Connection) -> dict[str, list[str]]:
    found = fetch(
        connection,
        f"""
        with panels as (
            select distinct on (scenario_set_id) scenario_set_id, series_ids, divisors
            from {relation("scenario_panels")}
            where divisors is not null
            order by scenario_set_id
        )

        select panels.scenario_set_id, series.series_id, series.divisor
        from panels
        cross join lateral unnest(panels.series_ids, panels.divisors)
            with ordinality as series (series_id, divisor, series_position)
        where series.divisor <> 1
        order by panels.scenario_set_id collate "C", series.series_position
        """,
        [],
    )
    divisors: dict[str, list[str]] = {}
    for set_id, series_id, divisor in zip(*found.to_pydict().values(), strict=True):
        divisors.setdefault(set_id, []).append(f"{series_id} by {divisor:.6g}")
    return {
        set_id: [
            *of_set[:MAX_DIVISORS],
            *([f"{len(of_set) - MAX_DIVISORS} more"] if len(of_set) > MAX_DIVISORS else []),
        ]
        for set_id, of_set in divisors.items()
    }


def _check_has_vectors(models: list[dict[str, Any]], model_id: str) -> None:
    found = [row["model_id"] for row in models]
    if model_id not in found:
        others = f" (there are some of {', '.join(found)})" if found else ""
        raise WorkFailedError(
            f"no vectors of {model_id} to report on{others}; `scenario-embeddings "
            f"backfill --model-id {model_id}` makes them"
        )


def _scenarios(
    stored: pa.Table,
    labels: dict[str, dict[str, Any]],
    paths: dict[str, NDArray[np.float64]],
    scaled_sets: Container[str],
) -> list[Scenario]:
    unlabelled = dict.fromkeys(("scenario_class", "first_day", "last_day"))
    return [
        Scenario(
            **row,
            **(labels.get(row["entity_id"]) or {"name": row["entity_id"], **unlabelled}),
            market_path=paths.get(row["entity_id"]),
            is_scaled=row["set_id"] in scaled_sets,
        )
        for row in stored.select(["entity_id", "set_id", "category"]).to_pylist()
    ]


def read(connection: Connection, model_id: str) -> ReportData:
    """Read the data of the report in one snapshot.

    Parameters
    ----------
    connection : Connection
        Not in autocommit. Its transaction must not have begun.
    model_id : str
        The encoder whose vectors make the map and the nearest scenarios.

    Raises
    ------
    WrongUsageError
        Unknown model.
    WorkFailedError
        Nothing is built, or there are no vectors of the model.
    """
    check_models([model_id])
    with connection.cursor() as cursor:
        cursor.execute("set transaction isolation level repeatable read, read only")
    check_is_built(
        connection,
        "scenario_panels",
        "scenario_rejections",
        "scenario_model_rejections",
        "numeric_window_embeddings",
        "scenario_set_coverage",
        "scenario_labels",
    )
    models = _models(connection)
    _check_has_vectors(models, model_id)

    stored = _stored_vectors(connection, model_id)
    embedding = stored["embedding"].combine_chunks().flatten().to_numpy()
    labels = _labels(connection)
    divisors = _divisors(connection)
    scenarios = _scenarios(stored, labels, _market_paths(connection), divisors)
    history = read_history(connection, scenarios, model_id)
    scenarios = [
        row._replace(
            weight=history.weights.get(row.entity_id),
            notes=tuple(history.notes.get(row.entity_id, ())),
        )
        for row in scenarios
    ]
    encoded = {scenario.entity_id for scenario in scenarios}
    rejections = _rejections(connection)
    return ReportData(
        model_id=model_id,
        scenarios=scenarios,
        vectors=embedding.reshape(len(scenarios), DIMENSION),
        history=history,
        crises_without_vector=[
            label["name"]
            for entity_id, label in labels.items()
            if label["scenario_class"] == CRISIS and entity_id not in encoded
        ],
        models=models,
        coverage=coverage(connection, Scope(tuple(ENCODERS))).to_pylist(),
        divisors=divisors,
        num_rejections=rejections[0]["num_rejections"] if rejections else 0,
        rejections=rejections,
        largest_losses=_largest_losses(connection),
    )
