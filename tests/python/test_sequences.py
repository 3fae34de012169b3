"""Edits and runs in any order end in the state of a fresh build.

`plain_panels` computes that state in pandas. A dbt run takes seconds however little there
is to do. So one database holds eighty scenario sets, and each of them is a trial.
"""

import dataclasses
import itertools
import os
import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import pandas as pd
import psycopg2.extras
import pytest
from conftest import (
    DATABASE,
    SOURCE,
    Silent,
    add,
    as_float8,
    connected,
    execute,
    recreate,
    vector_bytes,
)
from plain_panels import (
    MODELS,
    Counts,
    Panel,
    Rejection,
    Scenario,
    State,
    VectorKey,
    panels_and_rejections,
    state_of_a_fresh_build,
)
from random_sources import (
    LAYOUTS,
    Build,
    Encode,
    Event,
    Layout,
    Source,
    ordered_ids,
    random_sequence,
)

from python_encoders.pipeline import encode_only
from python_encoders.scope import Scope

SCALES = """
    create schema if not exists analytics;
    create table if not exists analytics.series_scales (
        scenario_set_id text, series_kind text, series_id text, divisor float8,
        primary key (scenario_set_id, series_kind, series_id)
    );
"""

# ---- to load and to run

Written = tuple[int, int]  # vectors written, vectors pruned
Run = Callable[[Build | Encode], Written]


def load(source: Source) -> None:
    """Replace the source by another one, with its rows in any order."""
    sets = [
        (set_id, one.horizon_days, 1, one.base_date_end, one.created_at)
        for set_id, one in source.items()
        if one.is_in_sets
    ]
    paths = [
        (set_id, scenario_id, row.day, *row.ids, as_float8(row.value))
        for set_id, one in source.items()
        for scenario_id, rows in one.scenarios.items()
        for row in rows
    ]
    scales = [
        (set_id, *series, as_float8(divisor))
        for set_id, one in source.items()
        for series, divisor in one.divisors.items()
    ]
    random.Random(len(paths)).shuffle(paths)
    with connected() as cursor:
        # dbt makes the table of divisors at its first run, if it is not there.
        cursor.execute(SCALES)
        cursor.execute(
            """
            begin;
            truncate raw.scenario_sets, raw.scenario_paths, analytics.series_scales
            """
        )
        for table, rows, template in (
            ("raw.scenario_sets", sets, None),
            ("analytics.series_scales", scales, "(%s, %s, %s, %s::float8)"),
            ("raw.scenario_paths", paths, f"({'%s, ' * 6} %s::float8)"),
        ):
            insert = f"insert into {table} values %s"
            psycopg2.extras.execute_values(cursor, insert, rows, template, page_size=5000)
        cursor.execute("commit")


@pytest.fixture(scope="session")
def run(chain: Callable[..., Any]) -> Run:
    """Run dbt or the encoder as an event says."""

    def run_event(event: Build | Encode) -> Written:
        if isinstance(event, Build):
            chain(**variables_of(event)).run()
            return 0, 0
        models = (event.model_id,) if event.model_id else MODELS
        scope = Scope(models, event.scenario_set_id, event.limit, max_prune=10**6)
        encoded = encode_only(scope, Silent())
        return encoded.num_written, encoded.num_pruned

    return run_event


def variables_of(build: Build) -> dict[str, Any]:
    variables = {
        "series_kinds": list(build.series_kinds),
        "scenario_set_id": build.scenario_set_id,
        "scenario_limit": build.limit,
    }
    return {name: value for name, value in variables.items() if value}


# ---- what the database says, and what it has to say


def stored_state() -> State:
    return State(
        panels=stored_panels(),
        rejections=stored_rejections(),
        model_rejections={
            tuple(key): reason
            for *key, reason in execute(
                """
                select scenario_set_id, scenario_id, model_id, reason
                from analytics.scenario_model_rejections
                """
            )
        },
        vectors=stored_vectors(),
        coverage=stored_coverage(),
    )


def stored_panels() -> dict[Scenario, Panel]:
    return {
        (set_id, scenario_id): Panel(
            day, horizon_days, tuple(series_ids), tuple(map(repr, panel))
        )
        for set_id, scenario_id, day, horizon_days, series_ids, panel in execute(
            """
            select
                scenario_set_id, scenario_id, as_of_date, horizon_days, series_ids, panel
            from analytics.scenario_panels
            """
        )
    }


