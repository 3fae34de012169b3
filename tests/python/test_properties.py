"""What never changes a byte: the order of rows, the cut of the work, the locale."""

import random
from collections.abc import Callable
from typing import Any, NamedTuple

import psycopg2.extras
import pytest
from adbc_driver_manager.dbapi import Cursor
from adbc_driver_postgresql import StatementOptions
from conftest import DATABASE, SOURCE, Silent, as_float8, connected, execute, recreate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plain_encoders import PLAIN

from python_encoders.encoders import ENCODERS
from python_encoders.pipeline import encode_only
from python_encoders.scope import Scope

# Ids whose order depends on who orders: by code point, number, letter or culture.
SERIES = ["-", "10", "9", "A.US", "AA", "Z", "_Z", "a.us", "Á", "É", "Ö", "ß", "期", "🙂"]
SCENARIOS = ["10", "9", "B", "a", "b", "É", "ß"]
HORIZONS = {"long": 70, "Short": 1, "ébauche": 5, "SET": 5}
BROKEN = ("SET", "b", 3, "Z")  # a cell that is missing: one scenario is rejected


def value(place: int) -> float:
    """Give a small return, another one for every cell."""
    return ((place * 7919) % 4001 - 2000) / 40000


PATHS = [
    (set_id, scenario_id, day, series, value(place))
    for place, (set_id, scenario_id, day, series) in enumerate(
        (set_id, scenario_id, day, series)
        for set_id, num_days in HORIZONS.items()
        for scenario_id in SCENARIOS
        for day in range(1, num_days + 1)
        for series in SERIES
    )
    if (set_id, scenario_id, day, series) != BROKEN
]


class Way(NamedTuple):
    """One way to the vectors."""

    shuffled_by: int = 0  # the order of the rows, and of the sets
    batch_bytes: int = 16_000_000  # what is read, encoded and committed at once
    threads: int = 4  # of dbt
    parallel: bool = False  # whether Postgres aggregates with several workers
    built_first: int | None = None  # the limit of a dbt run before the one over all
    limits: tuple[int, ...] = ()  # of encoder runs over all before the others
    set_by_set: bool = False
    model_by_model: bool = False


ways = st.builds(
    Way,
    shuffled_by=st.integers(1, 10**6),
    batch_bytes=st.sampled_from([1, 3_000, 50_000, 16_000_000]),
    threads=st.sampled_from([1, 2, 8]),
    parallel=st.booleans(),
    built_first=st.sampled_from([None, 3]),
    limits=st.lists(st.integers(1, len(SCENARIOS)), max_size=3).map(tuple),
    set_by_set=st.booleans(),
    model_by_model=st.booleans(),
)


def load(way: Way) -> None:
    """Write the source in the way's order, and have Postgres aggregate as it says."""
    order = random.Random(way.shuffled_by)
    sets, paths = list(HORIZONS.items()), list(PATHS)
    if way.shuffled_by:
        order.shuffle(sets)
        order.shuffle(paths)
    with connected() as cursor:
        cursor.execute(SOURCE)
        cursor.execute("truncate raw.scenario_sets")
        psycopg2.extras.execute_values(
            cursor,
            "insert into raw.scenario_sets values %s",
            [(*row, len(SCENARIOS), "2022-12-28") for row in sets],
        )
        psycopg2.extras.execute_values(
            cursor,
            "insert into raw.scenario_paths values %s",
            [(*row[:4], "__INSTRUMENT__", "__NONE__", as_float8(row[4])) for row in paths],
            "(%s, %s, %s, %s, %s, %s, %s::float8)",
            page_size=5000,
        )
        for name, number in {
            "max_parallel_workers_per_gather": 2 if way.parallel else 0,
            "min_parallel_table_scan_size": 0,
            "parallel_setup_cost": 0,
            "parallel_tuple_cost": 0,
        }.items():
            cursor.execute(f'alter database "{DATABASE}" set {name} = {number}')


def scopes(way: Way) -> list[Scope]:
    """Cut the encoder's work into the way's runs."""
    order = random.Random(way.shuffled_by)
    models, sets = list(ENCODERS), list(HORIZONS)
    order.shuffle(models)
    order.shuffle(sets)
    return [
        *(Scope(tuple(models), None, limit) for limit in way.limits),
        *(
            Scope(model_ids, set_id)
            for set_id in (sets if way.set_by_set else [None])
            for model_ids in (
                [(m,) for m in models] if way.model_by_model else [tuple(models)]
            )
        ),
    ]


