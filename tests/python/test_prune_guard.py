"""No run takes many vectors away that nobody has confirmed, and none rejects in silence."""

import re

import pytest
from conftest import MODEL, Silent, execute, stored_bytes, stored_vectors

from python_encoders.errors import WorkFailedError
from python_encoders.pipeline import encode_only
from python_encoders.prune_guard import GONE, check_prune
from python_encoders.scope import Scope

SHAPE = "num-scenario-stress-shape-v1"


@pytest.mark.parametrize(
    ("num_kept", "num_lost", "max_prune", "passes"),
    [
        *((0, 10, None, True), (0, 11, None, False)),
        *((99, 11, None, True), (98, 11, None, False)),
        *((0, 11, 11, True), (0, 11, 10, False), (1_000, 1, 0, False), (1, 0, 0, True)),
    ],
)
def test_ten_scenarios_or_a_tenth_may_go_or_as_many_as_are_confirmed(
    num_kept, num_lost, max_prune, passes
):
    num_scenarios = {None: num_kept, GONE: num_lost}
    if passes:
        check_prune(num_scenarios, max_prune)
    else:
        with pytest.raises(WorkFailedError, match=f"--max-prune {num_lost}$"):
            check_prune(num_scenarios, max_prune)


def test_a_run_that_would_take_many_vectors_stops_names_why_and_can_be_confirmed(
    built, chain, front
):
    execute(
        """
        delete from raw.scenario_paths where scenario_set_id = 'HIST_STRESS_20D';
        delete from raw.scenario_paths
        where
            scenario_set_id = 'SET_ABC123' and scenario_id <= 3
            and horizon_index = 2 and instrument_id = 'JPM';
        -- The vectors of the others move along to another date.
        update raw.scenario_sets set base_date_end = '2023-01-31'
        where scenario_set_id = 'SET_ABC123'
        """
    )
    chain().run()
    before = stored_vectors()

    for stopped in (front("encode"), front("encode", "--max-prune", "26")):
        assert stopped.returncode == 1
        assert stopped.stderr == (
            "Error: 27 of the 143 scenarios in scope that have a vector would be left "
            "without one: 24 gone from the source, 3 rejected now (MISSING_CELLS). No "
            "vector was written or deleted. If this is right, confirm it with "
            "--max-prune 27\n"
        )
        assert stored_vectors() == before

    # A smaller scope has a smaller loss.
    of_set = front("encode", "--scenario-set-id", "SET_ABC123")
    assert "vectors: 116 written, 119 pruned" in of_set.stdout
    limited = front("encode", "--limit", "5")
    assert "vectors: 0 written, 0 pruned" in limited.stdout
    assert "24 of the 140 scenarios" in front("encode").stderr
    confirmed = front("encode", "--max-prune", "24")
    assert "vectors: 0 written, 24 pruned" in confirmed.stdout


def test_a_scenario_that_keeps_a_vector_of_another_encoder_is_not_lost(built, chain, front):
    encode_only(Scope((SHAPE,)), Silent())
    execute(
        """
        update raw.scenario_paths set return_value = return_value * 1000
        where scenario_set_id = 'HIST_STRESS_20D'
        """
    )
    chain().run()

    stopped = front("encode", "--model-id", SHAPE)
    assert "24 rejected now (VALUE_OUT_OF_RANGE). No" in stopped.stderr
    both = front("encode", "--model-id", SHAPE, "--model-id", MODEL)
    assert "vectors: 24 written, 24 pruned" in both.stdout

    # As if the encoder had taken these panels before. The other's vectors of them stay, and
    # those of an encoder that is none of ours.
    execute(
        """
        insert into analytics.numeric_window_embeddings (
            entity_type, entity_id, window_spec, as_of_date, model_id, embedding,
            panel_fingerprint, created_at
        )
        select
            entity_type, entity_id, window_spec, as_of_date, unnest(%s), embedding,
            panel_fingerprint, created_at
        from analytics.numeric_window_embeddings
        where model_id = %s and window_spec ->> 'scenario_set_id' = 'HIST_STRESS_20D'
        """,
        [[SHAPE, "of-others"], MODEL],
    )
    narrower = front("encode", "--model-id", SHAPE)
    assert "vectors: 0 written, 24 pruned" in narrower.stdout, narrower.stderr
    assert len(stored_bytes("of-others")) == 24


def test_both_commands_say_why_scenarios_have_no_vector_and_what_dbts_tests_warn_of(
    seeded, front
):
    execute(
        """
        insert into raw.scenario_paths
        select
            scenario_set_id, scenario_id, horizon_index, 'NEW', factor_id, macro_id,
            return_value * 1000
        from raw.scenario_paths
        where scenario_set_id = 'SET_ABC123' and scenario_id = 2 and instrument_id = 'JPM';
        delete from raw.scenario_paths
        where scenario_set_id = 'SET_ABC123' and scenario_id > 5;
        update raw.scenario_sets set horizon_days = 9 where scenario_set_id = 'SET_ABC123'
        """
    )
    options = ("--scenario-set-id", "SET_ABC123", "--model-id")
    incomplete = (
        r"SET_ABC123 +all models +MISSING_CELLS +4 +1 +"
        r"9 of 189 cells, the first: day 1, series NEW\n"
    )

    outputs = []
    for command, done in (("backfill", r"tests: \d+ passed"), ("encode", "0 written")):
        none = front(command, *options, SHAPE)
        assert re.search(done, none.stdout)
        assert re.search(incomplete, none.stdout)
        assert re.search(
            rf"SET_ABC123 +{SHAPE} +VALUE_OUT_OF_RANGE +1 +2 +– *\n", none.stdout
        )
        assert none.returncode == 1
        assert none.stderr.startswith(
            "Error: every encoder of the run rejects every scenario in scope;"
        )
        outputs.append(none.stdout)
    # A test that warns is told with the rows that it finds.
    told = outputs[0]
    assert re.search(r"tests: \d+ passed, 3 warned", told)
    assert "warning: assert_no_path_rows_lie_outside_the_horizon: Got 101 re" in told
    assert "    scenario_set_id SET_ABC123, series_id NEW, share_of_panels 1.00\n" in told
    assert re.search(
        "warning: assert_num_paths_is_the_number_of_scenarios: Got 1 result.*\n"
        "    scenario_set_id SET_ABC123, num_paths 120, num_scenarios 5\n",
        told,
    )

    one = front("encode", *options, MODEL)
    assert one.returncode == 0, one.stderr
    assert re.search(incomplete, one.stdout)
    assert SHAPE not in one.stdout
