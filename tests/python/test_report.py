"""The report says what the database says, of every scenario and every id."""

import json
import re

import numpy as np
import pytest
from conftest import Silent, execute, python
from hypothesis import given
from hypothesis import strategies as st
from reference import reference_panels

from python_encoders.encoders import ENCODERS
from python_encoders.pipeline import encode_only
from python_encoders.postgres import connect
from python_encoders.report import figures as report_figures
from python_encoders.report import history as report_history
from python_encoders.report.data import market_path, read
from python_encoders.report.page import crises_of, neighbours, render
from python_encoders.report.scenario import Scenario
from python_encoders.scope import Scope
from python_encoders.search import Question, reduce, similar

CORE, SHAPE = "num-scenario-core-v1", "num-scenario-stress-shape-v2"
HOSTILE = """</script><script>pwned = 1</script> "a" 'b' [bold] <b>c</b> $x$ &amp;\n😱"""


@pytest.fixture
def encoded(built):
    """The shipped sets with the vectors of every model."""
    encode_only(Scope(tuple(ENCODERS)), Silent())


@pytest.fixture
def page(encoded, front, tmp_path):
    """The report on the shipped sets."""
    path = tmp_path / "new" / "report.html"
    done = front("report", "--output", str(path))
    assert done == (0, f"{path}\n", "")
    return path.read_text(encoding="utf-8")


def data_of(model_id=SHAPE):
    with connect() as connection:
        return read(connection, model_id)


def figures(page):
    """Give the figures by name, as the page's script reads them."""
    found = re.findall(
        r'data-figure="([^"]+)".*?<script type="application/json">(.*?)</script>',
        page,
        flags=re.DOTALL,
    )
    return {name: json.loads(text) for name, text in found}


def marks(drawn):
    """Give the traces of a map that are scenarios, without the rings around some."""
    return [trace for trace in drawn["data"] if "-ring" not in trace["uid"]]


def words(page):
    """Give the text of a page, without the scripts after it."""
    text = re.sub(r"<script.*?</script>|<[^>]+>", " ", page.split("plotly.js v")[0])
    return re.sub(r"\s+", " ", text)


def scenario(**own):
    texts = ("entity_id", "set_id", "category", "name", "scenario_class")
    fields = dict.fromkeys(texts, "S") | dict.fromkeys(
        ("first_day", "last_day", "market_path")
    )
    return Scenario(**(fields | own))


def test_every_vector_is_a_point_and_every_crisis_a_picture(page):
    pictures = figures(page)

    points = [point for trace in marks(pictures["map"]) for point in trace["x"]]
    assert len(points) == 143
    crises = {name: figure for name, figure in pictures.items() if name != "map"}
    assert len(crises) == 18
    for figure in crises.values():
        # Five neighbours, and on top the crisis, from day 0 to day 20.
        assert [trace["uid"] for trace in figure["data"]] == [
            f"-rank{rank}" for rank in (5, 4, 3, 2, 1, 0)
        ]
        assert figure["data"][-1]["x"] == list(range(21))


@pytest.mark.parametrize(("model_id", "metric"), [(SHAPE, "l2"), (CORE, "cosine")])
def test_the_nearest_are_those_that_similar_finds(encoded, model_id, metric):
    data = data_of(model_id)

    crises = crises_of(data)
    assert len(crises) == 18
    with connect(autocommit=True) as connection:
        for entity_id, row in crises.items():
            found = similar(connection, Question(entity_id, model_id, 5, metric))
            assert [
                (near.scenario.entity_id, near.scenario.name, near.distance)
                for near in neighbours(data, row, metric)
            ] == list(
                zip(
                    *(found[name].to_pylist() for name in ("entity_id", "scenario_name")),
                    found["distance"].to_pylist(),
                    strict=True,
                )
            )


def test_the_market_is_the_mean_over_the_series_compounded(encoded):
    paths = {row.entity_id: row.market_path for row in data_of().scenarios}

    panels = dict(reference_panels())
    assert paths.keys() == panels.keys()
    for entity_id, panel in panels.items():
        value, path = 1.0, [0.0]
        for day in panel.to_numpy().tolist():
            value *= 1 + sum(day) / len(day)
            path.append(value - 1)
        assert paths[entity_id] == pytest.approx(path, abs=1e-12)


