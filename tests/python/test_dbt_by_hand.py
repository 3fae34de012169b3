"""dbt on its own: what an analytics engineer types, and what dbt docs shows."""

import itertools
import re

import pytest
from conftest import MODEL, MODELS_WITH_ROWS, NUM_MODELS, execute, stored_vectors

from python_encoders.dbt_project import PROJECT_DIR
from python_encoders.errors import WorkFailedError


def test_a_build_on_a_fresh_database_passes_with_one_warning(empty, dbt):
    built = dbt("build")

    assert built.returncode == 0, built.stdout
    assert re.search(r"PASS=\d+ WARN=1 ERROR=0 SKIP=0", built.stdout), built.stdout
    assert "WARN 572 assert_no_pending_embeddings" in built.stdout
    assert (
        "vectors that wait for the encoder: 572; to write them: "
        "scenario-embeddings encode --model-id all" in built.stdout
    )

    # The same test is an error once the encoder is said to have run.
    unencoded = dbt(
        *("test", "--select", "assert_no_pending_embeddings"),
        encoded_model_ids=[MODEL],
    )
    assert unencoded.returncode == 1
    assert "FAIL 143" in unencoded.stdout


def test_run_a_set_then_encode_then_test(seeded, dbt, front):
    of_set = {"scenario_set_id": "HIST_STRESS_20D", "encoded_model_ids": [MODEL]}
    ran = dbt("run", **of_set)
    assert ran.returncode == 0, ran.stdout
    assert front("encode").returncode == 0
    tested = dbt("test", **of_set)
    assert tested.returncode == 0, tested.stdout
    assert "WARN=0 ERROR=0" in tested.stdout

    # Without the var, too. The set that is not built is a warning.
    tested = dbt("test", "--selector", "results")
    assert tested.returncode == 0, tested.stdout
    assert "WARN 1 assert_every_set_of_the_source_is_built" in tested.stdout
    assert "WARN=1 ERROR=0" in tested.stdout
    assert len(stored_vectors()) == 24
    assert execute("select distinct scenario_set_id from analytics.scenario_panels") == [
        ("HIST_STRESS_20D",)
    ]


def test_vectors_that_break_the_rules_are_found(built, dbt):
    """Break each rule that dbt tests. The table's own constraints stop the rest."""
    execute(
        """
        update analytics.numeric_window_embeddings
        set embedding[384] = 'NaN' where entity_id = 'SET_ABC123:1';
        update analytics.numeric_window_embeddings
        set panel_fingerprint = 'stale' where entity_id = 'SET_ABC123:2';
        delete from analytics.numeric_window_embeddings where entity_id = 'SET_ABC123:3';
        insert into analytics.scenario_rejections values ('SET_ABC123', '0', 'BORED', '');
        insert into analytics.int_scenarios (scenario_set_id, scenario_id, scenario_rank)
        values ('SET_ABC123', null, 999), ('SET_ABC123', '998', 1);
        """
    )

    tested = dbt("test", "--selector", "results", encoded_model_ids=[MODEL])

    failed = set(re.findall(r"FAIL \d+ (\w{3,})", tested.stdout))
    assert failed == {
        "elements_are_finite_numeric_window_embeddings_embedding",
        "is_key_int_scenarios_scenario_set_id__scenario_id",
        "is_key_int_scenarios_scenario_set_id__scenario_rank",
        "elements_are_finite_joint_embeddings_embedding",
        "assert_no_pending_embeddings",
        "assert_no_orphaned_embeddings",
        "assert_every_source_scenario_is_a_panel_or_a_rejection",
        *(
            name
            for name in failed
            if name.startswith("accepted_values_scenario_rejections")
        ),
    }
    assert len(failed) == 8


def test_a_column_of_another_type_is_found(built, dbt):
    # What a contract lets pass: the type is an array, but of another number.
    execute(
        """
        drop view
            analytics.scenario_set_coverage, analytics.joint_embeddings,
            analytics.prometheus_numeric_window_embeddings;
        alter table analytics.numeric_window_embeddings
        alter column embedding type float8[] using embedding::float8[]
        """
    )

    tested = dbt(
        "test", "--select", "element_type_is_numeric_window_embeddings_embedding__float4"
    )

    assert "FAIL 1 element_type_is_numeric_window_embeddings" in tested.stdout


def test_the_table_itself_refuses_what_is_no_vector(built):
    constraints = execute(
        """
        select contype, pg_get_constraintdef(oid) from pg_constraint
        where conrelid = 'analytics.numeric_window_embeddings'::regclass and contype <> 'n'
        order by contype
        """
    )

    assert constraints == [
        ("c", "CHECK ((cardinality(embedding) = 384))"),
        ("p", "PRIMARY KEY (entity_type, entity_id, as_of_date, model_id)"),
    ]
    assert execute(
        """
        select count(*) from pg_attribute
        where
            attrelid = 'analytics.numeric_window_embeddings'::regclass
            and attnum > 0 and attnotnull
        """
    ) == [(7,)]