def stored_rejections() -> dict[Scenario, Rejection]:
    """Give the reasons and, where a detail names it, the first cell at fault."""
    stored = {}
    for set_id, scenario_id, reason, detail in execute(
        """
        select scenario_set_id, scenario_id, reason, detail
        from analytics.scenario_rejections
        """
    ):
        cell = re.search(r"day \d+, series [^ ,]+", detail)
        stored[set_id, scenario_id] = Rejection(reason, cell[0] if cell else None)
    return stored


def stored_vectors() -> dict[VectorKey, bytes]:
    stored = {}
    for entity_id, day, model_id, vector in execute(
        """
        select entity_id, as_of_date, model_id, embedding
        from analytics.numeric_window_embeddings where entity_type = 'SCENARIO'
        """
    ):
        set_id, _, scenario_id = entity_id.rpartition(":")
        stored[set_id, scenario_id, day, model_id] = vector_bytes(vector)
    return stored


def stored_coverage() -> dict[tuple[str, str], Counts]:
    return {
        (set_id, model_id): Counts(*counts)
        for set_id, model_id, *counts in execute(
            """
            select
                scenario_set_id, model_id,
                num_in_source, num_encoded, num_rejected, num_pending
            from analytics.scenario_set_coverage
            """
        )
    }


def read_source() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    sets = "scenario_set_id", "horizon_days", "base_date_end", "created_at"
    paths = (
        *("scenario_set_id", "scenario_id", "horizon_index"),
        *("instrument_id", "factor_id", "macro_id", "return_value"),
    )
    scales = "scenario_set_id", "series_kind", "series_id", "divisor"
    return (
        read_table("raw.scenario_sets", sets),
        read_table("raw.scenario_paths", paths),
        read_table("analytics.series_scales", scales),
    )


def read_table(name: str, columns: Sequence[str]) -> pd.DataFrame:
    rows = execute(f"select {', '.join(columns)} from {name}")
    return pd.DataFrame(rows, columns=list(columns), dtype=object)


Difference = tuple[str, str]  # the set it is in, and what it is


def differences(
    part: str, found: dict[Any, Any], expected: dict[Any, Any]
) -> Iterator[Difference]:
    for key in sorted(found.keys() | expected.keys(), key=str):
        if found.get(key) != expected.get(key):
            is_, should_be = (str(entries.get(key))[:200] for entries in (found, expected))
            yield key[0], f"{part} {key}: {is_}, not {should_be}"


def fail_where_any(found: Iterable[Difference], events: Sequence[Event]) -> None:
    """Tell the differences of one set, and how it came to them."""
    by_set: dict[str, list[str]] = {}
    for set_id, text in found:
        by_set.setdefault(set_id, []).append(text)
    for set_id, texts_of_set in by_set.items():
        title = f"{len(by_set)} sets differ, of which {set_id!r}:"
        history = [told(event, set_id) for event in events]
        pytest.fail("\n".join([title, *texts_of_set, "after:", *history]))


def told(event: Event, set_id: str) -> str:
    """Write down what an event is to one set."""
    if not isinstance(event, dict):
        return str(event)
    if set_id not in event:
        return "no such set"
    scenario_set = event[set_id]
    rows = [
        f"    {scenario_id!r}, day {row.day}: {row.ids} {row.value}"
        for scenario_id, rows_of_one in scenario_set.scenarios.items()
        for row in rows_of_one
    ]
    return "\n".join([str(dataclasses.replace(scenario_set, scenarios={})), *rows])


def assert_as_built_afresh(
    series_kinds: Iterable[str], events: Sequence[Event] = ()
) -> None:
    stored = stored_state()._asdict()
    expected = state_of_a_fresh_build(*read_source(), list(series_kinds))._asdict()
    found = (differences(part, stored[part], expected[part]) for part in stored)
    fail_where_any(itertools.chain.from_iterable(found), events)


# ---- random sequences