def test_the_tables_say_what_the_database_says(page):
    text = words(page)

    assert f"SET_ABC123 {CORE} 120 119 1 0" in text
    assert f"{SHAPE} 24 24 0 0 SET_ABC123" in text
    assert "SET_ABC123 37 Draw 37: 7 of 10 days stressed all MISSING_CELLS" in text
    assert "1 of 200 cells, the first: day 6, series JPM" in text
    mean, largest = execute(
        """
        select avg(dropped), max(dropped)
        from (
            select (window_spec ->> 'squared_return_dropped')::float8 as dropped
            from analytics.numeric_window_embeddings
            where model_id = %s and entity_id like 'HIST%%'
        ) as vectors
        """,
        [CORE],
    )[0]
    assert (
        f"HIST_STRESS_20D 24 400 4.0% {mean:.1%} {largest:.1%} Asian crisis, October 1997"
    ) in text


def test_the_rejections_of_one_model_are_named_with_it(encoded):
    execute(
        """
        update analytics.int_scenario_panels
        set panel[15] = 5, max_abs_return = 5
        where scenario_set_id = 'SET_ABC123' and scenario_id = '7'
        """
    )

    data = data_of()

    assert [
        (row["scenario_id"], row["model_id"], row["reason"])
        for row in data.rejections
        if row["model_id"] in (SHAPE, None)
    ] == [("7", SHAPE, "VALUE_OUT_OF_RANGE"), ("37", None, "MISSING_CELLS")]
    # One for each of the sketches, and one for all encoders.
    assert data.num_rejections == len(ENCODERS)
    page = render(data, "l2")
    for row in data.rejections:
        assert row["detail"] in page


def test_the_same_data_give_the_same_bytes(page, tmp_path):
    again = tmp_path / "again.html"

    done = python("python_encoders", "report", "--output", str(again), PYTHONHASHSEED="7")

    assert done.returncode == 0, done.stderr
    assert again.read_bytes() == page.encode()


def test_whatever_a_scenario_is_called_it_is_text(encoded, front, tmp_path):
    execute(
        """
        update analytics.int_scenario_sets set category = %(name)s, metadata = jsonb_set(
            metadata, '{scenarios}', (
                select jsonb_object_agg(key, value || jsonb_build_object('name', %(name)s))
                from jsonb_each(metadata -> 'scenarios')
            )
        )
        """,
        {"name": HOSTILE},
    )
    path = tmp_path / "report.html"

    assert front("report", "--output", str(path)).returncode == 0
    page = path.read_text(encoding="utf-8")
    assert "<script>pwned" not in page
    assert "<b>c</b>" not in page
    assert page.count("&lt;/script&gt;&lt;script&gt;pwned = 1&lt;/script&gt;") > 100
    # The name beside a point is as it is, the text that plotly marks up is escaped.
    crises = figures(page)["map"]["data"][-1]
    assert set(crises["customdata"]) == {HOSTILE}
    assert "&lt;b&gt;c&lt;/b&gt;" in crises["hovertext"][0]


def test_without_vectors_of_the_model_one_line_says_how_to_make_them(built, front):
    done = front("report")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"Error: no vectors of {SHAPE} to report on (there are some of {CORE}); "
        f"`scenario-embeddings backfill --model-id {SHAPE}` makes them\n"
    )


def test_before_dbt_has_run_one_line_says_so(seeded, front):
    done = front("report")

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "build it with `dbt run` first" in done.stderr


def test_a_file_that_cannot_be_written_is_one_line(encoded, front, tmp_path):
    (tmp_path / "file").touch()

    done = front("report", "--output", str(tmp_path / "file" / "report.html"))

    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: cannot write {tmp_path}")
    assert done.stderr.count("\n") == 1


def test_an_unknown_model_is_wrong_usage(encoded, front):
    done = front("report", "--model-id", "num-scenario-core-v9")

    assert done.returncode == 2
    assert "unknown model 'num-scenario-core-v9'" in done.stderr


def test_a_crisis_without_a_vector_is_named(encoded):
    execute(
        """
        delete from analytics.numeric_window_embeddings
        where entity_id = 'HIST_STRESS_20D:17' and model_id = %s
        """,
        [SHAPE],
    )

    data = data_of()

    assert data.crises_without_vector == ["Covid crash, March 2020"]
    assert "Without a vector, and so not here: Covid crash" in render(data, "l2")


def test_a_vector_without_a_panel_has_no_path_and_breaks_nothing(encoded):
    execute("delete from analytics.int_scenario_panels")

    page = render(data_of(), "l2")

    assert all(not f["data"] for name, f in figures(page).items() if name != "map")
    assert len(figures(page)) == 19
    assert "SET_ABC123 unknown scenario set" in words(page)


def test_vectors_of_zeros_point_nowhere(encoded):
    execute(
        """
        update analytics.numeric_window_embeddings
        set embedding = array_fill(0::real, array[384])
        where model_id = %s
        """,
        [SHAPE],
    )

    page = render(data_of(), "cosine")

    assert page.count("Nothing is near") == 18
    assert {x for trace in figures(page)["map"]["data"] for x in trace["x"]} == {0}


