"""Random source tables, random edits of them, and random runs over them: pure data.

No rule looks across scenario sets, so one database holds many sets, and each is a trial.
Most scenarios are sound at first, and edits are small. A scenario that is rejected from the
start would show nothing of later edits.
"""

import copy
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from bad_inputs import INFINITY, NAN
from plain_panels import MODELS

# ---- the tables

PRIMARY_KEY = """
    alter table raw.scenario_paths add primary key (
        scenario_set_id, scenario_id, horizon_index, instrument_id, factor_id, macro_id
    );
"""
INTEGER_IDS = """
    alter table raw.scenario_paths
    alter scenario_id type int using scenario_id::int;
"""


class Layout(NamedTuple):
    """How a deployment declares `scenario_paths`, told from the one without any key."""

    name: str
    alteration: str
    has_key: bool
    scenario_ids: tuple[str, ...]


TEXT_IDS = ("1", "2", "10", "007", "-3", "a", "B", "é", "1:2")
LAYOUTS = (
    Layout("no key", "", False, TEXT_IDS),
    Layout("key, text ids", PRIMARY_KEY, True, TEXT_IDS),
    Layout("key, integer ids", INTEGER_IDS + PRIMARY_KEY, True, ("1", "2", "10", "-3")),
)

Series = tuple[str, str]  # kind, and id as the source writes it
Ids = tuple[str | None, str | None, str | None]  # instrument, factor and macro id


class Row(NamedTuple):
    """A row of `scenario_paths`."""

    day: int | None
    ids: Ids
    value: float | None


@dataclass
class ScenarioSet:
    """A row of `scenario_sets`, and the rows of its scenarios."""

    horizon_days: int | None
    base_date_end: str | None
    created_at: str | None
    is_in_sets: bool = True  # else its scenarios stand in `scenario_paths` alone
    scenarios: dict[str, list[Row]] = field(default_factory=dict)
    divisors: dict[Series, float | None] = field(default_factory=dict)


Source = dict[str, ScenarioSet]  # under '*', the divisors for every set

# ---- the runs


class Build(NamedTuple):
    """A dbt run. Without kinds, the var is not set."""

    series_kinds: tuple[str, ...]
    scenario_set_id: str | None = None
    limit: int | None = None


class Encode(NamedTuple):
    """A run of the encoder, for one model or for all of them."""

    model_id: str | None = None
    scenario_set_id: str | None = None
    limit: int | None = None


Event = Source | Build | Encode  # a source is loaded and replaces the one before

# ---- the values to draw from

# Entity ids of the last two meet: P + 1:2, and P:1 + 2.
SET_IDS = (*(f"S{number:02}" for number in range(78)), "P", "P:1")
SETS_RUN_ALONE = ("S00", "P:1")
LIMITS = (None, 2)
SERIES_KINDS: tuple[tuple[str, ...], ...] = (
    (),
    ("INSTRUMENT",),
    ("FACTOR",),
    ("INSTRUMENT", "MACRO"),
)
INSTRUMENTS: tuple[Series, ...] = tuple(
    ("INSTRUMENT", name) for name in ("A", "B", "a", "É", "10", "9", "_A")
)
FACTORS: tuple[Series, ...] = (("FACTOR", "A"), ("FACTOR", "F"))
MACROS: tuple[Series, ...] = (("MACRO", "A"), ("MACRO", "M"))
NO_ID = (None, "", "__INSTRUMENT__", "__FACTOR__", "__NONE__", "____")
DAYS = (None, -1, 0, 1, 2, 3, 4)
SOUND_VALUES = (0.0, -0.0, 0.1, 0.2)
ODD_VALUES = (5.0, NAN, INFINITY, -INFINITY, None, 1e308)
DIVISORS = (2.0, 2.0, 100.0, 0.5, 3.0, 1.0)
ODD_DIVISORS = (0.0, -1.0, None, NAN, INFINITY, 1e-308, 1e308)
HORIZONS = (1, 2, 2, 3, 3)
ODD_HORIZONS = (None, 0, 1025)
DATES = ("2022-12-28", "2023-06-30")
MOMENTS = ("2021-01-01 23:30-05", "2021-03-04 05:06+00")


def scenario_order(scenario_id: str) -> tuple[bool, int, str]:
    """Whole numbers as numbers, then everything else by code point."""
    is_number = re.fullmatch(r"-?[0-9]{1,18}", scenario_id) is not None
    return not is_number, int(scenario_id) if is_number else 0, scenario_id


