"""The shipped data keep what seeds/README.md says of them."""

import json

import pandas as pd
import pytest

from python_encoders.dbt_project import PROJECT_DIR

SEEDS = PROJECT_DIR / "seeds"


@pytest.fixture(scope="module")
def paths():
    return pd.read_csv(SEEDS / "scenario_paths.csv")


def test_the_files_stay_small():
    assert sum(file.stat().st_size for file in SEEDS.glob("*.csv")) < 3_000_000


def test_the_sets_have_the_shape_they_claim(paths):
    sets = pd.read_csv(SEEDS / "scenario_sets.csv").set_index("scenario_set_id")
    steps = paths[paths.horizon_index > 0].groupby("scenario_set_id")

    assert steps.scenario_id.nunique().to_dict() == sets.num_paths.to_dict()
    assert steps.horizon_index.max().to_dict() == sets.horizon_days.to_dict()
    assert steps.instrument_id.nunique().to_dict() == {
        "HIST_STRESS_20D": 20,
        "SET_ABC123": 20,
    }
    for set_id, metadata in sets.metadata.items():
        labels = json.loads(metadata)["scenarios"]
        assert len(labels) == sets.num_paths[set_id]
        assert all(label["name"] and label["class"] for label in labels.values())


def test_the_producers_habits_are_kept(paths):
    baseline = paths[paths.horizon_index == 0]

    assert set(paths.factor_id) == {"__INSTRUMENT__"}
    assert set(paths.macro_id) == {"__NONE__"}
    assert (baseline.return_value == 0).all()
    assert len(baseline) == (24 + 120) * 20


def test_exactly_one_cell_is_left_out(paths):
    cells = (
        paths[paths.horizon_index > 0].groupby(["scenario_set_id", "scenario_id"]).size()
    )
    expected = {"HIST_STRESS_20D": 400, "SET_ABC123": 200}
    missing = {key: expected[key[0]] - size for key, size in cells.items()}

    assert {key: count for key, count in missing.items() if count} == {
        ("SET_ABC123", 37): 1
    }
