"""The same bytes on a server that orders text otherwise, reached by TCP and password.

The embedded build has no ICU, so this takes the system's own PostgreSQL, 15 or later.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from conftest import DATABASE, MODEL, Silent, execute, stored_bytes
from reference import reference_vectors

from python_encoders.pipeline import encode_only
from python_encoders.scope import Scope


@pytest.fixture
def icu_database(
    postgres: str, system_server: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Start the system's PostgreSQL with a password; make a database in ICU's en-US."""
    with system_server() as (environment, _):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("PGDATABASE", DATABASE)
        execute(
            f"""
            create database "{DATABASE}"
            template template0 encoding 'UTF8' locale_provider icu icu_locale 'en-US'
            """,
            database="postgres",
        )
        yield


def lower_the_first(instrument_id: str) -> str:
    """Write the ids up to JNJ in small letters: last by code point, mixed in by ICU."""
    return instrument_id.lower() if instrument_id <= "JNJ" else instrument_id


def test_an_icu_database_gives_the_same_bytes(icu_database, chain):
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
