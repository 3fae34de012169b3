"""A real Postgres for the tests: a throwaway embedded one, or the one PGHOST names.

The tests share one database name, made anew for each test out of a template, so that dbt's
parsed project can be used again.
"""

import atexit
import contextlib
import functools
import gc
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import fasteners
import numpy as np
import psutil
import psycopg2
import pytest
from cluster import WANTED, system_binaries, throwaway_server
from hypothesis import HealthCheck, settings

from python_encoders.dbt_project import PROJECT_DIR
from python_encoders.pipeline import DbtChain, encode_only
from python_encoders.pipeline.dbt_chain import parsed_vars
from python_encoders.postgres import choose_server, server
from python_encoders.scope import Scope

MODEL = "num-scenario-core-v1"
DATABASE = f"scenario_tests_{os.getpid()}"
# Parallel workers share a server, and inherit where it is.
if "PYTEST_XDIST_WORKER" not in os.environ:
    # Each test's database is 300 new files. Where there is room, they stay in memory.
    memory = Path("/dev/shm")
    has_room = memory.exists() and all(
        room > 6 * 2**30  # for the large sets of `make test-scale` too
        for room in (shutil.disk_usage(memory).free, psutil.virtual_memory().available)
    )
    os.environ["SCENARIO_TESTS_HOME"] = tempfile.mkdtemp(
        prefix="scenario-tests-", dir=memory if has_room else None
    )
    # The embedded server's library leaves a lock in it on exit, so it goes after that.
    atexit.register(shutil.rmtree, os.environ["SCENARIO_TESTS_HOME"])
HOME = Path(os.environ["SCENARIO_TESTS_HOME"])
SEEDED, BUILT, EMPTY_SET = (f"{HOME.name}_{name}" for name in ("seeded", "built", "empty"))
SOURCE = """
    create schema raw;
    create table raw.scenario_sets (
        scenario_set_id varchar(64), horizon_days int, num_paths int,
        base_date_end date, created_at timestamptz
    );
    create table raw.scenario_paths (
        scenario_set_id varchar(64), scenario_id varchar(64), horizon_index int,
        instrument_id varchar(64), factor_id varchar(64), macro_id varchar(64),
        return_value float8
    );
    insert into raw.scenario_sets values ('S', 2, 1, '2022-12-28', now());
"""
NO_OTHER_ID = ("__INSTRUMENT__", "__NONE__")  # in a row of an instrument
NUM_MODELS = 21
MODELS_WITH_ROWS = (
    *("int_scenarios", "int_scenario_sets", "int_scenario_series", "int_scenario_panels"),
    "scenario_rejections",
)
# Vars whose valid values leave the parsed project as it is.
NOT_PARSED = ("series_kinds", "vector_index_metric")
# Environment variables that change it.
CONNECTION = ("DBT_SCHEMA", "PGHOST", "PGPORT", "PGUSER", "PGDATABASE")
WORKFLOW_COMMAND = "prometheus.scripts.backfill_numeric_scenario_embeddings"

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")
# dbt makes so many objects that Python would search them for garbage all the time.
gc.set_threshold(100_000, 20, 20)


class Silent:
    """A reporter that keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)

    def progress(self, done: int, total: int) -> None:
        self.lines.append(f"{done} of {total}")


@contextlib.contextmanager
def connected(database: str | None = None) -> Iterator[Any]:
    """Connect in autocommit. Give a cursor."""
    connection = psycopg2.connect(f"dbname={database}" if database else "")
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


def execute(query: str, parameters: Any = None, database: str | None = None) -> list[Any]:
    """Run SQL in autocommit. Return the rows, if it has any."""
    with connected(database) as cursor:
        cursor.execute(query, parameters)
        return cursor.fetchall() if cursor.description else []


def recreate(database: str, template: str, maintenance: str) -> None:
    execute(f'drop database if exists "{database}" with (force)', database=maintenance)
    execute(f'create database "{database}" template {template}', database=maintenance)


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a Python module as a user would, from another folder than the project's."""
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        env=os.environ | environment,
        cwd=tempfile.gettempdir(),
        capture_output=True,
        text=True,
        check=False,
    )


