"""Names from flags, vars, the environment and the data never become SQL of their own."""

import json

import pytest
from conftest import MODEL, add, execute

from python_encoders.encoders import ENCODERS

# All escapes from a literal or an identifier at once, in the 64 characters of an id.
HOSTILE = "'\"\\');drop table c;--🙂\n{{run_query('drop table c')}}{% raw %}\n"
# The escapes one by one, for code that stops at the first character that it refuses.
WAYS_OUT = [
    'x"; drop table public.c; commit; --',
    "x'; drop table public.c; commit; --",
    "{{ run_query('drop table public.c') }}",
    '"."x"; drop table public.c; commit; /*',
    "raw\"; drop table public.c; commit; create table public.d (x int); --'",
]


BLOCK_COMMENT = 'x"; drop table public.c; commit; /*'


def one_now_the_others_later(strings):
    first, *others = strings
    return [first, *(pytest.param(s, marks=pytest.mark.reliability) for s in others)]


@pytest.fixture
def canary(source):
    """A valid set, and a table that only an injection would drop. Both must stay."""

    execute("create table public.c as select 42 as x")
    for scenario_id in "12":
        add("S", scenario_id, [(day, "A", day / 100) for day in (1, 2)])
    before = outside_the_target()
    yield
    assert outside_the_target() == before
    assert execute("select x from public.c") == [(42,)]


def outside_the_target():
    """Name the schemas, roles, tables and views that the chain has not built itself."""
    return set(
        execute(
            """
            select 'schema', nspname::text from pg_namespace
            where nspname !~ '^(pg_|analytics$)'
            union all
            -- (Tests beside this one make roles called scenario_….)
            select 'role', rolname::text from pg_roles where rolname !~ '^(pg|scenario)_'
            union all
            select 'relation', oid::regclass::text from pg_class
            where relnamespace::regnamespace::text in ('raw', 'public')
            """
        )
    )


def test_hostile_ids_stay_ids(canary, front):
    execute(
        "insert into raw.scenario_sets values (%s, 2, 2, '2022-12-28', now())", [HOSTILE]
    )
    for scenario_id in (HOSTILE, "1"):
        add(HOSTILE, scenario_id, [(day, HOSTILE, day / 100) for day in (1, 2)])
    of_hostile = ("--scenario-set-id", HOSTILE)
    hostile_vars = {
        "joint_scenario_model_id": HOSTILE,
        "scenario_model_ids": [*ENCODERS, HOSTILE],
    }

    built = front(
        *("backfill", *of_hostile, "--limit", "2", "--model-id", "all"),
        # In ASCII, as JSON has it. A character beyond the BMP is two halves.
        *("--vars", json.dumps(hostile_vars)),
    )

    assert built.returncode == 0, built.stderr
    assert f"vectors: {2 * len(ENCODERS)} written" in built.stdout
    assert front("encode", *of_hostile).returncode == 0
    entity_id = f"{HOSTILE}:{HOSTILE}"
    found = front("similar", "--entity-id", entity_id, *of_hostile, "--format", "json")
    assert found.returncode == 0, found.stderr
    assert [row["entity_id"] for row in json.loads(found.stdout)] == [f"{HOSTILE}:1"]


@pytest.mark.parametrize("hostile", one_now_the_others_later([HOSTILE, *WAYS_OUT]))
def test_hostile_flags_find_nothing(canary, front, hostile):
    for arguments in (
        ("backfill", "--scenario-set-id", hostile),
        ("backfill", "--model-id", hostile),
        ("backfill", "--limit", hostile),
        ("backfill", "--vars", hostile),
        ("backfill", "--vars", json.dumps({"source_schema": hostile})),
        ("backfill", "--vars", json.dumps({"vector_index_metric": hostile})),
        ("similar", "--entity-id", hostile, "--scenario-set-id", hostile),
        ("similar", "--entity-id", "S:1", "--model-id", hostile),
        ("report", "--model-id", hostile),
    ):
        assert front(*arguments).returncode in (1, 2)


@pytest.mark.parametrize("hostile", one_now_the_others_later(WAYS_OUT))
def test_a_hostile_schema_is_refused(canary, front, dbt, monkeypatch, hostile):
    says = "a schema's name (DBT_SCHEMA, the var source_schema) must not have a "
    of_source = dbt("run", "--selector", "panels", source_schema=hostile)
    assert of_source.returncode == 1
    # Jinja in a var is dbt's own to refuse: it knows no queries where it reads sources.
    assert says in of_source.stdout or "'run_query' is undefined" in of_source.stdout

    monkeypatch.setenv("DBT_SCHEMA", hostile)
    of_target = front("backfill")
    assert (of_target.returncode, says in of_target.stderr) == (2, True), of_target
    assert front("encode").returncode == 1


@pytest.mark.reliability
@pytest.mark.parametrize("hostile", [BLOCK_COMMENT, HOSTILE])
def test_a_hostile_model_gives_no_index(canary, dbt, chain, hostile):
    models = [MODEL, hostile]

    dropped = dbt("run-operation", "build_vector_index", scenario_model_ids=models)

    assert dropped.returncode == 0, dropped.stdout


@pytest.mark.reliability
@pytest.mark.parametrize("hostile", [way for way in WAYS_OUT if "{{" not in way])
def test_hostile_vars_that_have_few_values_are_refused(canary, dbt, hostile):
    for variables in (
        {"series_kinds": [hostile]},
        {"scenario_limit": hostile},
        {"joint_weights": {"stab": hostile, "scenario": 1, "profile": 1}},
    ):
        compiled = dbt("compile", "--selector", "panels", **variables)
        assert compiled.returncode != 0
        assert f"{next(iter(variables))}" in compiled.stdout
