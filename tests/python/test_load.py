"""Files to source tables: `scenario-embeddings load`."""

import itertools
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import execute
from hypothesis import given, settings
from hypothesis import strategies as st

from python_encoders.dbt_project import PROJECT_DIR
from python_encoders.errors import WrongUsageError
from python_encoders.load import Options, Series, read_set

SPECS = PROJECT_DIR / "examples" / "specs"
DAYS = pd.bdate_range("2020-01-01", periods=47)
PRICES = pd.DataFrame(
    np.round(100 * np.exp(np.random.default_rng(7).normal(0, 0.02, (47, 3)).cumsum(0)), 4),
    columns=["AAA", "BBB", "ÇÇÇ"],
    index=pd.Index(DAYS.strftime("%Y-%m-%d"), name="date"),
)
CASE_18 = """\
Scenario,Quarter,Unemployment rate,10-year yield,Equity index,Volatility index,\
Real GDP growth
# a note, and not data
SEVERE,2025 Q4,4.4,4.1,64000,19.0,1.8
SEVERE,2026 Q1,5.8,3.2,52000,60.0,-6.0
SEVERE,2026 Q2,7.1,2.7,41600,72.0,-5.0
BASE,2025 Q4,4.4,4.1,64000,19.0,1.8
BASE,2026 Q1,4.4,4.1,64640,19.0,1.9
BASE,2026 Q2,4.5,4.0,65300,18.8,1.9
"""
CASE_19 = """\
scenario,risk_factor,shift_type,shift
# what is not named is not shocked
parallel_up,EUR.2Y,absolute_bp,100
parallel_up,EUR.10Y,absolute_bp,100
equity_down,FTSE,relative_pct,-30
equity_down,FTSE.VOL,absolute_volpts,15
"""
CASE_20 = """\
\ufeffModel;Scenario;Region;Variable;Unit;2020;2025;2030
M1;Net zero;Zone euro;Equity prices;%;0;-8,5;-3,2
M1;Net zero;Zone euro;Long term interest rate;bps;0;145;210
M1;Délai;Zone euro;Equity prices;%;0;-2,5;-14,2
M1;Délai;Zone euro;Long term interest rate;bps;0;35;
"""
EVENTS = """\
scenario_id,first_day,last_day,steps
Lehman,2008-08-01,2008-10-01,44
Flash crash,2010-05-05,2010-05-10,4
Downgrade,2011-08-05,2011-09-05,22
"""