def run_dbt(variables: dict[str, Any], work: Callable[..., Any], *arguments: Any) -> Any:
    """Run work that runs dbt, with a target folder for its vars.

    dbt parses everything anew, for two seconds, where its vars or its connection differ
    from the last run's. A target folder for each choice keeps what was parsed.
    """
    usual = os.environ["DBT_TARGET_PATH"]
    choice = [variables, *map(os.environ.get, CONNECTION)]
    key = zlib.crc32(json.dumps(choice, sort_keys=True).encode())
    os.environ["DBT_TARGET_PATH"] = str(Path(usual, f"{key:08x}"))
    try:
        return work(*arguments)
    finally:
        os.environ["DBT_TARGET_PATH"] = usual


class Chain:
    """A ``DbtChain`` whose calls go through ``run_dbt``."""

    def __init__(self, variables: dict[str, Any]) -> None:
        self._parsed_with = {
            name: value
            for name, value in parsed_vars(variables).items()
            if name not in NOT_PARSED
        }
        self._chain = run_dbt(self._parsed_with, DbtChain, self._parsed_with)
        self._chain._variables = variables

    def run(self) -> None:
        """Build every model, or those that hold rows where all the others stand.

        That takes half the time. No test that uses this changes what a view's text depends
        on: a var, or a column of the source. The commands always build everything.
        """
        is_standing = execute(
            """
            select count(*) = %s from pg_class
            where relnamespace = to_regnamespace('analytics') and relkind in ('r', 'v')
            """,
            [NUM_MODELS],
        )
        chosen = MODELS_WITH_ROWS if is_standing == [(True,)] else ("*",)
        self._invoke("run", "--select", *chosen)

    def manifest(self) -> Any:
        """Give what dbt has parsed."""
        return self._chain._runner.manifest

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return functools.partial(run_dbt, self._parsed_with, getattr(self._chain, name))


def pytest_xdist_setupnodes() -> None:
    """Give each worker one thread of NumPy's. More would wait for a free core."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the server, or drop the databases on that of others, after the last worker."""
    if hasattr(config, "workerinput"):
        return
    if (HOME / "data").exists():
        server.stop(HOME)
    elif os.environ.get("PGHOST"):
        for database in (SEEDED, BUILT, EMPTY_SET):
            execute(
                f'drop database if exists "{database}" with (force)',
                database=os.environ.get("PGDATABASE", "postgres"),
            )


@pytest.fixture(scope="session")
def artifacts() -> Iterator[str]:
    """Give dbt a folder for its files."""
    from dbt_common.behavior_flags import BehaviorFlagRendered

    # To name the module that has a flag, dbt searches all modules for each frame on the
    # stack, some ten times a run. Under pytest that takes a quarter of a second.
    BehaviorFlagRendered._default_source = staticmethod(lambda: "dbt")
    # Parallel workers, and the project's own folder, must not share them.
    folder = tempfile.mkdtemp(prefix="dbt-", dir=HOME)
    os.environ |= {"DBT_TARGET_PATH": folder, "DBT_LOG_PATH": folder}
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres(artifacts: str) -> Iterator[str]:
    """Find the server, or start the throwaway one. Name its maintenance database."""
    if not os.environ.get("PGHOST"):
        with _one_worker_at_a_time():
            os.environ.update(server.start(HOME))
        # Nothing here has to survive a crash of the machine.
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            execute(f"alter system set {setting} = off")
        execute("select pg_reload_conf()")
    choose_server()
    maintenance = os.environ["PGDATABASE"]
    os.environ["PGDATABASE"] = DATABASE
    yield maintenance
    os.environ["PGDATABASE"] = maintenance
    execute(f'drop database if exists "{DATABASE}" with (force)')


@pytest.fixture(scope="session")
def chain(postgres: str) -> "Callable[..., Any]":
    """Give dbt chains by their vars, each parsed once."""
    parsed: dict[str, Chain] = {}
    recreate(DATABASE, "template0", postgres)

    def by_vars(**variables: Any) -> Any:
        key = json.dumps(variables, sort_keys=True)
        if key not in parsed:
            parsed[key] = Chain(variables)
            # What dbt has parsed stays, so it is not searched for garbage again.
            gc.freeze()
        return parsed[key]

    return by_vars


