"""No result depends on the session: a role with other settings builds the same bytes."""

import os
from pathlib import Path

import pytest
from conftest import PROJECT_DIR, Silent, add, execute, stored_vectors

from python_encoders.encoders import ENCODERS
from python_encoders.pipeline import encode_only
from python_encoders.scope import Scope

ROLE = f"scenario_hostile_{os.getpid()}"
# What a role of a legacy application may set, and an administrator of a hosted server.
SETTINGS = {
    "standard_conforming_strings": "off",
    "escape_string_warning": "off",
    "timezone": "'Asia/Kolkata'",
    "datestyle": "'SQL, DMY'",
    "intervalstyle": "sql_standard",
    "bytea_output": "escape",
    "extra_float_digits": "-5",
    "search_path": "shadows, public",
}
# What the search path leads to: our names, and names of functions that models call.
SHADOWS = """
    create schema shadows;
    create table shadows.scenario_paths ();
    create table shadows.int_scenarios ();
    create function shadows.sha256(bytea) returns bytea language sql as
        $$ select ''::bytea $$;
    create function shadows.to_jsonb(anyelement) returns jsonb language sql as
        $$ select '{}'::jsonb $$;
    grant usage on schema shadows to public
"""
HASHES = "select content_hash from analytics.int_scenarios order by 1"


@pytest.fixture
def hostile(bare_source, monkeypatch):
    execute("alter table raw.scenario_paths alter scenario_id type timestamptz using now()")
    execute("alter table raw.scenario_sets alter base_date_end type timestamptz")
    for set_id in ("S", "back\\slash", "__\\_"):
        if set_id != "S":
            execute(
                "insert into raw.scenario_sets values (%s, 2, 2, %s, now())",
                [set_id, "2022-12-28 23:30:00+00"],
            )
        for moment in ("2024-03-01 23:00:00+00", "2024-03-02 01:00:00.5+00"):
            rows = [(d, s, d * v) for d in (1, 2) for s, v in (("ABCD", 0.1), ("_", 0.3))]
            add(set_id, moment, rows)
    execute(SHADOWS)
    execute(f"create role {ROLE} superuser login")
    for name, value in SETTINGS.items():
        execute(f"alter role {ROLE} set {name} = {value}")
    if "PGPASSWORD" in os.environ:  # a server that asks for one
        execute(f"alter role {ROLE} password %s", [os.environ["PGPASSWORD"]])
    administrator = os.environ["PGUSER"]
    yield lambda: monkeypatch.setenv("PGUSER", ROLE)
    monkeypatch.setenv("PGUSER", administrator)
    execute(f"drop owned by {ROLE} cascade; drop role {ROLE}")


def test_a_role_with_other_settings_gets_the_same_vectors(
    hostile, chain, front, dbt, monkeypatch
):
    """Panels by dbt, by a backfill, by hand and built anew by hand: the same vectors."""
    chain().run()
    assert encode_only(Scope(tuple(ENCODERS)), Silent()) == (6 * len(ENCODERS), 0)
    vectors = stored_vectors()
    assert {row[1].isoformat() for row in vectors.values()} == {"2022-12-28"}
    assert {entity_id.split(":")[-1] for entity_id in vectors} == {
        "20240301T230000Z",
        "20240302T010000.5Z",
    }
    hashes = execute(HASHES)

    hostile()
    # While dbt runs, the session of the locks idles longer than that.
    execute(f"alter role {ROLE} set idle_session_timeout = '100ms'")
    done = front("backfill", "--model-id", "all", "--scenario-set-id", "back\\slash")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "vectors: 0 written, 0 pruned" in done.stdout
    execute(f"alter role {ROLE} reset idle_session_timeout")
    by_hand = {"encoded_model_ids": list(ENCODERS)}
    for options in ((), ("--full-refresh",)):
        # By hand, nothing pins the session.
        monkeypatch.delenv("PGOPTIONS")
        ran = dbt("run", "--selector", "panels", *options, **by_hand)
        assert ran.returncode == 0, ran.stdout
        assert execute(HASHES) == hashes
        done = front("encode", "--model-id", "all")
        assert "vectors: 0 written, 0 pruned" in done.stdout, done.stdout + done.stderr
    monkeypatch.delenv("PGOPTIONS")
    tested = dbt("test", **by_hand)
    assert tested.returncode == 0, tested.stdout
    assert stored_vectors() == vectors


def test_what_the_server_gets_is_ascii():
    """A database in another encoding may lack any other letter."""
    for folder in ("models", "macros", "tests/dbt"):
        for path in Path(PROJECT_DIR, folder).glob("**/*.*"):
            text = path.read_text(encoding="utf-8")
            assert text.isascii(), path