def written(folder, text, name="file.csv"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def loaded(path, **options):
    """Read a file. Give its returns by scenario, step and series, and the lines printed."""
    said = []
    scenario_set = read_set(Options((Path(path),), "X", **options), said.append)
    cube = scenario_set.cube
    cells = {
        (scenario, step + 1, series): cube.values[s, step, n]
        for s, scenario in enumerate(cube.scenario_ids)
        for step in range(cube.values.shape[1])
        for n, series in enumerate(cube.series_ids)
        if not np.isnan(cube.values[s, step, n])
    }
    return cells, said


def warnings(said):
    return [line for line in said if line.startswith("warning")]


def error_of(path, **options):
    with pytest.raises(WrongUsageError) as raised:
        loaded(path, **options)
    return str(raised.value)


def test_levels_taken_for_returns_are_warned_of(tmp_path):
    rows = [
        f"LVL,2024-03-0{day},1,EUR.{tenor},{value}"
        for day, values in (
            (1, (0.0332, 0.0241)),
            (4, (0.0335, 0.024)),
            (5, (0.0328, 0.0232)),
        )
        for tenor, value in zip(("1Y", "10Y"), values, strict=True)
    ]
    header = "scenario_set_id,scenario_id,horizon_index,factor_id,return_value"
    path = written(tmp_path, "\n".join([header, "# a note", *rows]))
    cells, said = loaded(path)

    assert len(cells) == 6
    assert cells["2024-03-05", 1, "EUR.10Y"] == 0.0232
    assert [line.split(" looks")[0] for line in warnings(said)] == [
        "warning: EUR.10Y",
        "warning: EUR.1Y",
    ]
    assert "as of 2024-03-05" in said[1]


def test_supervisory_quarters_come_in_their_own_units(tmp_path):
    path = written(tmp_path, CASE_18)
    options = {
        "default": Series("macro", "levels", "difference", "percent"),
        "per_series": {
            "Equity index": {"change": "relative"},
            "Real GDP*": {"values": "returns"},
        },
        "base": "2025 Q4",
        "as_of": "2025-12-31",
    }
    cells, said = loaded(path, **options)
    severe = {
        series: value
        for (name, step, series), value in cells.items()
        if (name, step) == ("SEVERE", 1)
    }

    assert len(cells) == 2 * 2 * 5
    assert severe == pytest.approx(
        {
            "Unemployment rate": 0.014,
            "10-year yield": -0.009,
            "Equity index": -0.1875,
            "Volatility index": 0.41,
            "Real GDP growth": -0.06,
        },
        rel=1e-12,
    )
    assert warnings(said) == [
        "warning: Volatility index carries 69% of the squares; is its unit another one? "
        "A divisor in a spec makes up for it"
    ]

    per_series = options["per_series"] | {"Volatility index": {"divisor": 4}}
    scenario_set = read_set(
        Options((path,), "X", **options | {"per_series": per_series}), said.append
    )
    assert scenario_set.divisors == {("MACRO", "Volatility index"): 4.0}
    per_series["Volatility index"] = {"change": "relative"}
    cells, _ = loaded(path, **options | {"per_series": per_series})
    assert cells["SEVERE", 1, "Volatility index"] == 60 / 19 - 1


def test_what_a_list_of_shocks_does_not_name_is_zero(tmp_path):
    cells, said = loaded(
        written(tmp_path, CASE_19),
        series=("risk_factor",),
        value="shift",
        unit_column="shift_type",
        units={
            "absolute_bp": "bp",
            "relative_pct": "percent",
            "absolute_volpts": "percent",
        },
        missing="zero",
        as_of="2026-06-30",
    )

    assert len(cells) == 2 * 4
    assert {cell: value for cell, value in cells.items() if value} == {
        ("parallel_up", 1, "EUR.2Y"): 0.01,
        ("parallel_up", 1, "EUR.10Y"): 0.01,
        ("equity_down", 1, "FTSE"): -0.3,
        ("equity_down", 1, "FTSE.VOL"): 0.15,
    }
    assert "missing: 4 cells; each became 0" in said


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16"])
def test_a_column_a_year_with_a_unit_a_row(tmp_path, encoding):
    path = tmp_path / "iamc.csv"
    text = CASE_20 if encoding == "utf-8" else CASE_20.removeprefix("\ufeff")
    path.write_text(text, encoding=encoding)
    cells, said = loaded(
        path,
        scenario=("Model", "Scenario"),
        series=("Region", "Variable"),
        unit_column="Unit",
        base="2020",
        as_of="2024-12-31",
    )
    prices, rate = "Zone euro|Equity prices", "Zone euro|Long term interest rate"

    assert cells == {
        ("M1|Net zero", 1, prices): -0.085,
        ("M1|Net zero", 2, prices): -0.032,
        ("M1|Net zero", 1, rate): 0.0145,
        ("M1|Net zero", 2, rate): 0.021,
        ("M1|Délai", 1, prices): -0.025,
        ("M1|Délai", 2, prices): -0.142,
        ("M1|Délai", 1, rate): 0.0035,
    }
    assert f"  scenario M1|Délai, step 2030, {rate}" in said


@pytest.mark.parametrize("take", ["first", "last"])
def test_events_become_windows_of_one_length(tmp_path, take):
    days = pd.bdate_range("2008-07-01", "2011-12-30")
    prices = pd.DataFrame({"date": days, "A": 100 + np.arange(len(days)) % 7})
    prices.to_csv(tmp_path / "prices.csv", index=False)
    cells, said = loaded(
        tmp_path / "prices.csv",
        default=Series(values="levels"),
        window=20,
        events=written(tmp_path, EVENTS, "events.csv"),
        take=take,
    )
    returns = prices.set_index("date")["A"].pct_change()
    lehman = returns["2008-08-01":"2008-10-01"]
    lehman = lehman[:20] if take == "first" else lehman[-20:]

    assert {scenario for scenario, _, _ in cells} == {"Lehman", "Downgrade"}
    assert [cells["Lehman", step, "A"] for step in range(1, 21)] == list(lehman)
    assert "too short, left out: Flash crash (4 steps)" in said


def in_layout(layout):
    if layout == "wide":
        return PRICES.reset_index()
    if layout == "long":
        return PRICES.reset_index().melt("date", var_name="series", value_name="price")
    return PRICES.T.rename_axis(index="series", columns=None).reset_index()


@pytest.mark.parametrize("layout", ["wide", "long", "wide-steps"])
@pytest.mark.parametrize("form", ["csv", "csv.gz", "parquet", "xlsx"])
def test_a_price_history_is_the_same_in_every_file_and_layout(tmp_path, layout, form):
    frame, path = in_layout(layout), tmp_path / f"prices.{form}"
    if form == "parquet":
        frame.to_parquet(path, index=False)
    elif form == "xlsx":
        frame.to_excel(path, index=False)
    else:
        frame.to_csv(path, index=False)
    cells, said = loaded(path, default=Series(values="levels"), window=20, stride=5)
    returns = PRICES.pct_change().iloc[1:]

    assert cells == {
        (returns.index[start + 19], step + 1, series): returns[series].iloc[start + step]
        for start in (0, 5, 10, 15, 20, 25)
        for step in range(20)
        for series in returns
    }
    assert "left over: 1 row at the end of the history" in said


@settings(max_examples=25)
@given(st.data())
def test_the_order_of_rows_and_columns_changes_nothing(data):
    """Shuffled rows and columns and gaps: the same set in three layouts, or an error."""
    days = DAYS[: data.draw(st.integers(2, 6))].strftime("%d.%m.%Y")
    cells = st.one_of(st.none(), st.floats(1, 9))
    grid = {
        (scenario, day, series): data.draw(cells)
        for scenario in ("b", "a")
        for day in days
        for series in ("Y", "X")
    }
    long = pd.DataFrame(
        [(*key, value) for key, value in grid.items()],
        columns=["scenario", "date", "series", "value"],
    )
    frames = {
        "long": long,
        "wide": long.pivot(index=["scenario", "date"], columns="series", values="value"),
        "wide-steps": long.pivot(
            index=["scenario", "series"], columns="date", values="value"
        ),
    }
    expected = None
    with tempfile.TemporaryDirectory() as folder:
        for layout, frame in frames.items():
            frame = frame if layout == "long" else frame.reset_index()
            frame = frame.iloc[data.draw(st.permutations(range(len(frame))))]
            frame = frame[data.draw(st.permutations(list(frame.columns)))]
            path = Path(folder) / "file.csv"
            frame.to_csv(path, index=False)
            found, _ = loaded(path, layout=layout, default=Series(values="levels"))
            expected = found if expected is None else expected
            assert found == expected
            twice = frame.index[data.draw(st.integers(0, len(frame) - 1))]
            pd.concat([frame, frame.loc[[twice]]]).to_csv(path, index=False)
            assert "repeats a cell" in error_of(path, layout=layout)
    assert expected == {
        (scenario, step, series): grid[scenario, day, series]
        / grid[scenario, before, series]
        - 1
        for scenario in ("a", "b")
        for step, (before, day) in enumerate(itertools.pairwise(days), start=1)
        for series in ("X", "Y")
        if None not in (grid[scenario, day, series], grid[scenario, before, series])
    }


@pytest.mark.parametrize(
    ("text", "options", "says"),
    [
        (
            "scenario,date,A\ns,2020-01-01,1\ns,2020-01-01,2\n",
            {},
            "file.csv, row 3, column 'date' repeats a cell that file.csv, row 2, column",
        ),
        (
            "scenario,date,A\n# note\n\ns,2020-01-01,1\ns,2020-01-02,1.2.3\n",
            {},
            "file.csv, row 5, column 'A' holds '1.2.3', which is no number",
        ),
        ("scenario,date,A\ns,2020-01-01,inf\n", {}, "which is no number"),
        ("scenario,date,A\ns:1,2020-01-01,1\n", {}, "has a colon"),
        ("scenario,date,A\ns,03/04/2020,1\ns,04/05/2020,1\n", {}, "Say --day-first"),
        ("scenario,step,A\ns,1,1\n", {}, "say the set's with --as-of"),
        ("scenario,step,A\ns,first,1\n", {"as_of": "2020-01-01"}, "have no common form"),
        ("scenario,date,A\ns,,1\n", {}, "row 2, column 'date' is empty"),
        ("scenario,date,A,A\ns,2020-01-01,1,2\n", {}, "column 'A' more than once"),
        ("date,A\n2020-01-01,1\n", {}, "make scenarios of a history with --window"),
        ("date,A\n2020-01-01,1\n", {"window": 5}, "fewer than the window of 5"),
        ("scenario,date,__A__\ns,2020-01-01,1\n", {}, "is a sentinel"),
        (
            "scenario,date,A\ns,2020-01-01,0\ns,2020-01-02,1\n",
            {"default": Series(values="levels")},
            "has a level of 0",
        ),
        (
            "scenario,date,A\na,2020-01-01,1\nb,2020-01-02,1\nb,2020-01-03,1\n",
            {},
            "the scenarios have 1 to 2 dates each",
        ),
        ("", {}, "it is empty"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_clear_line(tmp_path, text, options, says):
    error = error_of(written(tmp_path, text), **options)

    assert says in error
    assert "\n" not in error


def test_ids_are_texts_as_they_are_written(tmp_path):
    path = written(tmp_path, "scenario,step,series,value\n007,1,NA,0.5\n7,1,NA,.25\n")
    cells, _ = loaded(path, as_of="2020-01-01")

    assert cells == {("007", 1, "NA"): 0.5, ("7", 1, "NA"): 0.25}


def test_scenarios_share_steps_and_one_that_lacks_a_step_has_a_gap(tmp_path):
    path = written(tmp_path, "scenario,step,A\na,1,.1\na,2,.2\na,3,.3\nb,1,.4\nb,3,.6\n")
    cells, said = loaded(path, as_of="2020-01-01")

    assert cells["b", 3, "A"] == 0.6
    assert ("b", 2, "A") not in cells
    assert "  scenario b, step 2, A" in said


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ("reject", {(2, "B"): 1.0}),
        ("zero", {(1, "A"): 0.0, (1, "B"): 0.0, (2, "A"): 0.0, (2, "B"): 1.0}),
        ("ffill", {(1, "A"): 0.0, (1, "B"): 0.0, (2, "A"): 1.0, (2, "B"): 1.0}),
    ],
)
def test_missing_levels(tmp_path, missing, expected):
    text = "scenario,step,A,B\ns,0,2,1\ns,1,,1\ns,2,4,2\n"
    cells, _ = loaded(
        written(tmp_path, text),
        default=Series(values="levels"),
        missing=missing,
        as_of="2020-01-01",
    )

    assert {key[1:]: value for key, value in cells.items()} == expected | (
        {(1, "B"): 0.0} if missing == "reject" else {}
    )


def test_a_series_with_a_gap_can_be_dropped(tmp_path):
    text = "scenario,step,A,B\ns,1,,.1\ns,2,.4,.2\n"
    cells, _ = loaded(written(tmp_path, text), missing="drop-series", as_of="2020-01-01")

    assert cells == {("s", 1, "B"): 0.1, ("s", 2, "B"): 0.2}


def test_levels_against_another_scenario(tmp_path):
    text = "scenario,step,A,Y\nbase,1,100,4\nbase,2,200,4\ndown,1,90,3\ndown,2,150,2\n"
    cells, _ = loaded(
        written(tmp_path, text),
        default=Series(values="levels"),
        per_series={"Y": {"change": "difference", "unit": "percent"}},
        base_scenario="base",
        as_of="2020-01-01",
    )

    assert cells == {
        ("down", 1, "A"): 90 / 100 - 1,
        ("down", 2, "A"): 150 / 200 - 1,
        ("down", 1, "Y"): -0.01,
        ("down", 2, "Y"): -0.02,
    }


def test_several_files_are_one_set(tmp_path):
    header = "scenario,name,step,A,B\n"
    first = written(tmp_path, f"# note\n{header}a,Fall,1,.1,9\n", "first.csv")
    second = written(tmp_path, f"{header}b,Rise,1,.2,9\n", "second.csv")
    options = {"labels": "name", "series_columns": ("A",), "as_of": "2020-01-01"}
    scenario_set = read_set(Options((first, second), "X", **options), print)

    assert scenario_set.cube.scenario_ids == ["a", "b"]
    assert scenario_set.cube.series_ids == ["A"]
    assert scenario_set.cube.values.ravel().tolist() == [0.1, 0.2]
    assert scenario_set.labels == {"a": {"name": "Fall"}, "b": {"name": "Rise"}}

    written(tmp_path, f"{header}a,Fall,1,.3,9\n", "second.csv")
    with pytest.raises(WrongUsageError) as raised:
        read_set(Options((first, second), "X", **options), print)
    assert "second.csv, row 2, column 'step' repeats a cell that first.csv, row 3" in str(
        raised.value
    )


def test_log_returns_and_a_sign(tmp_path):
    text = "scenario,step,A,B\ns,1,0.1,0.1\n"
    cells, _ = loaded(
        written(tmp_path, text),
        default=Series(values="log-returns"),
        per_series={"B": {"sign": -1}},
        as_of="2020-01-01",
    )

    assert cells == {("s", 1, "A"): np.expm1(0.1), ("s", 1, "B"): -np.expm1(0.1)}


@pytest.mark.parametrize("spec", sorted(path.stem for path in SPECS.glob("*.yml")))
def test_each_shipped_spec_fits_its_file(front, spec):
    done = front(
        *("load", str(SPECS / f"{spec}.csv"), "--scenario-set-id", "X", "--dry-run"),
        *("--spec", str(SPECS / f"{spec}.yml")),
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "dry run: nothing was written" in done.stdout


def test_an_option_beside_a_spec_goes_before_it(front):
    done = front(
        *("load", str(SPECS / "yield_curve.csv"), "--scenario-set-id", "X", "--dry-run"),
        *("--spec", str(SPECS / "yield_curve.yml"), "--window", "4"),
    )

    assert "4 scenarios × 4 steps × 3 series" in done.stdout


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("colour: red", "there is no option colour"),
        ("per_series: {A: {unit: inches}}", "unit is one of decimal"),
        ("per_series: {A: {divisor: 0}}", "divisor is above 0"),
        ("per_series: {A: {weight: 2}}", "has no setting 'weight'"),
        ("units: {pts: points}", "unit 'pts' is none of"),
        ("[", "is no YAML"),
    ],
)
def test_a_spec_that_is_wrong_is_named(front, tmp_path, spec, says):
    path = written(tmp_path, spec, "spec.yml")
    done = front(
        "load",
        str(SPECS / "yield_curve.csv"),
        "--scenario-set-id",
        "X",
        "--spec",
        str(path),
    )

    assert done.returncode == 2
    assert says in done.stderr


def load_prices(front, path, *options):
    return front(
        *("load", str(path), "--scenario-set-id", "HIST", "--values", "levels"),
        *("--window", "20", "--stride", "5", *options),
    )


def source_rows():
    return execute("select * from raw.scenario_paths order by 1, 2, 3, 4, 5, 6"), execute(
        "select scenario_set_id, horizon_days, num_paths, base_date_end, metadata "
        "from raw.scenario_sets order by 1"
    )


def test_a_load_is_written_once_and_replaced_on_demand(empty, front, tmp_path, dbt):
    path = tmp_path / "prices.csv"
    PRICES.to_csv(path)
    first = load_prices(front, path)
    rows, sets = source_rows()
    again = load_prices(front, path)
    PRICES.iloc[::-1].to_csv(path)
    shuffled = load_prices(front, path)

    assert first.stderr == again.stderr == shuffled.stderr == ""
    assert "written: 360 rows into raw.scenario_paths" in first.stdout
    assert "unchanged" in again.stdout
    assert "unchanged" in shuffled.stdout
    assert rows[0][:6] == ("HIST", "2020-01-29", 1, "AAA", "__INSTRUMENT__", "__NONE__")
    returns = PRICES.pct_change()
    assert [row[6] for row in rows[:3]] == list(returns.iloc[1])
    assert sets[0][1:3] == (20, 6)
    assert str(sets[0][3]) == returns.index[-2]

    (PRICES * PRICES).to_csv(path)
    other = load_prices(front, path)
    assert other.returncode == 2
    assert "--replace writes it anew" in other.stderr
    assert source_rows() == (rows, sets)
    replaced = load_prices(front, path, "--replace")
    assert replaced.returncode == 0
    assert len(source_rows()[0]) == 360
    assert source_rows()[0] != rows

    # Rows that somebody has deleted are other content.
    execute("delete from raw.scenario_paths where horizon_index = 7")
    assert load_prices(front, path).returncode == 2

    # The tables are the user's own by now.
    seed = dbt("seed")
    assert seed.returncode == 1
    assert "was not loaded by dbt seed; nothing was overwritten" in seed.stdout
    assert "source_schema: demo" in seed.stdout


def test_divisors_go_to_their_table(empty, front):
    load = (
        *("load", str(SPECS / "supervisory_quarters.csv"), "--scenario-set-id", "SUP"),
        *("--spec", str(SPECS / "supervisory_quarters.yml")),
    )
    loaded = front(*load)

    assert loaded.stderr == ""
    assert "of the squares" not in loaded.stdout
    assert execute("select * from analytics.series_scales order by 3") == [
        ("SUP", "MACRO", "Equity index", 3.0),
        ("SUP", "MACRO", "Volatility index", 5.0),
    ]
    factors = front(
        *("load", str(SPECS / "sparse_stress.csv"), "--scenario-set-id", "SHOCKS"),
        *("--spec", str(SPECS / "sparse_stress.yml"), "--name", "Shocks"),
        *("--category", "SHOCK_OVERLAY"),
    )
    assert factors.stderr == ""
    # The two ids that do not name the series are sentinels.
    assert execute(
        """
        select distinct
            paths.scenario_set_id, sets.name, sets.category,
            case when paths.instrument_id like '\\_\\_%' then paths.instrument_id end,
            case when paths.factor_id like '\\_\\_%' then paths.factor_id end,
            case when paths.macro_id like '\\_\\_%' then paths.macro_id end
        from raw.scenario_paths as paths
        inner join raw.scenario_sets as sets using (scenario_set_id)
        order by 1
        """
    ) == [
        ("SHOCKS", "Shocks", "SHOCK_OVERLAY", "__FACTOR__", None, "__NONE__"),
        ("SUP", "SUP", "REGULATORY", "__MACRO__", "__NONE__", None),
    ]


def test_tables_of_others_are_refused_by_name(seeded, front, tmp_path):
    path = tmp_path / "prices.csv"
    PRICES.to_csv(path)
    demo = load_prices(front, path)
    assert demo.returncode == 1
    assert "holds the demonstration data" in demo.stderr

    execute(
        "comment on table raw.scenario_sets is ''; "
        "comment on table raw.scenario_paths is ''"
    )
    typed = load_prices(front, path)
    assert typed.returncode == 1
    assert "raw.scenario_paths.scenario_id is int4, and load writes text" in typed.stderr


def test_a_role_that_only_reads_is_told(empty, front, tmp_path, monkeypatch):
    path = tmp_path / "prices.csv"
    PRICES.to_csv(path)
    load_prices(front, path)
    execute(
        """
        drop role if exists scenario_load_reader;
        create role scenario_load_reader login;
        grant usage on schema raw to scenario_load_reader;
        grant select on all tables in schema raw to scenario_load_reader
        """
    )
    monkeypatch.setenv("PGUSER", "scenario_load_reader")
    refused = load_prices(front, path, "--replace")
    monkeypatch.undo()
    execute("drop owned by scenario_load_reader; drop role scenario_load_reader")

    assert refused.returncode == 1
    assert "load needs a role that may write the source" in refused.stderr


KILLED = """
import os, signal
from python_encoders import load
from python_encoders.load import source_writer

def dying(scenario_set):
    reader = path_rows(scenario_set)
    def batches():
        for at, batch in enumerate(reader):
            if at == 1:
                os.kill(os.getpid(), signal.SIGKILL)
            yield batch
    import pyarrow
    return pyarrow.RecordBatchReader.from_batches(reader.schema, batches())

from python_encoders.load import scenario_set
path_rows, source_writer.path_rows = source_writer.path_rows, dying
scenario_set._BATCH_CELLS = 100
from python_encoders.cli import cli
cli()
"""


def test_a_load_killed_amid_its_rows_leaves_the_source_as_it_was(empty, front, tmp_path):
    path = tmp_path / "prices.csv"
    PRICES.to_csv(path)
    load_prices(front, path)
    before = source_rows()
    (PRICES * PRICES).to_csv(path)
    arguments = [
        "load",
        str(path),
        "--scenario-set-id",
        "HIST",
        "--values",
        "levels",
        "--window",
        "20",
        "--stride",
        "5",
        "--replace",
    ]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, *arguments],
        env=os.environ,
        capture_output=True,
        cwd=PROJECT_DIR,
        check=False,
    )

    assert killed.returncode == -signal.SIGKILL
    assert source_rows() == before
    assert load_prices(front, path, "--replace").returncode == 0