def ordered_ids(scenario_set: ScenarioSet) -> list[str]:
    """Give the ids of the scenarios that have a row, in the order that a limit counts."""
    return sorted(
        (scenario_id for scenario_id, rows in scenario_set.scenarios.items() if rows),
        key=scenario_order,
    )


# ---- valid scenarios and sets


def bearing(series: Series, others: Callable[[], str | None]) -> Ids:
    """Give the ids of a row that names one series."""
    kind, name = series
    instrument, factor, macro = (
        name if place == kind else others() for place in ("INSTRUMENT", "FACTOR", "MACRO")
    )
    return instrument, factor, macro


def a_spelling(rng: random.Random) -> Callable[[], str | None]:
    """Give what a producer writes where there is no id: mostly the same everywhere."""
    habit = rng.choice([None, None, None, "", "__NONE__", ...])
    return lambda: rng.choice(NO_ID) if habit is ... else habit


def complete(
    rng: random.Random, horizon_days: int | None, axis: Sequence[Series]
) -> list[Row]:
    """Give the rows of a whole panel, with a baseline before it or not."""
    num_days = horizon_days if horizon_days in HORIZONS else 2
    first_day = rng.choice([0, 1, 1])
    others = a_spelling(rng)
    return [
        Row(day, bearing(series, others), rng.choice(SOUND_VALUES) if day else 0.0)
        for day in range(first_day, num_days + 1)
        for series in axis
    ]


def an_axis(rng: random.Random) -> list[Series]:
    """Draw the series of a set: mostly instruments, now and then something beside them."""
    axis = rng.sample(INSTRUMENTS, rng.choice([0, 1, 1, 1, 2, 3]))
    axis += rng.sample(FACTORS, rng.choice([0, 1, 1, 2]))
    axis += rng.sample(MACROS, rng.choice([0, 0, 0, 1]))
    return axis or [INSTRUMENTS[0]]


def axis_of(scenario_set: ScenarioSet) -> list[Series]:
    """Find the series that a set's rows name, ambiguous rows included."""
    kinds = ("INSTRUMENT", "FACTOR", "MACRO")
    series = {
        (kind, name): None
        for rows in scenario_set.scenarios.values()
        for row in rows
        for kind, name in zip(kinds, row.ids, strict=True)
        if name is not None and name not in NO_ID
    }
    return list(series) or [INSTRUMENTS[0]]


def a_horizon(rng: random.Random) -> int | None:
    return rng.choice(HORIZONS if rng.random() < 0.93 else ODD_HORIZONS)


def some_dates(rng: random.Random) -> tuple[str | None, str | None]:
    """Draw base_date_end and created_at. Seldom both are missing."""
    base_date_end = rng.choice([*DATES, *DATES, None])
    created_at = rng.choice([*MOMENTS, *MOMENTS, None])
    return base_date_end, created_at


def a_set(rng: random.Random, layout: Layout) -> ScenarioSet:
    """Draw a set: most of its scenarios are valid, some have had an accident."""
    scenario_set = ScenarioSet(a_horizon(rng), *some_dates(rng), rng.random() < 0.95)
    axis = an_axis(rng)
    for scenario_id in rng.sample(layout.scenario_ids, rng.choice([0, 1, 2, 2, 3, 4])):
        rows = complete(rng, scenario_set.horizon_days, axis)
        have_an_accident(rng, rows)
        scenario_set.scenarios[scenario_id] = rows
    return scenario_set


def have_an_accident(rng: random.Random, rows: list[Row]) -> None:
    """Leave most scenarios whole. Spoil a value, or something else, of the others."""
    accident = rng.choice([spoil_value, rng.choice(ROW_EDITS)])
    if rng.random() < 0.3:
        accident(rng, rows)


# ---- edits of one scenario's rows


def insert_row(rng: random.Random, rows: list[Row]) -> None:
    series = rng.choice([*INSTRUMENTS[:3], *FACTORS, *MACROS])
    ids = bearing(series, lambda: rng.choice(NO_ID))
    if rng.random() < 0.5:  # two ids, or none
        others = [*(name for _, name in INSTRUMENTS[:2]), *NO_ID]
        ids = (rng.choice(others), rng.choice(others), ids[2])
    rows.append(Row(rng.choice(DAYS), ids, rng.choice(SOUND_VALUES)))


def delete_row(rng: random.Random, rows: list[Row]) -> None:
    rows.pop(rng.randrange(len(rows)))


def repeat_row(rng: random.Random, rows: list[Row]) -> None:
    rows.append(rng.choice(rows))


