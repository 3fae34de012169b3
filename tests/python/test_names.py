"""Names of schemas and databases beyond plain letters: they work, or give one line."""

import pytest
from conftest import execute


def test_a_source_schema_may_have_any_letter(seeded, front):
    schema = "raw;--Läger 東 $#%\\\\🙂"
    execute(f"""alter schema raw rename to "{schema}" """)

    done = front("backfill", "--vars", f"{{source_schema: '{schema}'}}")

    assert done.returncode == 0, done.stderr
    assert "vectors: 143 written" in done.stdout


@pytest.mark.parametrize("schema", ["analytics ", "é" * 32])
def test_a_target_schema_that_postgres_would_change_is_refused(
    seeded, front, monkeypatch, schema
):
    monkeypatch.setenv("DBT_SCHEMA", schema)

    refusal = front("backfill")

    assert refusal.returncode == 2
    assert "is too long (63 bytes at most) or begins or ends with a blank" in refusal.stderr
    assert refusal.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["a'b", 'a"b'])
def test_a_database_with_a_quote_in_its_name_is_refused(front, monkeypatch, name):
    monkeypatch.setenv("PGDATABASE", name)

    refusal = front("backfill")

    assert refusal.returncode == 2
    assert "has a quote in its name" in refusal.stderr