@pytest.fixture(scope="session")
def templates(postgres: str, chain: Callable[..., Any]) -> str:
    """Make the database with the seeds, and the one with their panels and vectors."""

    def build() -> None:
        chain().run()
        encode_only(Scope((MODEL,)), Silent())

    make_template(SEEDED, "template0", postgres, lambda: chain()._invoke("seed"))
    make_template(BUILT, SEEDED, postgres, build)
    return postgres


@pytest.fixture(scope="session")
def empty_set(postgres: str, chain: Callable[..., Any]) -> str:
    """Make the database of `source`."""

    def build() -> None:
        execute(SOURCE)
        chain().run()

    make_template(EMPTY_SET, "template0", postgres, build)
    return postgres


def make_template(
    name: str, template: str, maintenance: str, work: Callable[[], object]
) -> None:
    """Make a database out of another. The first worker that needs it makes it for all."""
    with _one_worker_at_a_time():
        exists = "select count(*) from pg_database where datname = %s"
        if execute(exists, [name], database=maintenance) == [(0,)]:
            recreate(DATABASE, f'"{template}"', maintenance)
            work()
            recreate(name, f'"{DATABASE}"', _freed(maintenance))


def _one_worker_at_a_time() -> fasteners.InterProcessLock:
    return fasteners.InterProcessLock(HOME / ".templates")


def _freed(maintenance: str) -> str:
    """Close what dbt left open on the database that is to be copied."""
    execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s",
        [DATABASE],
        database=maintenance,
    )
    return maintenance


@pytest.fixture
def empty(postgres: str) -> None:
    """An empty database."""
    recreate(DATABASE, "template0", postgres)


@pytest.fixture
def seeded(templates: str) -> None:
    """A database with the shipped scenario sets, and nothing built."""
    recreate(DATABASE, f'"{SEEDED}"', templates)


@pytest.fixture
def built(templates: str) -> None:
    """A database with the shipped sets' panels and vectors."""
    recreate(DATABASE, f'"{BUILT}"', templates)


@pytest.fixture
def bare_source(empty: None) -> None:
    """Two source tables with one set, `S`, of two days, and no paths. Nothing is built."""
    execute(SOURCE)


@pytest.fixture
def source(empty_set: str) -> None:
    """The same tables, and every model built on them."""
    recreate(DATABASE, f'"{EMPTY_SET}"', empty_set)


def add(set_id: str, scenario_id: str, rows: Iterable[tuple[Any, ...]]) -> None:
    """Add a scenario's rows: day, series (an instrument, or all three ids), return."""
    insert = "insert into raw.scenario_paths values (%s, %s, %s, %s, %s, %s, %s::float8)"
    with connected() as cursor:
        for day, series, value in rows:
            ids = series if isinstance(series, tuple) else (series, *NO_OTHER_ID)
            cursor.execute(insert, (set_id, scenario_id, day, *ids, as_float8(value)))


def as_float8(value: float | str | None) -> str | None:
    """Write a number as text: as a literal of SQL, −0.0 would be a numeric without sign."""
    return None if value is None else str(value)


class Outcome(NamedTuple):
    """What a command printed and how it ended."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def dbt(artifacts: str, capfd: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run dbt by hand, in this process: its import alone takes seconds."""
    from dbt.cli.main import dbtRunner

    def run(*arguments: str, **variables: Any) -> Outcome:
        capfd.readouterr()
        outcome = run_dbt(
            variables,
            dbtRunner().invoke,
            [
                "--no-use-colors",
                *arguments,
                *("--project-dir", str(PROJECT_DIR), "--profiles-dir", str(PROJECT_DIR)),
                *("--vars", json.dumps(variables, ensure_ascii=False)),
            ],
        )
        printed = capfd.readouterr()
        return Outcome(int(not outcome.success), printed.out, printed.err)

    return run


