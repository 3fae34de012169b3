"""The report and dbt's lineage, opened in a real browser."""

import base64
import itertools
import runpy

import pytest
from conftest import BUILT, DATABASE, Silent, execute, open_page, recreate
from selenium.webdriver.support.ui import WebDriverWait

from python_encoders.dbt_project import PROJECT_DIR
from python_encoders.encoders import ENCODERS
from python_encoders.pipeline import encode_only
from python_encoders.postgres import connect
from python_encoders.report import write_report
from python_encoders.scope import Scope

SHAPE = "num-scenario-stress-shape-v2"
HOSTILE = """</script><script>pwned = 1</script> "a" 'b' <b>c</b> $x$ &amp; 😱"""

# The contrast of each piece of text, or mark, with what is behind it.
CONTRASTS = """
const luminance = ([r, g, b]) => [r, g, b]
  .map((v) => (v / 255 <= 0.03928 ? v / 3294.6 : ((v / 255 + 0.055) / 1.055) ** 2.4))
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
const background = (element) => {
  for (let e = element; e; e = e.parentElement) {
    const colour = numbers(getComputedStyle(e).backgroundColor);
    if (colour.length < 4 || colour[3] > 0) return colour;
  }
};
return [...document.querySelectorAll(arguments[0])].map((element) => {
  const colour = numbers(getComputedStyle(element)[arguments[1]]);
  const [light, dark] = [luminance(colour), luminance(background(element))]
    .sort((a, b) => b - a);
  return [(light + 0.05) / (dark + 0.05), element.textContent.trim().slice(0, 40)];
});
"""


@pytest.fixture(scope="module")
def page(templates, tmp_path_factory):
    """The report on the shipped sets."""
    recreate(DATABASE, f'"{BUILT}"', templates)
    encode_only(Scope(tuple(ENCODERS)), Silent())
    path = tmp_path_factory.mktemp("report") / "report.html"
    with connect() as connection:
        write_report(connection, path, SHAPE)
    return path


@pytest.mark.parametrize("width", [390, 1280])
def test_every_picture_is_there_whole_on_screens_of_any_width(browser, page, width):
    assert open_page(browser, page, width) == []

    shown = browser.execute_script(
        """
        const all = (selector, within = document) => [...within.querySelectorAll(selector)];
        return {
          points: all("#map .trace:not([class*='-ring']) path.point").length,
          rings: all("#map [class*='-ring'] path.point").length,
          history: all("#history table").map((table) => all("tbody tr", table).length),
          names: all("#map-names text").map((name) => {
            const { left, right, top, bottom } = name.getBoundingClientRect();
            return [name.textContent, left, right, top, bottom];
          }),
          lines: all(".crisis .plot").map((plot) => all("path.js-line", plot).length),
          empty: all(".plot .main-svg").filter((svg) => !svg.clientHeight).length,
          tables: all(".crisis table").map((table) => all("tbody tr", table).length),
          requests: performance.getEntriesByType("resource").length,
        };
        """
    )

    assert shown["points"] == 143
    assert shown["rings"] == 10
    assert shown["history"] == [8, 8]
    assert shown["lines"] == [6] * 18
    assert shown["tables"] == [6] * 18
    assert shown["empty"] == 0
    assert shown["requests"] == 0
    names, *edges = zip(*shown["names"], strict=True)
    assert "Covid crash, March 2020" in names
    assert len(names) >= (4 if width == 390 else 10)
    boxes = list(zip(*edges, strict=True))
    for a, b in itertools.combinations(boxes, 2):
        assert a[1] <= b[0] or b[1] <= a[0] or a[3] <= b[2] or b[3] <= a[2], "overlap"

    wider = browser.execute_script(
        """
        const room = document.documentElement.clientWidth;
        return [document.documentElement.scrollWidth - room,
          ...[...document.querySelectorAll("main *")]
            .filter((e) => !e.closest(".scroll > *"))
            .filter((e) => e.getBoundingClientRect().right > room + 1)
            .map((e) => e.outerHTML.slice(0, 80))];
        """
    )
    assert wider == [0], "beyond the screen's edge"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_and_every_mark_stands_out(browser, page, scheme):
    open_page(browser, page, scheme=scheme)

    dark = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (dark == "rgb(21, 23, 27)") == (scheme == "dark")
    for selector, colour, least in (
        ("h1, h2, h3, p, th, td, dt, dd, li, figcaption, code, nav a", "color", 4.5),
        (".plot text, #map-names text", "fill", 4.5),
        ("#map path.point, .key svg", "fill", 3),
        (".plot path.js-line, #map [class*='-ring'] path.point", "stroke", 3),
    ):
        contrasts = browser.execute_script(CONTRASTS, selector, colour)
        assert len(contrasts) > 5
        assert min(contrasts)[0] >= least, (selector, min(contrasts))