def play(events: Sequence[Event], run: Run) -> None:
    """Load and run as a sequence says. Check what each run has done and left alone."""
    source: Source = {}  # as it is
    seen: Source = {}  # as dbt has seen it
    is_built = False
    for place, event in enumerate(events):
        if isinstance(event, dict):
            source = event
            load(source)
            continue
        if isinstance(event, Build):
            seen = seen_after(event, seen, source)
        read = stored_panels if isinstance(event, Build) else stored_vectors
        before = not_in_scope(event, read(), seen) if is_built else {}
        run(event)
        is_built = True
        after = not_in_scope(event, read(), seen)
        found = [
            *differences("not in scope", after, before),
            *miscounted(stored_coverage()),
        ]
        if isinstance(event, Build):
            found += differences(
                "in scope",
                in_scope(event, stored_panels() | stored_rejections(), source),
                in_scope(event, expected_of_dbt(event), source),
            )
        fail_where_any(found, events[: place + 1])


def seen_after(build: Build, seen: Source, source: Source) -> Source:
    set_id = build.scenario_set_id
    if set_id is None:
        return source
    others = {other: seen[other] for other in seen if other != set_id}
    return others | ({set_id: source[set_id]} if set_id in source else {})


def expected_of_dbt(build: Build) -> dict[Scenario, Panel | Rejection]:
    panels, rejections = panels_and_rejections(*read_source(), build.series_kinds)
    return panels | rejections


Entries = dict[Any, Any]  # The keys begin with a set and a scenario.


def in_scope(event: Build | Encode, entries: Entries, source: Source) -> Entries:
    """Give the entries of the sets that a run is about, up to its limit."""
    wanted = {
        (set_id, scenario_id)
        for set_id, scenario_set in source.items()
        for scenario_id in ordered_ids(scenario_set)[: event.limit]
    }
    return {
        key: entry
        for key, entry in entries.items()
        if event.scenario_set_id in (None, key[0])
        and (not event.limit or key[:2] in wanted)
    }


def not_in_scope(event: Build | Encode, entries: Entries, source: Source) -> Entries:
    """Give the entries of the other sets, and of scenarios beyond the limit."""
    beyond = {
        (set_id, scenario_id)
        for set_id, scenario_set in source.items()
        for scenario_id in (ordered_ids(scenario_set)[event.limit :] if event.limit else [])
    }
    return {
        key: entry
        for key, entry in entries.items()
        if event.scenario_set_id not in (None, key[0]) or key[:2] in beyond
    }


def miscounted(coverage: dict[tuple[str, str], Counts]) -> Iterator[Difference]:
    """Yield the sets of which scenarios are counted twice, or not at all."""
    for (set_id, model_id), counts in coverage.items():
        if min(counts) < 0 or counts.in_source != sum(counts[1:]):
            yield set_id, f"coverage {model_id}: {counts}"


def check_sequence(seed: int, layout: Layout, num_rounds: int, run: Run) -> None:
    execute(layout.alteration or "select 1")
    edits_and_runs, series_kinds = random_sequence(seed, layout, num_rounds)
    events = [*edits_and_runs, Build(series_kinds), Encode()]
    play(events, run)
    assert_as_built_afresh(series_kinds, events)

    # The source has not changed since.
    run(Build(series_kinds))
    assert run(Encode()) == (0, 0)
    assert_as_built_afresh(series_kinds, events)


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_edits_and_runs_in_any_order_end_as_a_fresh_build(bare_source, run, layout):
    check_sequence(seed=41, layout=layout, num_rounds=3, run=run)


@pytest.mark.reliability
def test_no_sequence_of_edits_and_runs_ends_otherwise(postgres, run):
    # Where it fails, what it has printed says how to begin with the same sequence.
    first = int(os.environ.get("SEQUENCES_SEED", random.SystemRandom().randrange(10**6)))
    for seed in range(first, first + 15):
        for layout in LAYOUTS:
            print(f"SEQUENCES_SEED={seed} {layout.name}")
            recreate(DATABASE, "template0", postgres)
            execute(SOURCE)
            check_sequence(seed, layout, num_rounds=5, run=run)


# ---- what such a search has found

INSTRUMENTS, FACTORS = ("INSTRUMENT",), ("FACTOR",)


def instruments(*rows: tuple[int, str, float | str]) -> list[tuple[Any, ...]]:
    """Give rows whose other ids are NULL."""
    return [(day, (name, None, None), value) for day, name, value in rows]