def _replace_one(rng: random.Random, rows: list[Row], change: Callable[[Row], Row]) -> None:
    place = rng.randrange(len(rows))
    rows[place] = change(rows[place])


def change_value(rng: random.Random, rows: list[Row]) -> None:
    value = rng.choice(SOUND_VALUES)
    _replace_one(rng, rows, lambda row: row._replace(value=value))


def spoil_value(rng: random.Random, rows: list[Row]) -> None:
    value = rng.choice(ODD_VALUES)
    _replace_one(rng, rows, lambda row: row._replace(value=value))


def change_day(rng: random.Random, rows: list[Row]) -> None:
    _replace_one(rng, rows, lambda row: row._replace(day=rng.choice(DAYS)))


def respell_row(rng: random.Random, rows: list[Row]) -> None:
    """Write another text where a row has no id."""

    def respelled(row: Row) -> Row:
        instrument, factor, macro = (
            rng.choice(NO_ID) if name in NO_ID else name for name in row.ids
        )
        return row._replace(ids=(instrument, factor, macro))

    _replace_one(rng, rows, respelled)


def swap(rng: random.Random, rows: list[Row], column: str) -> None:
    one, other = (rng.randrange(len(rows)) for _ in range(2))
    first, second = getattr(rows[one], column), getattr(rows[other], column)
    rows[one] = rows[one]._replace(**{column: second})
    rows[other] = rows[other]._replace(**{column: first})


def swap_values(rng: random.Random, rows: list[Row]) -> None:
    swap(rng, rows, "value")


def swap_days(rng: random.Random, rows: list[Row]) -> None:
    swap(rng, rows, "day")


def swap_ids(rng: random.Random, rows: list[Row]) -> None:
    swap(rng, rows, "ids")


ROW_EDITS = (
    *(insert_row, insert_row, delete_row, repeat_row, change_day, respell_row),
    *(change_value, *[spoil_value] * 5),
    *(swap_values, swap_days, swap_days, swap_ids),
)

# ---- edits of a set


def edit_rows(rng: random.Random, scenario_set: ScenarioSet, layout: Layout) -> None:
    rows = rng.choice(list(scenario_set.scenarios.values()))
    if rows:
        rng.choice(ROW_EDITS)(rng, rows)


def swap_between_scenarios(
    rng: random.Random, scenario_set: ScenarioSet, layout: Layout
) -> None:
    """Swap the rows of two scenarios."""
    one, other = (rng.choice(list(scenario_set.scenarios)) for _ in range(2))
    scenarios = scenario_set.scenarios
    scenarios[one], scenarios[other] = scenarios[other], scenarios[one]


def load_anew(rng: random.Random, scenario_set: ScenarioSet, layout: Layout) -> None:
    """Make one scenario, or all of them, anew."""
    axis = axis_of(scenario_set) if rng.random() < 0.7 else an_axis(rng)
    scenario_ids = list(scenario_set.scenarios)
    for scenario_id in rng.choice([scenario_ids, [rng.choice(scenario_ids)]]):
        rows = complete(rng, scenario_set.horizon_days, axis)
        have_an_accident(rng, rows)
        scenario_set.scenarios[scenario_id] = rows


def add_series(rng: random.Random, scenario_set: ScenarioSet, layout: Layout) -> None:
    """Give a series to one scenario, or to all of them."""
    added = rng.choice([*INSTRUMENTS, *FACTORS])
    scenario_ids = list(scenario_set.scenarios)
    for scenario_id in rng.choice([scenario_ids, [rng.choice(scenario_ids)]]):
        rows = scenario_set.scenarios[scenario_id]
        rows += complete(rng, scenario_set.horizon_days, [added])


def add_scenario(rng: random.Random, scenario_set: ScenarioSet, layout: Layout) -> None:
    rows = complete(rng, scenario_set.horizon_days, axis_of(scenario_set))
    scenario_set.scenarios[rng.choice(layout.scenario_ids)] = rows


def delete_scenario(rng: random.Random, scenario_set: ScenarioSet, layout: Layout) -> None:
    del scenario_set.scenarios[rng.choice(list(scenario_set.scenarios))]


def change_horizon(rng: random.Random, scenario_set: ScenarioSet, layout: Layout) -> None:
    scenario_set.horizon_days = a_horizon(rng)


def change_dates(rng: random.Random, scenario_set: ScenarioSet, layout: Layout) -> None:
    scenario_set.base_date_end, scenario_set.created_at = some_dates(rng)


