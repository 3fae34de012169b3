"""The report's pictures: the map of all scenarios, and market paths drawn together.

Colours and line widths belong to ``report.css``, which finds each trace by its uid, so that
they follow the reader's light or dark screen and the printer.
"""

import html
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from python_encoders.report.scenario import CRISIS, Scenario
from python_encoders.wording import counted

# An SVG of more is slow on a phone.
MAX_POINTS = 4000
NUM_COLOURS = 7
SYMBOLS = ("diamond", "circle", "square", "triangle-up", "cross")
PATHS_HEIGHT = 216
_MARGIN = {"l": 44, "r": 20, "t": 8, "b": 26}
_NUMERAL_HEIGHT = 13
_MIN_CORRELATION = 0.7
# Pixels, and square pixels: around a mark, and for a representative of its whole set.
_INNER_RING = 11
_RING_AREA = 4000
FONT = (
    "-apple-system, BlinkMacSystemFont, 'Segoe UI', Roboto, 'Noto Sans', "
    "'Liberation Sans', Arial, sans-serif"
)


class Key(NamedTuple):
    """An entry of the map's key: ``number`` of the colour or symbol, and whose it is."""

    number: int
    label: str
    num_points: int


class Meaning(NamedTuple):
    """What goes with an axis of the map, and its correlation with it."""

    name: str
    correlation: float


class Map(NamedTuple):
    """The map and what to say of it.

    Attributes
    ----------
    figure : Figure
    num_points : int
        How many are drawn.
    shares : tuple of float
        Of the vectors' variance, along each axis.
    meanings : tuple of (str, float) or None
        What grows along each axis and its correlation with it, where that is strong.
    coloured_by : str
        What a colour stands for.
    colours, symbols : list of Key
    """

    figure: go.Figure
    num_points: int
    shares: tuple[float, float]
    meanings: tuple[Meaning | None, Meaning | None]
    coloured_by: str
    colours: list[Key]
    symbols: list[Key]


def principal_plane(
    vectors: NDArray[np.float32],
) -> tuple[NDArray[np.float64], tuple[float, float]]:
    """Project vectors onto the plane of their largest variance.

    Parameters
    ----------
    vectors : ndarray of shape (M, D), float32

    Returns
    -------
    ndarray of shape (M, 2), float64
        To four digits of the largest. An axis points where its largest loading is
        positive.
    tuple of float
        The share of the variance along each axis. Zeros where there is none.
    """
    centred = vectors.astype(np.float64)
    centred -= centred.mean(axis=0)
    variances, axes = np.linalg.eigh(centred.T @ centred)
    plane = axes[:, [-1, -2]]
    plane *= np.sign(plane[np.abs(plane).argmax(axis=0), [0, 1]])
    coordinates = centred @ plane
    extent = float(np.abs(coordinates).max())
    total = float(np.square(centred).sum())
    if not total or not extent:
        return np.zeros(coordinates.shape), (0.0, 0.0)
    decimals = 4 - int(np.ceil(np.log10(extent)))
    first, second = (max(0.0, float(variances[i]) / total) for i in (-1, -2))
    return coordinates.round(decimals) + 0.0, (first, second)


def finite_path(scenario: Scenario) -> NDArray[np.float64] | None:
    """Give the market path, unless there is none or it has left float64."""
    path = scenario.market_path
    return path if path is not None and np.isfinite(path).all() else None


def _measures(scenarios: Sequence[Scenario]) -> dict[str, NDArray[np.float64]]:
    """Measure what an axis may mean; NaN where a scenario has no market path."""
    measures = np.full((2, len(scenarios)), np.nan)
    for row, scenario in enumerate(scenarios):
        path = finite_path(scenario)
        if path is not None and (path > -1).all():
            measures[0, row] = path[-1]
            measures[1, row] = np.diff(np.log1p(path)).std()
    return {"market’s return": measures[0], "market’s volatility": measures[1]}