SOUND = instruments((1, "A", 0.11), (1, "B", 0.12), (2, "A", 0.21), (2, "B", 0.22))
ZEROS = instruments((1, "A", 0.0), (1, "B", 0.0), (2, "A", 0.0), (2, "B", 0.0))
TWICE = instruments((1, "A", 0.11), (1, "A", 0.12), (2, "B", 0.21), (2, "B", 0.22))


def test_cells_twice_do_not_pass_for_whole_where_ids_are_null(source, run):
    execute("insert into raw.scenario_sets select 'T', 2, 1, '2022-12-28'")
    for set_id, broken in (("S", "1"), ("T", "3")):
        for scenario_id in ("1", "2", "3"):
            add(set_id, scenario_id, TWICE if scenario_id == broken else SOUND)

    run(Build(INSTRUMENTS))
    run(Encode())

    assert stored_rejections() == {
        key: Rejection("DUPLICATE_CELLS", "day 1, series A")
        for key in (("S", "1"), ("T", "3"))
    }
    assert_as_built_afresh(INSTRUMENTS)


def test_a_panel_takes_no_value_of_the_series_around_its_cells(source, run):
    factor = {day: (day, (None, "F", None), day / 10) for day in (1, 2)}
    instrument = {day: (day, ("A", None, None), 0.8) for day in (1, 2)}
    macro = {day: (day, (None, None, "N"), 0.9) for day in (1, 2)}
    add("S", "1", [instrument[1], factor[1], factor[2], macro[2]])
    add("S", "2", [instrument[2], factor[1], factor[2], macro[1]])

    run(Build(FACTORS))
    run(Encode())

    assert [panel.returns for panel in stored_panels().values()] == [("0.1", "0.2")] * 2
    assert_as_built_afresh(FACTORS)


def test_days_that_two_rows_swap_are_found_where_ids_are_null(source, run):
    execute("insert into raw.scenario_sets select 'ZEROS', 2, 1, '2022-12-28'")
    for set_id, rows in (("S", SOUND), ("ZEROS", ZEROS)):
        for scenario_id in ("1", "2"):
            add(set_id, scenario_id, rows)
    run(Build(INSTRUMENTS))
    run(Encode())
    assert stored_rejections() == {}

    execute(
        """
        update raw.scenario_paths set horizon_index = 3 - horizon_index
        where
            scenario_id = '2'
            and (horizon_index, instrument_id) in ((1, 'A'), (2, 'B'))
        """
    )
    run(Build(INSTRUMENTS))
    run(Encode())

    assert stored_rejections() == {
        (set_id, "2"): Rejection("DUPLICATE_CELLS", "day 1, series B")
        for set_id in ("S", "ZEROS")
    }
    assert_as_built_afresh(INSTRUMENTS)


def test_a_rerun_changes_nothing_where_two_entity_ids_would_be_one(source, run):
    execute("update raw.scenario_sets set scenario_set_id = 'A'")
    add("A", "B:C", SOUND)
    add("A", "1", SOUND)
    add("A:B", "C", SOUND)  # has no row in scenario_sets
    run(Build(INSTRUMENTS))
    run(Encode())
    before = stored_state()

    run(Build(INSTRUMENTS))

    assert run(Encode()) == (0, 0)
    assert stored_state() == before
    assert stored_rejections() == {
        ("A", "B:C"): Rejection("COLON_IN_SCENARIO_ID"),
        ("A:B", "C"): Rejection("UNKNOWN_SET"),
    }
    assert_as_built_afresh(INSTRUMENTS)


def test_other_series_kinds_judge_anew_what_was_rejected(source, run):
    for scenario_id, of_instrument, of_factor in (("1", 0.1, "NaN"), ("2", "NaN", 0.2)):
        add("S", scenario_id, [(day, ("A", "", ""), of_instrument) for day in (1, 2)])
        add("S", scenario_id, [(day, ("", "F", ""), of_factor) for day in (1, 2)])

    for series_kinds, sound in ((INSTRUMENTS, "1"), (FACTORS, "2"), (INSTRUMENTS, "1")):
        run(Build(series_kinds))
        run(Encode())

        assert set(stored_panels()) == {("S", sound)}
        assert_as_built_afresh(series_kinds)