def test_loaded_prices_become_the_panels_that_pandas_gives(
    empty, front, tmp_path, build_and_encode
):
    path = tmp_path / "prices.csv"
    PRICES.to_csv(path)
    load_prices(front, path)
    build_and_encode("HIST")
    panels = dict(execute("select scenario_id, panel from analytics.scenario_panels"))
    returns = PRICES.pct_change().iloc[1:].to_numpy()

    assert len(panels) == 6
    assert panels["2020-01-29"] == list(returns[:20].ravel())


def test_tables_of_shocks_are_a_source(empty, front):
    execute(
        """
        create schema desk;
        create table desk.scenarios (
            scenario_id int, scenario_name text, scenario_date date
        );
        create table desk.scenario_shocks (
            scenario_id int, instrument_id text, bucket_id text, shock float8
        );
        insert into desk.scenarios values
            (1, 'Rates up', '2026-05-29'), (2, 'Equities down', '2026-06-30');
        insert into desk.scenario_shocks values
            (1, null, 'USD:10Y', 0.01), (1, null, 'USD:2Y', 0.02),
            (2, null, 'USD:2Y', -0.005), (2, null, 'USD:10Y', -0.004);
        """
    )
    execute((PROJECT_DIR / "examples" / "sources" / "shocks.sql").read_text())

    done = front("backfill", "--model-id", "num-scenario-core-v1")

    assert done.returncode == 0, done.stderr
    assert execute(
        """
        select scenario_id, horizon_days, as_of_date::text, series_ids, panel
        from analytics.scenario_panels order by scenario_id
        """
    ) == [
        ("1", 1, "2026-06-30", ["__FACTOR:USD:10Y__", "__FACTOR:USD:2Y__"], [0.01, 0.02]),
        (
            "2",
            1,
            "2026-06-30",
            ["__FACTOR:USD:10Y__", "__FACTOR:USD:2Y__"],
            [-0.004, -0.005],
        ),
    ]
    assert execute(
        "select scenario_name from analytics.scenario_labels order by scenario_id"
    ) == [("Rates up",), ("Equities down",)]