def change_divisor(rng: random.Random, scenario_set: ScenarioSet, layout: Layout) -> None:
    series = rng.choice([*axis_of(scenario_set), INSTRUMENTS[0], FACTORS[0]])
    if rng.random() < 0.3:
        scenario_set.divisors.pop(series, None)
    else:
        divisors = DIVISORS if rng.random() < 0.8 else ODD_DIVISORS
        scenario_set.divisors[series] = rng.choice(divisors)


def enter_or_leave_sets(
    rng: random.Random, scenario_set: ScenarioSet, layout: Layout
) -> None:
    scenario_set.is_in_sets = rng.random() < 0.8


SET_EDITS = (
    *([edit_rows] * 12),
    *([load_anew] * 5),
    *(swap_between_scenarios, add_series, add_scenario, delete_scenario),
    *(change_horizon, change_dates, enter_or_leave_sets, *[change_divisor] * 3),
)


def edit(rng: random.Random, source: Source, layout: Layout) -> None:
    """Edit half of the sets once or twice. Add some sets and delete some."""
    if rng.random() < 0.3:
        change_divisor(rng, source["*"], layout)
    for set_id in SET_IDS:
        if set_id not in source:
            if rng.random() < 0.3:
                source[set_id] = a_set(rng, layout)
        elif rng.random() < 0.03:
            del source[set_id]
        else:
            for _ in range(rng.choice([0, 0, 1, 1, 2, 3])):
                if source[set_id].scenarios:
                    rng.choice(SET_EDITS)(rng, source[set_id], layout)
                else:
                    add_scenario(rng, source[set_id], layout)


def storable(source: Source, layout: Layout) -> Source:
    """Copy a source without what a primary key forbids: NULL, and a row twice."""
    stored = copy.deepcopy(source)
    if layout.has_key:
        for scenario_set in stored.values():
            for scenario_id, rows in scenario_set.scenarios.items():
                scenario_set.scenarios[scenario_id] = with_unique_keys(rows)
    return stored


def with_unique_keys(rows: list[Row]) -> list[Row]:
    unique: dict[object, Row] = {}
    for day, (instrument, factor, macro), value in rows:
        ids = instrument or "", factor or "", macro or ""
        if day is not None and value is not None:
            unique[day, ids] = Row(day, ids, value)
    return list(unique.values())


# ---- sequences


def random_sequence(
    seed: int, layout: Layout, num_rounds: int
) -> tuple[list[Event], tuple[str, ...]]:
    """Draw edits and runs that end with an edit, and the kinds of the last run."""
    rng = random.Random(seed)
    source = {set_id: a_set(rng, layout) for set_id in SET_IDS if rng.random() < 0.9}
    source["*"] = ScenarioSet(None, None, None, is_in_sets=False)
    stored = storable(source, layout)
    events: list[Event] = [stored]
    series_kinds = SERIES_KINDS[0]
    sets_built: set[str] | None = None
    for _ in range(num_rounds):
        if rng.random() < 0.7:
            series_kinds = rng.choice(SERIES_KINDS)
        for run in some_runs(rng, series_kinds):
            if isinstance(run, Build):
                sets_built = sets_after(run, sets_built or set(), stored)
            # (The encoder refuses a set of which nothing has been built.)
            elif sets_built is None or run.scenario_set_id not in (None, *sets_built):
                continue
            events.append(run)
        edit(rng, source, layout)
        stored = storable(source, layout)
        events.append(stored)
    return events, series_kinds


def some_runs(
    rng: random.Random, series_kinds: tuple[str, ...]
) -> Iterator[Build | Encode]:
    """Draw a dbt run, a run of the encoder, or both, each over all sets or a part."""
    has_build, has_encode = rng.choice(
        [*([(True, True)] * 4), (True, False), (False, True)]
    )
    scope = a_scope(rng)
    if has_build:
        yield Build(series_kinds, *scope)
    if has_encode:
        model_id = rng.choice([None, None, *MODELS])
        yield Encode(model_id, *(scope if rng.random() < 0.7 else a_scope(rng)))


def a_scope(rng: random.Random) -> tuple[str | None, int | None]:
    """Draw a set, or all of them, and a limit or none."""
    if rng.random() < 0.5:
        return None, None
    return rng.choice([None, *SETS_RUN_ALONE]), rng.choice(LIMITS)


def sets_after(build: Build, sets_built: set[str], source: Source) -> set[str]:
    """Find the sets that have something built after a dbt run."""
    there = {set_id for set_id, scenario_set in source.items() if ordered_ids(scenario_set)}
    if build.scenario_set_id is None:
        return there
    return sets_built - {build.scenario_set_id} | there & {build.scenario_set_id}