def test_a_value_that_is_no_number_goes_before_one_that_is_too_large(source, run):
    add(
        "S",
        "1",
        instruments((1, "A", 1e308), (1, "B", 0.1), (2, "A", 0.1), (2, "B", "NaN")),
    )

    run(Build(INSTRUMENTS))
    run(Encode())

    assert stored_rejections() == {
        ("S", "1"): Rejection("NON_FINITE_VALUE", "day 2, series B")
    }


def test_a_changed_divisor_makes_its_sets_stale_and_no_other(source, run):
    execute("insert into raw.scenario_sets select 'T', 2, 1, '2022-12-28'")
    for set_id in ("S", "T"):
        for scenario_id in ("1", "2"):
            add(set_id, scenario_id, SOUND)
    run(Build(()))
    run(Encode())

    for changed, num_sets in (
        ("insert into analytics.series_scales values ('S', 'INSTRUMENT', 'A', 100)", 1),
        ("insert into analytics.series_scales values ('*', 'INSTRUMENT', 'A', 10)", 1),
        ("update analytics.series_scales set divisor = 3", 2),
        (
            """
            delete from analytics.series_scales where scenario_set_id = 'S';
            insert into analytics.series_scales values
                ('*', 'INSTRUMENT', 'Z', 10), ('*', 'FACTOR', 'A', 10)
            """,
            0,
        ),
        ("delete from analytics.series_scales", 2),
    ):
        execute(changed)
        run(Build(()))

        assert run(Encode()) == (num_sets * 2 * len(MODELS), 0), changed
        assert_as_built_afresh(())


def test_a_scaled_vector_says_so(source, run):
    add("S", "1", SOUND)
    execute(SCALES)
    execute("insert into analytics.series_scales values ('S', 'INSTRUMENT', 'B', 0)")
    for divisor, scaled in ((100, True), (1, None)):
        execute("update analytics.series_scales set divisor = %s", [divisor])
        run(Build(()))
        run(Encode())

        assert execute(
            "select window_spec -> 'scaled' from analytics.numeric_window_embeddings"
        ) == [(scaled,)] * len(MODELS)


def test_a_divisor_that_is_no_number_above_0_rejects_its_set_alone(source, run):
    divisors = {"ZERO": 0, "NEGATIVE": -1, "NULL": None, "NAN": "NaN", "INF": "Infinity"}
    add("S", "1", SOUND)
    with connected() as cursor:
        cursor.execute(SCALES)
        for set_id, divisor in divisors.items():
            add(set_id, "1", SOUND)
            cursor.execute(
                "insert into raw.scenario_sets select %s, 2, 1, '2022-12-28'", [set_id]
            )
            cursor.execute(
                "insert into analytics.series_scales values (%s, 'INSTRUMENT', 'B', %s)",
                (set_id, divisor),
            )

    run(Build(()))
    run(Encode())

    detail = "the divisor of series B is not a number above 0"
    assert sorted(
        execute("select scenario_set_id, reason, detail from analytics.scenario_rejections")
    ) == sorted((set_id, "INVALID_DIVISOR", detail) for set_id in divisors)
    assert_as_built_afresh(())


def test_a_set_that_is_back_after_dbt_has_missed_it_keeps_its_vectors(source, chain, run):
    add("S", "1", SOUND)
    add("T", "1", SOUND)
    execute("insert into raw.scenario_sets select 'T', 2, 1, '2022-12-28', now()")
    run(Build(INSTRUMENTS))
    run(Encode())

    execute("create table public.away as select * from raw.scenario_paths")
    execute("delete from raw.scenario_paths where scenario_set_id = 'T'")
    execute("delete from raw.scenario_sets where scenario_set_id = 'T'")
    run(Build(INSTRUMENTS))
    execute(
        """
        insert into raw.scenario_paths
        select * from public.away where scenario_set_id = 'T'
        """
    )

    assert run(Encode()) == (0, 0)
    # The tests ask what dbt has seen, wherever the set is by then.
    execute("delete from raw.scenario_paths where scenario_set_id = 'T'")
    chain(encoded_model_ids=list(MODELS)).test()