def test_paper_gets_the_pictures_in_its_own_width_and_light(browser, page):
    open_page(browser, page, scheme="dark")
    browser.execute_script(
        """
        addEventListener("beforeprint", () => {
          const svgs = [...document.querySelectorAll(".plot .main-svg")];
          window.widths = svgs.map((svg) => svg.clientWidth);
        });
        """
    )

    printed = browser.execute_cdp_cmd("Page.printToPDF", {})
    paper = browser.execute_script("return [Math.max(...widths), widths.length]")
    screen = browser.execute_script("return document.querySelector('#map svg').clientWidth")

    assert len(base64.b64decode(printed["data"])) > 100_000
    assert paper[0] <= 680
    assert paper[1] >= 19
    # And afterwards the screen has its own again.
    assert screen > 900
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    colour = browser.execute_script("return getComputedStyle(document.body).color")
    assert colour == "rgb(29, 32, 37)"


def test_a_name_is_shown_as_it_is_and_never_run(browser, page, tmp_path):
    execute(
        """
        update analytics.int_scenario_sets set metadata = jsonb_set(
            metadata, '{scenarios}', (
                select jsonb_object_agg(key, value || jsonb_build_object('name', %s::text))
                from jsonb_each(metadata -> 'scenarios')
            )
        )
        """,
        [HOSTILE],
    )
    path = tmp_path / "hostile.html"
    with connect() as connection:
        write_report(connection, path, SHAPE)

    assert open_page(browser, path) == []

    assert browser.execute_script("return typeof pwned") == "undefined"
    shown = browser.execute_script(
        """
        const where = "#crises h3, .crisis td:nth-child(2), #history td:first-child";
        return [...document.querySelectorAll(where)]
          .map((element) => element.textContent).filter((text) => text !== "itself");
        """
    )
    assert set(shown) == {HOSTILE}
    hovered = browser.execute_script(
        """
        Plotly.Fx.hover("crisis-1", [{ curveNumber: 5, pointNumber: 3 }]);
        return document.querySelector("#crisis-1 .hovertext").textContent;
        """
    )
    assert hovered.startswith(HOSTILE)


@pytest.fixture(scope="module")
def lineage(templates, tmp_path_factory):
    """The page that `make docs` writes, with dbt's graph open."""
    from dbt.cli.main import dbtRunner

    recreate(DATABASE, f'"{BUILT}"', templates)
    target = tmp_path_factory.mktemp("docs")
    paths = ("--project-dir", PROJECT_DIR, "--profiles-dir", PROJECT_DIR)
    generated = dbtRunner().invoke(
        [
            *("--quiet", "docs", "generate", "--static", "--target-path", str(target)),
            *map(str, paths),
        ]
    )
    assert generated.success
    page = target / "static_index.html"
    runpy.run_path(str(PROJECT_DIR / "docs" / "mend_static_page.py"))["main"](page)
    return page


@pytest.mark.parametrize("width", [390, 1280])
def test_the_lineage_runs_from_the_source_to_whoever_reads(browser, lineage, width):
    assert open_page(browser, lineage, width) == []
    browser.get("about:blank")
    browser.get(lineage.as_uri() + "#!/overview?g_v=1")

    graph = WebDriverWait(browser, 30).until(
        lambda _: browser.execute_script(
            """
            const holder = [...document.querySelectorAll("*")].find((e) => e._cyreg?.cy);
            if (!holder || !holder._cyreg.cy.edges().length) return null;
            const name = (node) => node.id().split(".").slice(-1)[0];
            const canvas = holder.querySelector("canvas");
            const { width, height } = canvas.getBoundingClientRect();
            if (!width || !height) return null;
            return {
              edges: holder._cyreg.cy.edges(":visible").map((edge) =>
                [name(edge.source()), name(edge.target())]),
              types: holder._cyreg.cy.nodes(":visible").map((n) => n.id().split(".")[0]),
              size: [width, height],
            };
            """
        )
    )
    edges = {tuple(edge) for edge in graph["edges"]}
    for chain in (
        "scenario_paths stg_prometheus__scenario_paths int_scenarios int_scenario_sets "
        "int_scenario_series int_scenario_axes int_scenario_panels scenario_panels "
        "numeric_window_embeddings joint_embeddings joint_stab_fragility_space",
        "scenario_sets stg_prometheus__scenario_sets int_scenario_sets scenario_labels "
        "scenario_report",
        "numeric_window_embeddings prometheus_numeric_window_embeddings "
        "existing_vector_readers",
        "numeric_window_embeddings similar_scenarios_search",
        "scenario_model_rejections scenario_vector_readers",
    ):
        assert set(itertools.pairwise(chain.split())) <= edges
    assert graph["types"].count("source") == 2
    assert graph["types"].count("exposure") == 5
    assert min(graph["size"]) > 100
    assert browser.get_log("browser") == []