def go(way: Way, chain: Callable[..., Any]) -> None:
    load(way)
    for limit in [way.built_first, None] if way.built_first else [None]:
        dbt = chain(scenario_limit=limit) if limit else chain()
        dbt._invoke("run", "--selector", "panels", "--threads", str(way.threads))
    run = Cursor.execute

    def in_batches(cursor: Any, *args: Any, **kwargs: Any) -> Any:
        option = StatementOptions.BATCH_SIZE_HINT_BYTES.value
        cursor.adbc_statement.set_options(**{option: str(way.batch_bytes)})
        return run(cursor, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Cursor, "execute", in_batches)
        for scope in scopes(way):
            encode_only(scope, Silent())


def result() -> dict[str, list[Any]]:
    """Give all results of the chain but their times, ordered in Python."""
    queries = {
        "vectors": """
            select
                entity_id, model_id, window_spec::text, as_of_date, panel_fingerprint,
                encode(array_send(embedding), 'hex')
            from analytics.numeric_window_embeddings
        """,
        "panels": """
            select
                scenario_set_id, scenario_id, series_ids, panel_fingerprint,
                encode(array_send(panel), 'hex')
            from analytics.scenario_panels
        """,
        "ranks": """
            select scenario_set_id, scenario_id, scenario_rank from analytics.int_scenarios
            """,
        "rejections": "select * from analytics.scenario_rejections",
        "bytes": """
            select entity_id, model_id, encode(vector, 'hex')
            from analytics.prometheus_numeric_window_embeddings
        """,
        "joint": "select entity_scope::text, embedding from analytics.joint_embeddings",
    }
    return {name: sorted(execute(query)) for name, query in queries.items()}


@pytest.fixture(scope="module")
def undisturbed(postgres: str, chain: Callable[..., Any]) -> dict[str, list[Any]]:
    """Give the result of the plain way, checked against the encoders' definitions."""
    recreate(DATABASE, "template0", postgres)
    go(Way(), chain)
    found = result()
    plain = {}
    for set_id, num_days in HORIZONS.items():
        for scenario_id in SCENARIOS:
            key = set_id, scenario_id
            cells = {path[2:4]: path[4] for path in PATHS if path[:2] == key}
            if len(cells) == num_days * len(SERIES):
                panel = [[cells[d, s] for s in SERIES] for d in range(1, num_days + 1)]
                for model_id, encode in PLAIN.items():
                    vector = encode(panel, SERIES).hex()
                    plain[f"{set_id}:{scenario_id}", model_id] = vector
    assert {(row[0], row[1]): row[2] for row in found["bytes"]} == plain
    assert len(found["rejections"]) == 1
    return found


def test_another_way_to_the_vectors_changes_no_byte(postgres, chain, undisturbed):
    recreate(DATABASE, "template0", postgres)

    go(Way(7, 20_000, 1, True, 3, (2,), True, True), chain)

    assert result() == undisturbed


@pytest.mark.reliability
def test_no_way_to_the_vectors_changes_a_byte(postgres, chain, undisturbed):
    @settings(
        max_examples=12,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(ways)
    def check(way: Way) -> None:
        recreate(DATABASE, "template0", postgres)
        go(way, chain)
        assert result() == undisturbed

    check()


LOCALES = {
    "ICU, root": "locale_provider icu icu_locale 'und'",
    "ICU, Swedish": "locale_provider icu icu_locale 'sv-SE'",
    "ICU, digits as numbers": "locale_provider icu icu_locale 'en-u-kn-true'",
    "libc, by byte": "locale_provider libc locale 'C'",
    "libc, UTF-8": "locale_provider libc locale 'C.UTF-8'",
}


@pytest.mark.reliability
def test_no_locale_and_no_provider_changes_a_byte(
    postgres, chain, undisturbed, system_server, monkeypatch
):
    orders = set()
    with system_server() as (environment, _):
        for name, text in environment.items():
            monkeypatch.setenv(name, text)
        monkeypatch.setenv("PGDATABASE", DATABASE)
        for locale in LOCALES.values():
            recreate_with = f'create database "{DATABASE}" template template0 {locale}'
            execute(
                f'drop database if exists "{DATABASE}" with (force)', database="postgres"
            )
            execute(recreate_with, database="postgres")
            go(Way(), chain)
            assert result() == undisturbed, locale
            by_locale = "select distinct instrument_id from raw.scenario_paths order by 1"
            orders.add(tuple(row[0] for row in execute(by_locale)))
    assert len(orders) >= 4, "the databases order alike, so this would prove little"
