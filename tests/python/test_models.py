"""Several models over one set, side by side, from the source tables to the vectors."""

import re

import numpy as np
import pyarrow as pa
import pytest
from conftest import MODEL, Silent, add, execute, python, stored_bytes
from plain_encoders import plain_panel_sketch, plain_stress_shape
from reference import reference_panels

from python_encoders.arrow_encoding import same_axis
from python_encoders.encoders import ENCODERS
from python_encoders.errors import WorkFailedError
from python_encoders.pipeline import encode_only
from python_encoders.scope import Scope

SKETCH, SHAPE = "num-scenario-panel-sketch-v1", "num-scenario-stress-shape-v1"
ALL = tuple(ENCODERS)
WHOLE = [(1, "A", 0.11), (1, "B", 0.12), (2, "A", 0.21), (2, "B", 0.22)]


def encoded(model_id, panel, ids):
    return ENCODERS[model_id].encode(np.array([panel], dtype=np.float64), ids).tobytes()


def model_rejections():
    return {
        (entity, model_id): (reason, detail)
        for entity, model_id, reason, detail in execute(
            """
            select scenario_set_id || ':' || scenario_id, model_id, reason, detail
            from analytics.scenario_model_rejections
            """
        )
    }


def coverage():
    return {
        (set_id, model_id): tuple(counts)
        for set_id, model_id, *counts in execute(
            """
            select scenario_set_id, model_id, num_in_source, num_encoded, num_rejected,
                   num_pending
            from analytics.scenario_set_coverage
            """
        )
    }


def test_the_sketches_of_the_shipped_sets_equal_the_plain_reference(built):
    assert encode_only(Scope((SKETCH, SHAPE)), Silent()) == (286, 0)

    for model_id, plain in ((SKETCH, plain_panel_sketch), (SHAPE, plain_stress_shape)):
        stored = stored_bytes(model_id)
        # Each tenth, because plain Python is slow. Both sets are among them.
        panels = dict(list(reference_panels())[::10])
        assert len(stored) == 143
        assert {entity: stored[entity] for entity in panels} == {
            entity: plain(panel.to_numpy().tolist(), list(panel.columns))
            for entity, panel in panels.items()
        }


@pytest.mark.parametrize("batch_bytes", [1, 20_000])
def test_models_that_are_encoded_together_equal_those_encoded_alone(
    built, monkeypatch, batch_bytes
):
    for model_id in ALL:
        encode_only(Scope((model_id,)), Silent())
    alone = {model_id: stored_bytes(model_id) for model_id in ALL}
    execute("delete from analytics.numeric_window_embeddings")
    from adbc_driver_manager.dbapi import Cursor
    from adbc_driver_postgresql import StatementOptions

    run, queries = Cursor.execute, []

    def in_small_batches(cursor, query, parameters=None, **kwargs):
        queries.append(query)
        cursor.adbc_statement.set_options(
            **{StatementOptions.BATCH_SIZE_HINT_BYTES.value: str(batch_bytes)}
        )
        return run(cursor, query, parameters, **kwargs)

    monkeypatch.setattr(Cursor, "execute", in_small_batches)
    assert encode_only(Scope(ALL), Silent()) == (143 * len(ALL), 0)

    assert {model_id: stored_bytes(model_id) for model_id in ALL} == alone
    assert sum("panels.*" in query for query in queries) == 1, "panels read more than once"


def test_each_model_gets_what_it_lacks_and_no_more(built, chain):
    everything = Scope((SHAPE, MODEL))
    assert encode_only(everything, Silent()) == (143, 0), "core was there already"
    before = {model_id: stored_bytes(model_id) for model_id in everything.model_ids}
    execute(
        """
        update raw.scenario_paths set return_value = 0.5
        where (scenario_set_id, scenario_id, horizon_index, instrument_id)
            = ('HIST_STRESS_20D', 9, 1, 'JPM')
        """
    )
    chain().run()

    # A run of one model does not leave the other's vector to answer for the old panel.
    assert encode_only(Scope((MODEL,)), Silent()) == (1, 1)
    assert set(before[SHAPE]) - set(stored_bytes(SHAPE)) == {"HIST_STRESS_20D:9"}
    assert encode_only(everything, Silent()) == (1, 0)

    for model_id, vectors in before.items():
        after = stored_bytes(model_id)
        assert {entity for entity in vectors if vectors[entity] != after[entity]} == {
            "HIST_STRESS_20D:9"
        }
    assert encode_only(everything, Silent()) == (0, 0)


ADVICE = "; set a divisor in series_scales: 100 for percent, 10000 for basis points"