def _meaning(
    positions: NDArray[np.float64], measures: dict[str, NDArray[np.float64]]
) -> Meaning:
    """Find the measure that goes with an axis most, up or down."""
    meanings = [Meaning("", 0.0)]
    for name, measure in measures.items():
        known = np.isfinite(measure)
        pair = np.stack([positions[known], measure[known]])
        if pair.shape[1] > 2 and (pair.std(axis=1) > 0).all():
            meanings.append(Meaning(name, float(np.asarray(np.corrcoef(pair))[0, 1])))
    return max(meanings, key=lambda meaning: abs(meaning.correlation))


def _orient(
    coordinates: NDArray[np.float64], scenarios: Sequence[Scenario]
) -> list[Meaning | None]:
    """Turn each axis so that what goes with it grows along it. Say what is plain."""
    measures = _measures(scenarios)
    meanings: list[Meaning | None] = []
    for axis in (0, 1):
        name, correlation = _meaning(coordinates[:, axis], measures)
        if correlation < 0:
            coordinates[:, axis] *= -1
        strong = abs(correlation) >= _MIN_CORRELATION
        meanings.append(Meaning(name, abs(correlation)) if strong else None)
    return meanings


def escaped(text: str) -> str:
    """Escape what plotly would take for markup. It knows no ``&quot;``."""
    return html.escape(text, quote=False)


def percent(share: float) -> str:
    """Write a return as people do, with its sign."""
    return f"{share:+.1%}".replace("-", "−") if np.isfinite(share) else "–"


def _hover_text(scenario: Scenario) -> str:
    lines = [f"<b>{escaped(scenario.name)}</b>"]
    if scenario.first_day and scenario.last_day:
        lines.append(f"{scenario.first_day} to {scenario.last_day}")
    if scenario.market_path is not None:
        num_days = len(scenario.market_path) - 1
        of_scaled = " of scaled returns" if scenario.is_scaled else ""
        market = percent(scenario.market_path[-1])
        lines.append(f"market {market} in {counted(num_days, 'day')}{of_scaled}")
    known_as = " · ".join(filter(None, [scenario.scenario_class, scenario.entity_id]))
    return "<br>".join([*lines, *map(escaped, [known_as, *scenario.notes])])