@pytest.fixture
def build_and_encode(chain: Callable[..., Any]) -> Callable[..., Any]:
    """What the backfill does, without its tests: run dbt, encode what is pending."""

    def work(scenario_set_id: str | None = None, **variables: Any) -> Any:
        if scenario_set_id is not None:
            variables["scenario_set_id"] = scenario_set_id
        chain(**variables).run()
        return encode_only(Scope((MODEL,), scenario_set_id), Silent())

    return work


@pytest.fixture(scope="session")
def system_server() -> Callable[..., Any]:
    """Starts a throwaway server of the system's own PostgreSQL."""
    # pip brings no Postgres that has ICU or TLS. Where the system has none either, all
    # else can still be tested.
    if system_binaries() is None:
        pytest.skip(f"no {WANTED}, which alone has ICU and TLS")
    return throwaway_server


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A headless Chromium, driven by selenium, that reaches nothing but files."""
    from selenium import webdriver

    program, its_driver = shutil.which("chromium"), shutil.which("chromedriver")
    # Only a system's package manager, as root, can install it; `.ci/run` does.
    if program is None or its_driver is None:
        pytest.skip("no chromium: as root, `apt-get install chromium chromium-driver`")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        f"--user-data-dir={tmp_path_factory.mktemp('chromium')}",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(its_driver)
    driver = webdriver.Chrome(options=options, service=service)
    yield driver
    driver.quit()


@pytest.fixture
def browser(chromium: Any) -> Iterator[Any]:
    """The same, with a blank page after each test: dbt's lineage draws all the time."""
    yield chromium
    chromium.get("about:blank")


def open_page(
    browser: Any, page: Path, width: int = 1280, scheme: str = "light"
) -> list[Any]:
    """Open a file as a screen of this width and colour scheme. Give what the console got.

    Waits until the page has loaded, scripts and all.
    """
    browser.get_log("browser")
    for command, parameters in (
        (
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600},
        ),
        (
            "Emulation.setEmulatedMedia",
            {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
        ),
    ):
        browser.execute_cdp_cmd(command, parameters)
    browser.get(page.as_uri())
    console: list[Any] = browser.get_log("browser")
    return console


def stored_bytes(model_id: str = MODEL) -> dict[str, bytes]:
    """Give a model's scenario vectors as little-endian float32 bytes, by entity_id."""
    rows = execute(
        """
        select entity_id, embedding from analytics.numeric_window_embeddings
        where entity_type = 'SCENARIO' and model_id = %s
        """,
        [model_id],
    )
    return {entity_id: vector_bytes(vector) for entity_id, vector in rows}


def vector_bytes(vector: Sequence[float]) -> bytes:
    """Give a vector as read from a table as its little-endian float32 bytes.

    (Postgres tells a float4 as the shortest decimal that gives the same float4 back.)
    """
    return np.array(vector, dtype="<f4").tobytes()


def stored_vectors() -> dict[str, tuple[Any, ...]]:
    """Give all of the scenario rows but the time they were written at, by entity_id."""
    rows = execute(
        """
        select entity_id, window_spec, as_of_date, model_id, panel_fingerprint,
               encode(array_send(embedding), 'hex')
        from analytics.numeric_window_embeddings
        where entity_type = 'SCENARIO'
        """
    )
    return {row[0]: row[1:] for row in rows}


def parsed_with(arguments: Sequence[str]) -> dict[str, Any]:
    """Give the vars that a command has dbt parse with. The text of --vars as it is."""
    given = [text for name, text in itertools.pairwise(arguments) if name == "--vars"]
    return parsed_vars({"--vars": given} if given else {})


@pytest.fixture
def front(artifacts: str, capfd: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run `python -m python_encoders …` in this process, where dbt is imported already."""
    from python_encoders.cli import cli

    def run(*arguments: str) -> Outcome:
        capfd.readouterr()
        with pytest.raises(SystemExit) as stopped:
            run_dbt(parsed_with(arguments), cli, arguments)
        printed = capfd.readouterr()
        return Outcome(int(stopped.value.code or 0), printed.out, printed.err)

    return run