def test_what_a_sketch_does_not_take_is_rejected_for_it_alone(source, chain):
    execute(
        """
        insert into raw.scenario_sets
        select id, 1, 1, '2022-12-28', now()
        from unnest(array['WIDE', 'JUST NOT TOO WIDE', 'SEPARATOR', 'CONTROL']) as id
        """
    )
    cases = {
        "whole": WHOLE,
        "at the limit": [(1, "A", 4.0), (1, "B", -4.0), *WHOLE[2:]],
        "above": [*WHOLE[:3], (2, "B", 4.000000000000001)],
        "below": [(1, "A", 0.0), (1, "B", -1e30), (2, "A", -5), (2, "B", 6)],
    }
    for name, rows in cases.items():
        add("S", name, rows)
    add("SEPARATOR", "1", [(1, "A\x1f", 0.1), (1, "B", 0.2)])
    # Control characters that do not part anything are text like any other.
    add("CONTROL", "1", [(1, "A\x01\n\x7f", 0.1), (1, "B", 0.2)])
    for set_id, num_series in (("WIDE", 2049), ("JUST NOT TOO WIDE", 2048)):
        execute(
            """
            insert into raw.scenario_paths
            select %s, '1', 1, 'S' || n, '__INSTRUMENT__', '__NONE__', n / 1e6
            from generate_series(1, %s) as n
            """,
            [set_id, num_series],
        )

    chain().run()
    written = encode_only(Scope(ALL), Silent())

    _, *sketches = ALL
    reasons = {
        "S:above": (
            "VALUE_OUT_OF_RANGE",
            "1 cell, the first: day 2, series B, value 4.000000000000001, "
            f"the encoder takes +/-4{ADVICE}",
        ),
        "S:below": (
            "VALUE_OUT_OF_RANGE",
            "3 cells, the first: day 1, series B, value -1e+30, "
            f"the encoder takes +/-4{ADVICE}",
        ),
        "SEPARATOR:1": (
            "SEPARATOR_IN_SERIES_ID",
            "a series id has the character U+001F",
        ),
        "WIDE:1": ("TOO_MANY_SERIES", "2049 series, the encoder takes 2048"),
    }
    assert model_rejections() == {
        (entity, model_id): reason
        for entity, reason in reasons.items()
        for model_id in sketches
    }
    assert written == (8 + 4 * len(sketches), 0)
    for model_id in sketches:
        assert coverage()["S", model_id] == (4, 2, 2, 0)
        assert coverage()["WIDE", model_id] == (1, 0, 1, 0)
        assert set(stored_bytes(model_id)) == {
            *("S:whole", "S:at the limit", "JUST NOT TOO WIDE:1", "CONTROL:1")
        }
    assert coverage()["S", MODEL] == (4, 4, 0, 0)

    # SQL and Python draw the line at the same place.
    for entity, days, ids, cells in execute(
        """
        select scenario_set_id || ':' || scenario_id, horizon_days, series_ids, panel
        from analytics.scenario_panels
        """
    ):
        panel = np.reshape(cells, (days, -1))
        for model_id in sketches:
            if entity in reasons:
                with pytest.raises(ValueError, match=r"series"):
                    encoded(model_id, panel, ids)
            else:
                assert encoded(model_id, panel, ids) == stored_bytes(model_id)[entity]


def test_a_vector_goes_when_its_model_does_not_take_the_panel_any_more(source, chain):
    encoded = chain(encoded_model_ids=list(ALL))
    add("S", "1", WHOLE)
    add("S", "2", WHOLE)
    encoded.run()
    encode_only(Scope(ALL), Silent())
    execute(
        """
        update raw.scenario_paths set return_value = 5
        where scenario_id = '2' and instrument_id = 'B' and horizon_index = 1
        """
    )
    encoded.run()

    # Until the encoder runs, dbt's test says that the old vectors are of no panel.
    with pytest.raises(WorkFailedError, match=f"Got {len(ALL)} results"):
        encoded._invoke("test", "--select", "assert_no_orphaned_embeddings")

    assert encode_only(Scope(ALL), Silent()) == (1, len(ALL) - 1)
    assert {model_id: sorted(stored_bytes(model_id)) for model_id in ALL} == {
        model_id: ["S:1", "S:2"] if model_id == MODEL else ["S:1"] for model_id in ALL
    }
    encoded.test()


def test_coverage_counts_only_what_is_in_the_source(source, chain):
    for scenario_id in ("1", "2", "3"):
        add("S", scenario_id, WHOLE if scenario_id != "3" else WHOLE[:3])
    chain().run()
    encode_only(Scope(ALL), Silent())
    assert {coverage()["S", model_id] for model_id in ALL} == {(3, 2, 1, 0)}

    # Two have gone, and one has come that a limited run sees and does not build.
    execute("delete from raw.scenario_paths where scenario_id in ('2', '3')")
    add("S", "4", WHOLE)
    chain(scenario_limit=1).run()

    assert {coverage()["S", model_id] for model_id in ALL} == {(2, 1, 0, 1)}