def test_sets_too_many_for_the_colours_are_told_apart_by_category():
    scenarios = [
        scenario(set_id=f"S{i}", category="A" if i % 3 else "B") for i in range(30)
    ]

    drawn = report_figures.scenario_map(scenarios, np.eye(30, 384, dtype=np.float32))

    assert drawn.coloured_by == "category"
    assert [(key.label, key.num_points) for key in drawn.colours] == [("A", 20), ("B", 10)]


def test_classes_too_many_for_the_symbols_share_the_last():
    scenarios = [scenario(scenario_class=f"C{i}") for i in range(9)]

    drawn = report_figures.scenario_map(scenarios, np.eye(9, 384, dtype=np.float32))

    # The diamond is kept for crises.
    assert [key.number for key in drawn.symbols] == [1, 2, 3, 4]
    assert (drawn.symbols[-1].label, drawn.symbols[-1].num_points) == ("6 others", 6)


def test_a_map_of_too_many_points_keeps_what_is_marked_and_evenly_many_others(monkeypatch):
    monkeypatch.setattr(report_figures, "MAX_POINTS", 40)
    scenarios = [
        scenario(
            scenario_class=None if i % 20 else "CRISIS",
            name=str(i),
            weight=0.1 if i in (7, 191) else None,
        )
        for i in range(200)
    ]

    drawn = report_figures.scenario_map(scenarios, np.eye(200, 384, dtype=np.float32))

    assert drawn.num_points == 40
    crises = drawn.figure.data[-1]
    assert list(crises.customdata) == [str(i) for i in range(0, 200, 20)]
    ring, others, _ = drawn.figure.data
    assert len(others.x) == 30
    assert len(ring.x) == 2
    assert {"<b>7</b>", "<b>191</b>"} <= {
        text[: text.index("<br>")] for text in others.hovertext
    }


def test_the_page_says_of_history_what_the_commands_say(page, front):
    text = words(page)

    command = front(
        *("compare", "--scenario-set-id", "SET_ABC123", "--with", "HIST_STRESS_20D")
    )
    summary, _, _, *nearest = command.stdout.splitlines()
    assert f"SET_ABC123 {summary}. 34 of 119 scenarios are beyond" in text
    assert re.match(r"  0\.2038  no .* Covid crash, March 2020 ", nearest[0])
    # By the yardstick of 0.1528.
    assert "Covid crash, March 2020 1.33 no Draw 35: 5 of 10 days stressed" in text
    assert "Bear-market low, March 2009 0.74 yes Draw" in text
    assert "Draw 79: 9 of 10 days stressed 1.59 4.96 Bear-market low, March 2009" in text


def test_a_ring_on_the_map_is_around_each_representative(page):
    drawn = figures(page)["map"]
    with connect(autocommit=True) as connection:
        reduced = reduce(connection, "SET_ABC123", 10, SHAPE).to_pylist()
    weights = {row["representative_id"]: row["representative_weight"] for row in reduced}

    [rings] = [trace for trace in drawn["data"] if "-ring" in trace["uid"]]
    hovers = {
        (x, y): hover
        for trace in marks(drawn)
        for x, y, hover in zip(trace["x"], trace["y"], trace["hovertext"], strict=True)
    }
    sizes = {}
    for x, y, size in zip(rings["x"], rings["y"], rings["marker"]["size"], strict=True):
        [name] = re.findall(r"SET_ABC123:(\d+)", hovers[x, y])
        count = round(weights[name] * 119)
        assert f"<br>stands for {count} of 119 scenarios of SET_ABC123" in hovers[x, y]
        sizes[name] = size
    assert sizes.keys() == weights.keys()
    order = sorted(weights, key=weights.get)
    assert [sizes[name] for name in order] == sorted(sizes.values())
    assert max(sizes.values()) > 1.5 * min(sizes.values())
    hover = " ".join(hovers.values())
    assert hover.count("not covered by SET_ABC123") == 3
    assert hover.count("beyond history: 1.") == 34


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            "delete from analytics.numeric_window_embeddings where entity_id like 'SET%'",
            "There is no set beside HIST_STRESS_20D to compare with it.",
        ),
        (
            "update analytics.int_scenario_sets set category = null",
            "No set with vectors has the category HISTORICAL",
        ),
        (
            "delete from analytics.numeric_window_embeddings where entity_id like 'HIST%'",
            "No set with vectors has the category HISTORICAL",
        ),
        (
            """
            delete from analytics.numeric_window_embeddings
            where entity_id like 'HIST%' and entity_id <> 'HIST_STRESS_20D:17'
            """,
            "SET_ABC123 HIST_STRESS_20D needs two scenarios that share no day",
        ),
    ],
    ids=["no other set", "no category", "no history", "a history of one"],
)
def test_without_a_history_to_compare_with_the_page_says_so(encoded, change, said):
    execute(change)

    data = data_of()
    page = render(data, "l2")

    assert said in re.sub(r"\s+([;.,])", r"\1", words(page))
    others = [row for row in data.scenarios if row.set_id == "SET_ABC123"]
    assert sum(row.weight is not None for row in others) == (10 if others else 0)