def _drawn(scenarios: Sequence[Scenario]) -> list[int]:
    """Choose the rows to draw: all, or the marked ones and evenly many of the others."""
    if len(scenarios) <= MAX_POINTS:
        return list(range(len(scenarios)))
    kept = [i for i, row in enumerate(scenarios) if row.weight is not None]
    crises = [i for i, row in enumerate(scenarios) if row.scenario_class == CRISIS]
    marked = list(dict.fromkeys(kept + crises))[: MAX_POINTS // 2]
    others = sorted(set(range(len(scenarios))) - set(marked))
    step = len(others) / (MAX_POINTS - len(marked))
    return sorted(marked + [others[int(i * step)] for i in range(MAX_POINTS - len(marked))])


def _rings(
    scenarios: Sequence[Scenario],
    coordinates: NDArray[np.float64],
    colours: Sequence[int],
) -> list[go.Scatter]:
    """Draw a ring around each representative. Its area around the mark is its weight."""
    members: dict[int, list[int]] = {}
    for row, scenario in enumerate(scenarios):
        if scenario.weight is not None:
            members.setdefault(colours[row], []).append(row)
    return [
        go.Scatter(
            uid=f"-ring-colour{colour}",
            x=coordinates[rows, 0].tolist(),
            y=coordinates[rows, 1].tolist(),
            mode="markers",
            marker={
                "symbol": "circle",
                "size": [
                    round(
                        (_INNER_RING**2 + _RING_AREA * (scenarios[i].weight or 0)) ** 0.5, 1
                    )
                    for i in rows
                ],
            },
            hoverinfo="skip",
        )
        for colour, rows in sorted(members.items())
    ]


def _colour_labels(scenarios: Sequence[Scenario]) -> tuple[str, list[str]]:
    """Say what a colour stands for, and name it for each scenario.

    The set and its category. The category alone where the sets are too many.
    """
    by_set = [" · ".join(filter(None, [row.set_id, row.category])) for row in scenarios]
    if len(set(by_set)) <= NUM_COLOURS:
        return "set, category", by_set
    return "category", [row.category or "no category" for row in scenarios]


def _indices(labels: Sequence[str], first: str | None, limit: int) -> dict[str, int]:
    """Give each label its number: ``first``, then by frequency. The last one is shared."""
    counts = Counter(labels)
    others = sorted(counts.keys() - {first}, key=lambda label: (-counts[label], label))
    ordered = [first, *others] if first is not None else others
    return {
        label: min(place, limit - 1)
        for place, label in enumerate(ordered)
        if label in counts
    }


def _key(labels: Sequence[str], indices: dict[str, int]) -> list[Key]:
    """List the numbers in use, with the label, or how many share it."""
    counts = Counter(indices[label] for label in labels)
    named = {index: [k for k, v in indices.items() if v == index] for index in counts}
    return [
        Key(index, names[0] if len(names) == 1 else f"{len(names)} others", counts[index])
        for index, names in sorted(named.items())
    ]


def _axis(title: str | None = None) -> dict[str, Any]:
    return {
        "title": {"text": title, "standoff": 8},
        "showgrid": False,
        "zeroline": False,
        "showticklabels": False,
        "ticks": "",
    }


def _axis_title(share: float, meaning: Meaning | None) -> str:
    return f"{share:.0%} of the variance" + (f" · {meaning.name} →" if meaning else "")


def _layout(**own: Any) -> dict[str, Any]:
    return {
        "template": go.layout.Template(),
        "font": {"family": FONT, "size": 12},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "showlegend": False,
        "dragmode": False,
        "hovermode": "closest",
        "hoverlabel": {"align": "left", "font": {"family": FONT, "size": 12}},
        **own,
    }


def scenario_map(scenarios: Sequence[Scenario], vectors: NDArray[np.float32]) -> Map:
    """Draw all scenarios on the plane of their vectors' largest variance.

    Parameters
    ----------
    scenarios : sequence of M Scenario
    vectors : ndarray of shape (M, D), float32

    Returns
    -------
    Map
        One trace for each colour of the representatives' rings, then one for each colour
        and symbol, crises last; ``customdata`` of the crises are the names to write
        beside them.
    """
    coordinates, shares = principal_plane(vectors)
    meanings = _orient(coordinates, scenarios)
    coloured_by, colour_labels = _colour_labels(scenarios)
    class_labels = [row.scenario_class or "no class" for row in scenarios]
    colours = _indices(colour_labels, None, NUM_COLOURS)
    symbols = _indices(class_labels, CRISIS, len(SYMBOLS))
    members: dict[tuple[int, int], list[int]] = {}
    drawn = _drawn(scenarios)
    size = 7 if len(drawn) <= 1000 else 5
    for row in drawn:
        key = symbols[class_labels[row]], colours[colour_labels[row]]
        members.setdefault(key, []).append(row)
    traces = [
        go.Scatter(
            uid=f"-colour{colour}-symbol{symbol}",
            x=coordinates[rows, 0].tolist(),
            y=coordinates[rows, 1].tolist(),
            mode="markers",
            marker={"symbol": SYMBOLS[symbol], "size": size if symbol else 11},
            hovertext=[_hover_text(scenarios[row]) for row in rows],
            hoverinfo="text",
            customdata=None if symbol else [scenarios[row].name for row in rows],
        )
        for (symbol, colour), rows in sorted(members.items(), reverse=True)
    ]
    # Beneath the marks, which have the names.
    rings = _rings(scenarios, coordinates, [colours[label] for label in colour_labels])
    layout = _layout(
        xaxis=_axis(_axis_title(shares[0], meanings[0])),
        yaxis=_axis(_axis_title(shares[1], meanings[1])),
        margin={"l": 28, "r": 8, "t": 8, "b": 32},
    )
    return Map(
        figure=go.Figure(rings + traces, layout),
        num_points=len(drawn),
        shares=shares,
        meanings=(meanings[0], meanings[1]),
        coloured_by=coloured_by,
        colours=_key(colour_labels, colours),
        symbols=_key(class_labels, symbols),
    )


def spread(positions: Sequence[float], gap: float) -> list[float]:
    """Move positions apart to at least a gap, in their order, around where they were."""
    order = sorted(range(len(positions)), key=positions.__getitem__)
    blocks: list[list[int]] = []

    def places(block: list[int]) -> list[float]:
        centre = sum(positions[i] for i in block) / len(block)
        return [centre + gap * (i - (len(block) - 1) / 2) for i in range(len(block))]

    for index in order:
        blocks.append([index])
        while len(blocks) > 1 and places(blocks[-1])[0] - places(blocks[-2])[-1] < gap:
            last = blocks.pop()
            blocks[-1] += last
    apart = {i: at for block in blocks for i, at in zip(block, places(block), strict=True)}
    return [apart[i] for i in range(len(positions))]


def _path_trace(uid: str, scenario: Scenario, path: NDArray[np.float64]) -> go.Scatter:
    name = escaped(scenario.name)
    return go.Scatter(
        uid=uid,
        x=list(range(len(path))),
        y=path.round(5).tolist(),
        mode="lines",
        hovertext=[
            f"<b>{name}</b><br>day {day}: {percent(value)}"
            for day, value in enumerate(path)
        ],
        hoverinfo="text",
    )


def _numerals(
    paths: Sequence[NDArray[np.float64] | None], per_pixel: float
) -> list[dict[str, Any]]:
    """Write each neighbour's rank at the end of its path, clear of the others there.

    One annotation for each neighbour, because the style sheet counts them.
    """
    ends = [None if path is None else (len(path) - 1, float(path[-1])) for path in paths]
    heights: dict[int, float] = {}
    for day in sorted({end[0] for end in ends if end}):
        here = {i: end[1] for i, end in enumerate(ends) if end and end[0] == day}
        apart = spread(list(here.values()), _NUMERAL_HEIGHT * per_pixel)
        heights |= dict(zip(here, apart, strict=True))
    return [
        {
            "visible": end is not None,
            "x": end[0] if end else 0,
            "y": round(heights.get(i, 0.0), 5),
            "text": str(i + 1),
            "showarrow": False,
            "xanchor": "left",
            "xshift": 2,
        }
        for i, end in enumerate(ends)
    ]


def return_range(scenarios: Sequence[Scenario]) -> tuple[float, float]:
    """Find the range of returns that holds all of these market paths, with a margin."""
    paths = [path for row in scenarios if (path := finite_path(row)) is not None]
    values = np.concatenate([[0.0], *paths])
    margin = max(0.05 * float(np.ptp(values)), 1e-4)
    return float(values.min()) - margin, float(values.max()) + margin


def market_paths(
    crisis: Scenario, neighbours: Sequence[Scenario], bounds: tuple[float, float]
) -> go.Figure:
    """Draw the market path of a crisis over those of its nearest scenarios.

    A numeral at the end of each neighbour's path gives its rank.

    Parameters
    ----------
    crisis : Scenario
    neighbours : sequence of Scenario
        The nearest first.
    bounds : tuple of float
        The returns from the picture's bottom to its top.
    """
    drawn = [crisis, *neighbours]
    paths = [finite_path(scenario) for scenario in drawn]
    per_pixel = (bounds[1] - bounds[0]) / (PATHS_HEIGHT - _MARGIN["t"] - _MARGIN["b"])
    layout = _layout(
        height=PATHS_HEIGHT,
        margin=_MARGIN,
        annotations=_numerals(paths[1:], per_pixel),
        xaxis={
            "range": [
                0,
                max((len(path) - 1 for path in paths if path is not None), default=1),
            ],
            "fixedrange": True,
            "showgrid": False,
            "zeroline": False,
            "nticks": 5,
            "tickprefix": "day ",
            "showtickprefix": "first",
            "ticklabelstandoff": 3,
        },
        yaxis={
            "range": bounds,
            "fixedrange": True,
            "tickformat": ".0%",
            "nticks": 6,
            "ticklabelstandoff": 4,
        },
    )
    traces = [
        _path_trace(f"-rank{rank}", drawn[rank], path)
        for rank, path in reversed(list(enumerate(paths)))
        if path is not None
    ]
    return go.Figure(traces, layout)
