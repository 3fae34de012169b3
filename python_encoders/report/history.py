"""What each set has of history, and the scenarios that stand for it."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from adbc_driver_manager.dbapi import Connection

from python_encoders import search
from python_encoders.errors import WrongUsageError
from python_encoders.report.scenario import CRISIS, Scenario

HISTORICAL = "HISTORICAL"
# So that the page takes seconds, whatever there is.
MAX_SETS = 6
MAX_SCENARIOS = 2000
MAX_ROWS = 8
NUM_KEPT = 10


class Compared(NamedTuple):
    """One set against history.

    Attributes
    ----------
    set_id : str
    refusal : str or None
        Why there is no comparison. All else is then empty.
    summary : str
        What of history the set covers, in one line.
    of_history : list of dict
        The scenarios of history that the set is farthest from, as in ``search.compare``.
    num_scenarios, num_beyond : int
        How many scenarios the set has, and how many are beyond anything in history.
    beyond : list of dict
        The scenarios that are farthest from history, as in ``search.plausibility``.
    """

    set_id: str
    refusal: str | None
    summary: str = ""
    of_history: Sequence[dict[str, Any]] = ()
    num_scenarios: int = 0
    num_beyond: int = 0
    beyond: Sequence[dict[str, Any]] = ()


class History(NamedTuple):
    """All sets against history.

    Attributes
    ----------
    set_id : str or None
        The set that is history; None where no set has the category HISTORICAL.
    compared : list of Compared
        The first ``MAX_SETS`` other sets.
    num_others : int
        How many other sets there are.
    notes : dict of str to list of str
        By entity id, what a reader should know of a point on the map.
    weights : dict of str to float
        By entity id of each representative, the share of its set that it stands for.
    """

    set_id: str | None
    compared: list[Compared]
    num_others: int
    notes: dict[str, list[str]]
    weights: dict[str, float]


def choose_history(scenarios: Sequence[Scenario]) -> str | None:
    """Choose the historical set: of several the one with most crises, then the first."""
    num_crises = Counter[str]()
    for row in scenarios:
        if row.category == HISTORICAL:
            num_crises[row.set_id] += row.scenario_class == CRISIS
    return min(num_crises, key=lambda one: (-num_crises[one], one), default=None)


def _too_large(sizes: Counter[str], *set_ids: str) -> str | None:
    for set_id in set_ids:
        if sizes[set_id] > MAX_SCENARIOS:
            return (
                f"{set_id} has {sizes[set_id]:,} vectors, more than the {MAX_SCENARIOS:,} "
                "that this page compares. The commands take sets of any size."
            )
    return None


def _compare(
    connection: Connection,
    set_id: str,
    history_id: str,
    model_id: str,
    notes: dict[str, list[str]],
) -> Compared:
    """Ask as the commands ``compare`` and ``plausibility`` do by default."""
    try:
        comparison = search.compare(connection, set_id, history_id, model_id)
        judged = search.plausibility(connection, set_id, history_id, model_id).to_pylist()
    except WrongUsageError as error:
        return Compared(set_id, str(error))
    covered = comparison.covered.to_pylist()
    for row in covered:
        if not row["is_covered"]:
            notes[f"{history_id}:{row['scenario_id']}"].append(f"not covered by {set_id}")
    beyond = [row for row in judged if (row["ratio"] or 0.0) > 1.0]
    for row in beyond:
        notes[f"{set_id}:{row['scenario_id']}"].append(
            f"beyond history: {row['ratio']:.2f}"
        )
    return Compared(
        set_id,
        None,
        comparison.summary,
        sorted(covered, key=lambda row: -row["distance"])[:MAX_ROWS],
        len(judged),
        len(beyond),
        sorted(judged, key=lambda row: -(row["ratio"] or 0.0))[:MAX_ROWS],
    )


def _represent(
    connection: Connection, set_id: str, model_id: str, notes: dict[str, list[str]]
) -> dict[str, float]:
    """Ask as the command ``reduce`` does by default. Empty where it refuses."""
    try:
        reduced = search.reduce(connection, set_id, NUM_KEPT, model_id).to_pylist()
    except WrongUsageError:
        return {}
    num_represented = Counter(row["representative_id"] for row in reduced)
    kept = [row for row in reduced if row["scenario_id"] == row["representative_id"]]
    for row in kept:
        num = num_represented[row["scenario_id"]]
        notes[row["entity_id"]].append(
            f"stands for {num:,} of {len(reduced):,} scenarios of {set_id}"
        )
    return {row["entity_id"]: row["representative_weight"] for row in kept}


def read_history(
    connection: Connection, scenarios: Sequence[Scenario], model_id: str
) -> History:
    """Compare each set with history, and choose its representatives.

    Parameters
    ----------
    connection : Connection
    scenarios : sequence of Scenario
        Those that have a vector of the model.
    model_id : str

    Returns
    -------
    History
    """
    history_id = choose_history(scenarios)
    sizes = Counter(row.set_id for row in scenarios)
    others = sorted(sizes.keys() - {history_id})
    notes: dict[str, list[str]] = defaultdict(list)
    compared: list[Compared] = []
    weights: dict[str, float] = {}
    for set_id in others[:MAX_SETS]:
        if history_id is not None:
            refusal = _too_large(sizes, set_id, history_id)
            compared.append(
                Compared(set_id, refusal)
                if refusal
                else _compare(connection, set_id, history_id, model_id, notes)
            )
        # Of fewer, most would stand for themselves.
        if 2 * NUM_KEPT <= sizes[set_id] <= MAX_SCENARIOS:
            weights |= _represent(connection, set_id, model_id, notes)
    return History(history_id, compared, len(others), dict(notes), weights)
