"""The same bytes on a server that orders text otherwise, reached by TCP and password.

The embedded build has no ICU, so this takes the system's own PostgreSQL, 15 or later.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from conftest import (
    DATABASE,
    MODEL,
    Silent,
    execute,
    recreate,
    stored_bytes,
    vector_bytes,
)
from reference import reference_vectors

from python_encoders.pipeline import encode_only
from python_encoders.postgres import check_set_in_source, check_source, connect
from python_encoders.scope import Scope


@pytest.fixture(scope="module")
def variables(system_server: Callable[..., Any]) -> Iterator[dict[str, str]]:
    """Start the system's PostgreSQL with a password, once for all tests of this module."""
    with system_server() as (environment, _):
        yield environment


@pytest.fixture
def create_database(
    postgres: str, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], None]:
    """Make the tests' database anew there, with these options, and point to it."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    def create(options: str) -> None:
        recreate(DATABASE, f"template0 {options}", maintenance="postgres")

    monkeypatch.setenv("PGDATABASE", DATABASE)
    return create


def lower_the_first(instrument_id: str) -> str:
    """Write the ids up to JNJ in small letters: last by code point, mixed in by ICU."""
    return instrument_id.lower() if instrument_id <= "JNJ" else instrument_id


def test_an_icu_database_gives_the_same_bytes(create_database, chain):
    create_database("encoding 'UTF8' locale_provider icu icu_locale 'en-US'")
    chain()._invoke("seed")
    execute(
        """
        update raw.scenario_paths set instrument_id = lower(instrument_id)
        where instrument_id collate "C" <= 'JNJ'
        """
    )
    by_locale = execute(
        "select distinct instrument_id from raw.scenario_paths order by instrument_id"
    )
    assert [row[0] for row in by_locale] != sorted(row[0] for row in by_locale), (
        "the database orders by code point, so this would prove nothing"
    )

    chain().run()
    encode_only(Scope((MODEL,)), Silent())

    axis = execute(
        """
        select unnest(series_ids) from analytics.int_scenario_axes
        where scenario_set_id = 'SET_ABC123'
        """
    )
    assert [row[0] for row in axis] == sorted(row[0] for row in by_locale)
    assert stored_bytes() == dict(reference_vectors(lower_the_first))


SMALL_SOURCE = """
    create schema raw;
    create table raw.scenario_sets (
        scenario_set_id {id}, horizon_days int, base_date_end date, created_at timestamptz
    );
    create table raw.scenario_paths (
        scenario_set_id {id}, scenario_id {id}, horizon_index int,
        instrument_id {id}, factor_id {id}, macro_id {id}, return_value float8
    );
    insert into raw.scenario_sets values ('S', 1, '2022-12-28');
    insert into raw.scenario_paths values
        ('S', 'a', 1, 'ALPHA', '', '', 0.01),
        ('S', 'a', 1, 'BETA', '', '', -0.02),
        ('S', 'a', 1, 'gamma', '', '', 0.03)
"""


def as_vector(*values: float) -> bytes:
    return vector_bytes([*values, *[0.0] * (384 - len(values))])


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN2", "EUC_JP"])
def test_a_database_in_another_encoding_gives_the_same_bytes(
    encoding, create_database, front, dbt, chain, build_and_encode, monkeypatch
):
    create_database(f"encoding '{encoding}' lc_collate 'C' lc_ctype 'C'")
    execute(SMALL_SOURCE.format(id="text"))

    # By hand, the client's encoding is the database's own.
    monkeypatch.delenv("PGCLIENTENCODING")
    ran = dbt("run", "--quiet")
    assert ran.returncode == 0, ran.stdout
    done = front("encode", "--model-id", "all")
    assert done.returncode == 0, done.stdout + done.stderr
    assert stored_bytes() == {"S:a": as_vector(0.01, -0.02, 0.03)}
    if encoding == "SQL_ASCII":
        # dbt's tests are ASCII in any encoding. This one converts nothing.
        assert build_and_encode() == (0, 0)
        chain().test()


@pytest.mark.parametrize(
    "id_type", ["text collate public.ignores_case", "public.citext"], ids=["ICU", "citext"]
)
def test_ids_that_ignore_case_are_two_where_they_are_spelled_in_two_ways(
    id_type, create_database, chain, build_and_encode
):
    create_database("encoding 'UTF8'")
    execute(
        """
        create extension citext;
        create collation public.ignores_case (
            provider = icu, locale = 'und-u-ks-level2', deterministic = false
        )
        """
    )
    execute(SMALL_SOURCE.format(id=id_type))
    execute(
        """
        create index on raw.scenario_paths (scenario_set_id, scenario_id);
        insert into raw.scenario_paths
        select scenario_set_id, 'A', horizon_index, instrument_id, '', '', -return_value
        from raw.scenario_paths;
        insert into raw.scenario_sets values ('s', 1, '2022-12-28');
        insert into raw.scenario_paths values ('s', 'a', 1, 'delta', '', '', 0.5)
        """
    )
    # To the type, this set is `S` too.
    with connect(autocommit=True) as connection:
        check_source(connection, "raw")
        check_set_in_source(connection, "raw", "s")
    assert build_and_encode("s") == (1, 0)
    assert stored_bytes() == {"s:a": as_vector(0.5)}
    assert build_and_encode() == (2, 0)
    # A run of one set leaves the rows of the other as they are.
    assert build_and_encode("s") == (0, 0)
    chain().test()
    assert stored_bytes() == {
        "S:a": as_vector(0.01, -0.02, 0.03),
        "S:A": as_vector(-0.01, 0.02, -0.03),
        "s:a": as_vector(0.5),
    }
    assert encode_only(Scope((MODEL,)), Silent()) == (0, 0)
