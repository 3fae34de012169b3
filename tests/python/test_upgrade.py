"""An upgrade takes over the database of the version before and keeps its vectors."""

from conftest import Silent, execute

from python_encoders.pipeline import encode_only
from python_encoders.scope import Scope

MODELS = (
    "num-scenario-core-v1",
    "num-scenario-panel-sketch-v1",
    "num-scenario-stress-shape-v1",
)
# What the version before the content hashes built from the shipped sets: the SHA-256 over
# entity_id, fingerprint, encoder and bytes of its 429 vectors.
DIGEST = "58cabeb6a561fdcd575dd83bba366fba1e90d4b0eb94151eb1122b688b1c033a"
VECTORS = """
    select
        count(*),
        encode(sha256(convert_to(string_agg(
            entity_id || panel_fingerprint || model_id
            || encode(array_send(embedding), 'hex'),
            ',' order by entity_id collate "C", model_id collate "C"
        ), 'UTF8')), 'hex')
    from analytics.numeric_window_embeddings
"""
# Its tables, as far as they have the name of a relation of today.
TABLES_BEFORE = """
    drop table analytics.int_scenarios, analytics.int_scenario_series cascade;
    create table analytics.int_scenarios (
        scenario_set_id text, scenario_id text, source_scenario_id integer,
        is_shared_entity_id boolean, scenario_rank integer, num_rows bigint,
        layout_hash bigint, values_hash bigint, is_gone boolean
    );
    create table analytics.int_scenario_axes (
        scenario_set_id text, series_id text, series_kind text, series_position integer
    );
    create table analytics.int_scenario_panels_checked (scenario_set_id text);
    create table analytics.int_scenario_layouts (scenario_set_id text)
"""
VECTORS_OF_OTHERS = """
    insert into analytics.numeric_window_embeddings
    select
        'STABILITY', entity_id, window_spec, as_of_date, 'num-stab-core-v1', embedding,
        'theirs', created_at
    from analytics.numeric_window_embeddings
"""


def written_at():
    return execute(
        """
        select entity_type, entity_id, model_id, panel_fingerprint, created_at
        from analytics.numeric_window_embeddings order by 1, 2, 3
        """
    )


def test_fingerprints_and_vectors_are_those_of_the_version_before(built):
    encode_only(Scope(MODELS), Silent())

    assert execute(VECTORS) == [(429, DIGEST)]


def test_one_command_takes_a_database_over_and_writes_no_vector_anew(built, front, dbt):
    execute(TABLES_BEFORE)
    execute(VECTORS_OF_OTHERS)
    before = written_at()

    refused = front("backfill")
    assert refused.returncode == 1
    assert "`dbt run --full-refresh --selector panels` builds all panels" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1

    assert dbt("run", "--full-refresh", "--selector", "panels").returncode == 0
    done = front("backfill")
    assert done.returncode == 0, done.stderr
    assert "vectors: 0 written, 0 pruned" in done.stdout
    assert written_at() == before