def test_a_set_too_large_for_the_page_is_left_to_the_commands(encoded, monkeypatch):
    monkeypatch.setattr(report_history, "MAX_SCENARIOS", 118)

    data = data_of()

    assert "SET_ABC123 has 119 vectors, more than the 118" in words(render(data, "l2"))
    assert not data.history.weights


def test_sets_too_many_for_the_page_are_counted(encoded, monkeypatch):
    execute(
        """
        update analytics.numeric_window_embeddings
        set window_spec = window_spec || '{"scenario_set_id": "TWIN"}'
        where entity_id like 'SET%%' and right(entity_id, 1) in ('1', '2')
        """
    )
    monkeypatch.setattr(report_history, "MAX_SETS", 1)

    assert "Shown are the first 1 of 2 sets." in words(render(data_of(), "l2"))


def test_history_is_the_historical_set_with_most_crises():
    scenarios = [
        scenario(set_id=set_id, category=category, scenario_class=scenario_class)
        for set_id, category, scenario_class, count in (
            ("C", "HISTORICAL", "CALM", 9),
            ("B", "HISTORICAL", "CRISIS", 2),
            ("A", "HISTORICAL", "CRISIS", 1),
            ("D", "BOOTSTRAP", "CRISIS", 5),
        )
        for _ in range(count)
    ]

    assert report_history.choose_history(scenarios) == "B"
    assert report_history.choose_history(scenarios[:9]) == "C"
    assert report_history.choose_history(scenarios[-5:]) is None


def test_the_market_of_divided_returns_is_marked(encoded):
    execute(
        """
        update analytics.int_scenario_panels
        set divisors = array_fill(100::float8, array[num_series])
        where scenario_set_id = 'SET_ABC123'
        """
    )

    page = render(data_of(), "l2")

    assert "Its market on this page is of the divided returns." in page
    assert "*The market of a set with divisors is of its divided returns" in words(page)
    for trace in marks(figures(page)["map"]):
        for hover in trace["hovertext"]:
            assert ("of scaled returns" in hover) == ("SET_ABC123:" in hover), hover
    near = re.findall(
        r'title="(\w+):\d+">[^<]*</td><td class="number">[^<%]*%([^<]*)<', page
    )
    assert set(near) == {("SET_ABC123", "*"), ("HIST_STRESS_20D", "")}


@given(st.integers(2, 60), st.integers(0, 2**32 - 1))
def test_the_plane_is_that_of_the_two_largest_singular_values(num_vectors, seed):
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(num_vectors, 8)).astype(np.float32)

    plane, shares = report_figures.principal_plane(vectors)

    centred = vectors - vectors.mean(axis=0, dtype=np.float64)
    left, values, _ = np.linalg.svd(centred, full_matrices=False)
    expected = left[:, :2] * values[:2]
    # Of either sign, to the four digits that are drawn.
    assert np.abs(plane) == pytest.approx(np.abs(expected), abs=2e-3)
    assert shares == pytest.approx((values[:2] ** 2 / (values**2).sum()).tolist())


@given(st.lists(st.floats(-1, 1), max_size=9), st.floats(0.01, 1))
def test_numerals_are_spread_apart_in_their_order(positions, gap):
    apart = report_figures.spread(positions, gap)

    order = np.argsort(positions, kind="stable")
    assert all(np.diff(np.array(apart)[order]) >= gap - 1e-9)
    assert sum(apart) == pytest.approx(sum(positions), abs=1e-9)


def test_numerals_that_do_not_collide_stay_where_they_are():
    assert report_figures.spread([0.5, -0.5, 0.0], 0.1) == [0.5, -0.5, 0.0]


def test_returns_beyond_all_bounds_are_left_out_of_the_picture():
    wild = scenario(market_path=market_path(np.full((3, 2), 1e300)))
    tame = scenario(market_path=market_path(np.full((2, 2), 0.1)))

    bounds = report_figures.return_range([wild, tame])
    figure = report_figures.market_paths(wild, [tame], bounds)

    assert [list(trace.y) for trace in figure.data] == [[0.0, 0.1, 0.21]]
    assert bounds[1] < 0.3