def test_factors_and_macros_are_series_of_their_own(source, chain):
    instrument = ("X", "__INSTRUMENT__", "__NONE__")
    factor, macro = ("__NONE__", "X", "__NONE__"), ("__NONE__", "__NONE__", "X")
    returns = {instrument: [0.01, -0.02], factor: [0.03, 0.04], macro: [-0.05, 0.06]}
    add(
        "S",
        "1",
        [(day + 1, ids, values[day]) for ids, values in returns.items() for day in (1, 0)],
    )

    chain(series_kinds=["INSTRUMENT", "FACTOR", "MACRO"]).run()
    encode_only(Scope(ALL), Silent())

    names = ["X", "__FACTOR:X__", "__MACRO:X__"]
    panel = [[0.01, 0.03, -0.05], [-0.02, 0.04, 0.06]]
    assert execute("select series_ids from analytics.scenario_panels") == [(names,)]
    for model_id in ALL:
        assert stored_bytes(model_id) == {"S:1": encoded(model_id, panel, names)}


def test_a_panel_is_encoded_with_its_own_axis_not_with_the_sets_newest(source, chain):
    """Only the first scenario is built anew after the set has got a third series."""
    add("S", "1", WHOLE)
    add("S", "2", WHOLE)
    chain().run()
    for scenario_id in ("1", "2"):
        add("S", scenario_id, [(1, "AA", 0.3), (2, "AA", 0.4)])
    chain(scenario_limit=1).run()

    encode_only(Scope((SKETCH,)), Silent())

    assert stored_bytes(SKETCH) == {
        "S:1": encoded(SKETCH, [[0.11, 0.3, 0.12], [0.21, 0.4, 0.22]], ["A", "AA", "B"]),
        "S:2": encoded(SKETCH, [[0.11, 0.12], [0.21, 0.22]], ["A", "B"]),
    }


def test_a_batch_is_cut_where_the_shape_or_the_axis_changes():
    rows = [
        (1, 2, ["A", "B"], [1.0, 2.0]),
        (1, 2, ["A", "B"], [3.0, 4.0]),
        (1, 2, ["A", "C"], [5.0, 6.0]),
        (2, 1, ["A"], [7.0, 8.0]),
        (1, 1, ["A"], [9.0]),
    ]
    names = ("horizon_days", "num_series", "series_ids", "panel")
    batch = pa.RecordBatch.from_pydict(
        {name: [row[place] for row in rows] for place, name in enumerate(names)}
    )

    assert [(panels.tolist(), ids) for _, panels, ids in same_axis(batch)] == [
        ([[[1.0, 2.0]], [[3.0, 4.0]]], ["A", "B"]),
        ([[[5.0, 6.0]]], ["A", "C"]),
        ([[[7.0], [8.0]]], ["A"]),
        ([[[9.0]]], ["A"]),
    ]


def test_models_can_be_named_one_by_one_or_all_at_once(seeded, front):
    two = front("backfill", "--limit", "5", "--model-id", SHAPE, "--model-id", SKETCH)
    assert two.returncode == 0, two.stderr
    assert "vectors: 20 written" in two.stdout
    assert re.search(rf"SET_ABC123 +{SKETCH} +120 +5 +0 +115", two.stdout)
    assert MODEL not in two.stdout

    rest = front("encode", "--model-id", "all")
    assert rest.returncode == 0, rest.stderr
    assert f"vectors: {10 * (len(ALL) - 2)} written, 0 pruned" in rest.stdout

    unknown = front("encode", "--model-id", MODEL, "--model-id", "num-scenario-v9")
    assert unknown.returncode == 2
    assert (
        "unknown model 'num-scenario-v9'; there are: num-scenario-core-v1" in unknown.stderr
    )


def test_the_list_of_models_says_what_each_is_for():
    listed = python("python_encoders", "models").stdout

    for model_id, encoder in ENCODERS.items():
        assert model_id in listed
        assert encoder.good_for in " ".join(listed.split())


def test_dbt_and_python_know_the_same_models(built):
    import yaml

    from python_encoders.dbt_project import PROJECT_DIR

    project = yaml.safe_load((PROJECT_DIR / "dbt_project.yml").read_text())
    in_sql = execute("select model_id from analytics.encoder_limits")

    assert project["vars"]["scenario_model_ids"] == list(ENCODERS)
    assert {model_id for (model_id,) in in_sql} == set(ENCODERS)