def test_seeds_never_overwrite_a_desks_own_table(empty, dbt):
    execute("create schema raw; create table raw.scenario_paths (theirs int)")
    execute("insert into raw.scenario_paths values (42)")

    seeded = dbt("seed")

    assert seeded.returncode == 1
    assert "raw.scenario_paths exists and was not loaded by dbt seed" in seeded.stdout
    assert execute("select * from raw.scenario_paths") == [(42,)]


def test_a_wrong_var_is_refused(empty, chain, dbt):
    compiling = ("compile", "--select", "int_scenario_series", "int_scenario_panels")
    for variables, message in (
        ({"scenario_limit": 0}, "scenario_limit must be a whole number of at least 1"),
        ({"scenario_limit": "1; drop table x"}, "scenario_limit must be a whole number"),
        ({"series_kinds": ["INSTRUMENT') or true"]}, "series_kinds must be a list out of"),
    ):
        with pytest.raises(WorkFailedError, match=message):
            chain(**variables)._invoke(*compiling)
    refused = dbt("parse", scenario_limit="1; drop table x")
    assert refused.returncode == 1
    assert "scenario_limit must be a whole number" in refused.stdout


def test_every_node_is_described_and_the_line_is_unbroken(built, chain):
    manifest = chain().manifest().writable_manifest().to_dict()
    ours = "scenario_embeddings"
    nodes = {
        key: node
        for kind in ("nodes", "sources", "exposures", "macros", "unit_tests", "groups")
        for key, node in manifest[kind].items()
        if node["package_name"] == ours
        # dbt names and describes a generic test by its macro.
        and not node.get("test_metadata")
        # What a macro says on one engine is described with the macro.
        and not node["name"].startswith(("postgres__", "spark__"))
    }
    undescribed = [
        f"{key}.{column}"
        for key, node in nodes.items()
        for column, text in [
            ("", node["description"]),
            *(
                (name, spec["description"])
                for name, spec in node.get("columns", {}).items()
            ),
        ]
        if not text and node["resource_type"] != "unit_test"
    ]
    assert undescribed == []

    models = [node for node in nodes.values() if node["resource_type"] == "model"]
    commented = execute(
        """
        select relname, coalesce(attname, ''), description from pg_description
        inner join pg_class on objoid = pg_class.oid and classoid = 'pg_class'::regclass
        left join pg_attribute
            on attrelid = objoid and attnum = objsubid and objsubid > 0
        where relnamespace = 'analytics'::regnamespace and relkind in ('r', 'v')
        """
    )
    assert {tuple(row) for row in commented} == {
        (model["name"], name, described["description"])
        for model in models
        for name, described in [("", model), *model["columns"].items()]
    }
    assert len(models) == NUM_MODELS
    assert set(MODELS_WITH_ROWS) == {
        model["name"]
        for model in models
        if model["config"]["materialized"] == "incremental"
        and model["config"]["full_refresh"] is not False
    }

    columns = {
        (node["name"], name)
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model"
        for name in node["columns"]
    }
    in_database = execute(
        """
        select relname, attname from pg_attribute
        inner join pg_class on attrelid = pg_class.oid
        where relnamespace = 'analytics'::regnamespace and attnum > 0
            and relkind in ('r', 'v') and not attisdropped
        """
    )
    assert {tuple(row) for row in in_database} - columns == set()

    reached, parents = set(), [f"exposure.{ours}.scenario_vector_readers"]
    while parents:
        reached.add(node := parents.pop())
        parents += manifest["parent_map"].get(node, [])
    assert {
        f"source.{ours}.prometheus.scenario_paths",
        f"source.{ours}.prometheus.scenario_sets",
        f"model.{ours}.stg_prometheus__scenario_paths",
        f"model.{ours}.int_scenario_series",
        f"model.{ours}.int_scenario_panels",
        f"model.{ours}.scenario_panels",
        f"model.{ours}.numeric_window_embeddings",
    } <= reached


def flow_chart_edges() -> set[tuple[str, str]]:
    """Read the solid arrows of README's flow chart, by the nodes' labels."""
    chart = (PROJECT_DIR / "README.md").read_text().split("```mermaid")[1].split("```")[0]
    labels = dict(re.findall(r"(\w+)\[\(?(\w+)\)?\]", chart))
    edges = set()
    for line in re.sub(r"\[[^]]*\]", "", chart).splitlines():
        steps = [
            [labels.get(node.strip(), node.strip()) for node in step.split("&")]
            for step in line.split(" --> ")
        ]
        for parents, children in itertools.pairwise(steps):
            edges |= set(itertools.product(parents, children))
    return edges


def test_the_flow_chart_in_readme_is_the_lineage(chain):
    manifest = chain().manifest().writable_manifest().to_dict()
    models = {
        key: node["name"]
        for kind in ("nodes", "sources")
        for key, node in manifest[kind].items()
        if node["resource_type"] in ("model", "source")
    }
    lineage = {
        (models[parent], models[child])
        for child, parents in manifest["parent_map"].items()
        for parent in parents
        if parent in models and child in models
    }

    assert flow_chart_edges() == lineage
