"""Scenarios in pandas: the examples of the docstrings run, and the columns have types."""

import doctest
import subprocess
import sys

import numpy as np
import pytest
from conftest import MODEL, Silent, execute

from python_encoders import ScenarioEmbeddings, scenario_embeddings
from python_encoders.encoders import ENCODERS
from python_encoders.errors import WrongUsageError
from python_encoders.pipeline import encode_only
from python_encoders.scope import Scope

SHAPE_V2 = "num-scenario-stress-shape-v2"


@pytest.fixture
def scenarios(built):
    encode_only(Scope(tuple(ENCODERS)), Silent())
    with ScenarioEmbeddings() as opened:
        yield opened


def test_the_examples_run(scenarios):
    finder = doctest.DocTestFinder(exclude_empty=True)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    examples = finder.find(
        scenario_embeddings, extraglobs={"scenarios": scenarios, "__name__": "example"}
    )
    for example in examples:
        runner.run(example)

    assert runner.summarize(verbose=False).failed == 0
    assert runner.summarize(verbose=False).attempted > 10


def test_a_panel_is_the_source_day_by_day(scenarios):
    panel = scenarios.panel("SET_ABC123:5")

    for day, series in ((1, "AAPL"), (10, panel.columns[-1])):
        [(value,)] = execute(
            """
            select return_value from raw.scenario_paths
            where scenario_set_id = 'SET_ABC123' and scenario_id::text = '5'
            and horizon_index = %s and instrument_id = %s
            """,
            [day, series],
        )
        assert panel.loc[day, series] == value
    assert (panel.dtypes == np.float64).all()
    assert list(panel.columns) == sorted(panel.columns)


def test_what_is_not_there_is_one_line(scenarios):
    for ask in (
        lambda: scenarios.panel("SET_ABC123:37"),
        lambda: scenarios.panel("nonsense"),
        lambda: scenarios.similar("SET_ABC123:37", MODEL),
        lambda: scenarios.similar("SET_ABC123:5", "no-model"),
    ):
        with pytest.raises(WrongUsageError) as raised:
            ask()
        assert "\n" not in str(raised.value)


def test_columns_have_types(scenarios):
    similar = scenarios.similar("HIST_STRESS_20D:17", SHAPE_V2)
    rejections, coverage = scenarios.rejections(), scenarios.coverage()

    assert similar.index.name == "entity_id"
    assert similar["scenario_name"].dtype == similar.index.dtype == "string"
    assert similar["date"].dtype.kind == "M"
    assert similar["date"].notna().all()
    assert rejections.dtypes.eq("string").all()
    assert coverage.index.names == ["scenario_set_id", "model_id"]
    assert coverage["num_encoded"].dtype == np.int32


def test_the_package_imports_no_pandas_and_no_driver_before_they_are_used():
    code = (
        "import sys, python_encoders\n"
        "print({'pandas', 'pyarrow', 'adbc_driver_manager'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert done.stdout == "set()\n", done.stderr
