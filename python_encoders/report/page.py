"""The report: one HTML file that shows all scenarios, and loads nothing from anywhere."""

import base64
import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go
import plotly.io
import plotly.offline
from adbc_driver_manager.dbapi import Connection
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from python_encoders.encoders import ENCODERS
from python_encoders.errors import WorkFailedError
from python_encoders.report.data import ReportData, read
from python_encoders.report.figures import (
    market_paths,
    percent,
    return_range,
    scenario_map,
)
from python_encoders.report.history import NUM_KEPT
from python_encoders.report.scenario import CRISIS, Scenario
from python_encoders.search import nearest

NUM_NEIGHBOURS = 5
MAX_CRISES = 60
_FOLDER = Path(__file__).parent
# The symbols of figures.SYMBOLS, in its order, as the key shows them.
_SYMBOL_PATHS = (
    "M0-6L6 0L0 6L-6 0Z",
    "M-4.5 0A4.5 4.5 0 1 1 4.5 0A4.5 4.5 0 1 1 -4.5 0Z",
    "M-4.5-4.5H4.5V4.5H-4.5Z",
    "M0-5.5L5.5 4.5H-5.5Z",
    "M-2-6H2V-2H6V2H2V6H-2V2H-6V-2H-2Z",
)


class Near(NamedTuple):
    """A scenario and its distance from the one that it is near to."""

    scenario: Scenario
    distance: float


class Crisis(NamedTuple):
    """A named crisis and its nearest scenarios."""

    scenario: Scenario
    neighbours: list[Near]
    json: Markup


def _json(figure: go.Figure) -> Markup:
    """Write a figure as JSON that a script element can hold: plotly escapes the ``<``."""
    return Markup(plotly.io.to_json(figure, remove_uids=False, engine="json"))


def crises_of(data: ReportData) -> dict[str, int]:
    """Find the crises, in the order of their days: entity id and row."""
    rows = {
        scenario.entity_id: row
        for row, scenario in enumerate(data.scenarios)
        if scenario.scenario_class == CRISIS
    }
    days = {entity: str(data.scenarios[row].last_day) for entity, row in rows.items()}
    return dict(sorted(rows.items(), key=lambda item: (days[item[0]], item[0])))


def neighbours(data: ReportData, row: int, metric: str) -> list[Near]:
    """Find the scenarios nearest to one, as ``similar`` does where no index is.

    Parameters
    ----------
    data : ReportData
    row : int
        Of the vector to compare with. Vectors of the same scenario are left out.
    metric : str
        ``l2`` or ``cosine``.
    """
    names = np.array([scenario.entity_id for scenario in data.scenarios], dtype=object)
    others = names != names[row]
    scenarios = {scenario.entity_id: scenario for scenario in data.scenarios}
    found = nearest(
        data.vectors[row],
        data.vectors[others],
        names[others].tolist(),
        NUM_NEIGHBOURS,
        metric,
    )
    return [Near(scenarios[name], distance) for distance, name in found]


def _crises(data: ReportData, rows: list[int], metric: str) -> list[Crisis]:
    near = {row: neighbours(data, row, metric) for row in rows}
    shown = {row: [found.scenario for found in near[row]] for row in rows}
    bounds = return_range(
        [scenario for row in rows for scenario in (data.scenarios[row], *shown[row])]
    )
    return [
        Crisis(
            data.scenarios[row],
            near[row],
            _json(market_paths(data.scenarios[row], shown[row], bounds)),
        )
        for row in rows
    ]


def _losses(data: ReportData) -> list[dict[str, Any]]:
    largest = {
        (row["model_id"], row["scenario_set_id"]): row for row in data.largest_losses
    }
    rows = []
    for row in data.coverage:
        if not ENCODERS[row["model_id"]].cells_seen:
            continue
        most = largest.get((row["model_id"], row["scenario_set_id"]), {})
        name = most.get("scenario_name") or most.get("entity_id")
        rows.append({**row, "largest": most.get("share"), "name": name})
    return rows


def _models(data: ReportData) -> list[dict[str, Any]]:
    counts = {row["model_id"]: row["num_vectors"] for row in data.models}
    return [
        {"model_id": name, "encoder": encoder, "num_vectors": counts.get(name, 0)}
        for name, encoder in ENCODERS.items()
    ]


def _share(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"


def _by(value: float | None, unit: float) -> str:
    """Write a distance in a unit. The unit is 0 where all of history is one point."""
    return "–" if value is None or not unit else f"{value / unit:.2f}"


def _end(scenario: Scenario) -> str:
    """Write the market's return over the whole horizon, marked where it is scaled."""
    if scenario.market_path is None:
        return "–"
    return percent(scenario.market_path[-1]) + ("*" if scenario.is_scaled else "")


def _policy(*scripts: str) -> str:
    """Allow these scripts and no other, and no request to anywhere."""
    digests = [
        base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        for script in scripts
    ]
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
        "img-src data:"
    )


def render(data: ReportData, metric: str) -> str:
    """Write the report as HTML.

    Parameters
    ----------
    data : ReportData
    metric : str
        By which scenarios are near: ``l2`` or ``cosine``.
    """
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["zip"] = zip
    environment.filters |= {"share": _share, "by": _by, "end": _end}
    plotly_js = plotly.offline.get_plotlyjs()
    js = (_FOLDER / "report.js").read_text(encoding="utf-8")
    drawn = scenario_map(data.scenarios, data.vectors)
    crises = crises_of(data)
    sources = {row["scenario_set_id"]: row["num_in_source"] for row in data.coverage}
    return environment.get_template("report.html").render(
        data=data,
        metric=metric,
        model=next(row for row in data.models if row["model_id"] == data.model_id),
        num_sets=len({scenario.set_id for scenario in data.scenarios}),
        coverage_sets=len(sources),
        num_in_source=sum(sources.values()),
        map=drawn,
        map_json=_json(drawn.figure),
        symbol_paths=_SYMBOL_PATHS,
        crises=_crises(data, list(crises.values())[:MAX_CRISES], metric),
        num_crises=len(crises),
        num_neighbours=NUM_NEIGHBOURS,
        num_kept=NUM_KEPT,
        losses=_losses(data),
        models=_models(data),
        policy=_policy(plotly_js, js),
        css=Markup((_FOLDER / "report.css").read_text(encoding="utf-8")),
        js=Markup(js),
        plotly_js=Markup(plotly_js),
    )


def write_report(
    connection: Connection, path: Path, model_id: str, metric: str = "cosine"
) -> None:
    """Read the vectors of a model and write the report.

    Parameters
    ----------
    connection : Connection
        Not in autocommit.
    path : Path
        Its folder is made, if it is not there.
    model_id : str
    metric : str
        ``l2`` or ``cosine``.

    Raises
    ------
    WrongUsageError
        Unknown model.
    WorkFailedError
        Nothing to report on, or the file cannot be written.
    """
    page = render(read(connection, model_id), metric)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page, encoding="utf-8", newline="\n")
    except OSError as error:
        raise WorkFailedError(f"cannot write {path}: {error.strerror}") from error
