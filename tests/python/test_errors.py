"""Wrong input gets one clear line, the right exit code, and no traceback."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from conftest import MODEL, WORKFLOW_COMMAND, Outcome, add, execute, python, stored_bytes

from python_encoders.dbt_project import PROJECT_DIR
from python_encoders.pipeline.dbt_chain import _interruptible
from python_encoders.postgres import choose_server

COMMANDS = pytest.mark.parametrize(
    "command", [(WORKFLOW_COMMAND,), ("python_encoders", "backfill")], ids=["door", "front"]
)


def refused(code: int, *arguments: str, **environment: str) -> str:
    """Run a command that has to fail. Return the line it says."""
    return the_line(code, python(*arguments, **environment))


@pytest.fixture
def refused_here(front):
    """Run a command that has to fail in this process. Give the line it says."""
    return lambda code, *arguments: the_line(code, front(*arguments))


def the_line(code: int, done: Outcome | subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1, done.stderr
    return lines[0]


@COMMANDS
def test_an_unknown_set_is_told_which_there_are(seeded, command):
    line = refused(2, *command, "--scenario-set-id", "NO'SUCH")

    assert 'unknown scenario set "NO\'SUCH"' in line
    assert "HIST_STRESS_20D, SET_ABC123" in line


def test_an_unknown_model_is_told_which_there_are(seeded):
    line = refused(2, WORKFLOW_COMMAND, "--model-id", "num-scenario-core-v9")

    assert "unknown model 'num-scenario-core-v9'; there are: num-scenario-core-v1" in line


@pytest.mark.parametrize("limit", ["0", "-3", "many", "1.5"])
def test_a_limit_is_a_number_of_at_least_one(limit, refused_here):
    assert "--limit" in refused_here(2, "backfill", "--limit", limit)


def test_an_id_that_is_no_text_is_refused():
    assert "--scenario-set-id" in refused(
        2, WORKFLOW_COMMAND, "--scenario-set-id", "\udcff"
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{series_kinds: FACTOR}", "series_kinds must be a list out of"),
        ("{scenario_model_ids: all}", "scenario_model_ids must be a list of encoders"),
        ("{num_representatives: 0}", "num_representatives is a whole number from 1 to"),
        ("{joint_scenario_model_id: x}", "joint_scenario_model_id must be one of"),
        ("{joint_weights: {stab: true}}", "joint_weights must give stab, scenario and"),
        (
            "{joint_weights: {stab: true, scenario: 1, profile: 1}}",
            "joint_weights.stab must be a number",
        ),
    ],
)
def test_a_var_that_means_nothing_is_refused_before_anything_runs(
    seeded, front, text, says
):
    refusal = front("backfill", "--vars", text)

    assert (refusal.returncode, refusal.stdout) == (2, "")
    assert refusal.stderr.startswith("Error: ")
    assert says in refusal.stderr
    assert refusal.stderr.count("\n") == 1
    assert execute("select to_regnamespace('analytics')") == [(None,)]


@pytest.mark.parametrize(
    "arguments",
    [
        ("backfill", "--scenario-set-id", ""),
        ("backfill", "--model-id", ""),
        ("backfill", "--vars", ""),
        ("encode", "--scenario-set-id", ""),
        ("encode", "--model-id", ""),
        ("similar", "--entity-id", ""),
        ("similar", "--entity-id", "S:1", "--scenario-set-id", ""),
        ("similar", "--entity-id", "S:1", "--model-id", ""),
        ("report", "--model-id", ""),
        ("report", "--output", ""),
    ],
)
def test_an_empty_option_is_refused(front, arguments):
    refusal = front(*arguments)

    assert refusal.returncode == 2
    assert f"Invalid value for '{arguments[-2]}'" in refusal.stderr


@pytest.mark.parametrize(
    "text",
    [
        "source_schema",
        "{",
        "[a]",
        "{x: 2020-01-01}",
        "{scenario_limit: 3}",
        r'{x: "\ud83d"}',
        "{x: 2020-13-45}",
        "&a {b: *a}",
        "[" * 5000,
    ],
)
def test_vars_are_a_mapping(text, refused_here):
    assert "--vars" in refused_here(2, "backfill", "--vars", text)


def test_a_var_that_is_not_there_is_refused(refused_here):
    line = refused_here(2, "backfill", "--vars", "{source_shema: risk}")

    assert "there is no var 'source_shema'; there are: source_schema, " in line


def test_all_models_and_one_that_is_not_there_is_one_too_many(seeded, refused_here):
    line = refused_here(2, "encode", "--model-id", "all", "--model-id", "no-such")

    assert "unknown model 'no-such'" in line


def test_a_terminal_that_lacks_letters_gets_question_marks(built):
    done = python("python_encoders", "encode", PYTHONIOENCODING="ascii")

    assert done.returncode == 0, done.stderr
    assert "return? lost" in done.stdout


def test_a_variable_of_libpqs_that_is_empty_is_not_set(monkeypatch):
    monkeypatch.setenv("PGHOST", "db.example")
    for name in ("PGPORT", "PGUSER", "PGDATABASE", "PGCONNECT_TIMEOUT"):
        monkeypatch.setenv(name, "")

    choose_server()

    assert os.environ["PGPORT"] == "5432"
    assert os.environ["PGCONNECT_TIMEOUT"] == "10"


def test_ctrl_c_is_not_lost_where_something_catches_it():
    def interrupted_and_silent():
        with _interruptible(), contextlib.suppress(BaseException):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(10)

    # (Who starts the tests in the background of a shell has them ignore Ctrl-C.)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            interrupted_and_silent()
    finally:
        signal.signal(signal.SIGINT, before)


def test_ctrl_c_amid_the_imports_is_one_line():
    done = subprocess.run(
        [
            *(sys.executable, "-c"),
            "import os, signal, sys\n"
            "from python_encoders.__main__ import main\n"
            "class Interrupt:\n"
            "    def find_spec(self, name, *_):\n"
            "        if name == 'numpy':\n"
            "            os.kill(os.getpid(), signal.SIGINT)\n"
            "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
            "sys.meta_path.insert(0, Interrupt())\n"
            "main('backfill')",
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (130, "Error: interrupted\n")


@pytest.mark.parametrize("command", ["models", "encode"])
def test_an_output_that_is_full_or_closed_is_one_line(built, command):
    program = [sys.executable, "-m", "python_encoders", command]
    reading, closed = os.pipe()
    os.close(reading)
    try:
        for output, says in (
            (os.open("/dev/full", os.O_WRONLY), "space"),
            (closed, "pipe"),
        ):
            done = subprocess.run(
                program, stdout=output, stderr=subprocess.PIPE, text=True, check=False
            )
            assert done.returncode == 1
            assert done.stderr.startswith("Error: cannot write to the standard output: ")
            assert says in done.stderr
            assert done.stderr.count("\n") == 1
            os.close(output)
    finally:
        with contextlib.suppress(OSError):
            os.close(closed)


def test_who_ignores_ctrl_c_goes_on_ignoring_it():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with _interruptible():
            os.kill(os.getpid(), signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_server_out_of_reach_is_named():
    line = refused(1, WORKFLOW_COMMAND, PGHOST="127.0.0.1", PGPORT="1")

    assert "cannot connect to Postgres at 127.0.0.1, port 1" in line
    assert "Connection refused" in line
    assert "make db" in line


def test_no_server_at_all_says_how_to_start_one(monkeypatch, tmp_path, capsys):
    from python_encoders.cli import cli
    from python_encoders.postgres import connection

    monkeypatch.delenv("PGHOST", raising=False)
    monkeypatch.setattr(connection, "EMBEDDED_HOME", tmp_path)

    with pytest.raises(SystemExit) as stopped:
        cli(["backfill"])

    assert stopped.value.code == 1
    assert "start it with `make db`, or set PGHOST" in capsys.readouterr().err


def test_missing_source_tables_name_schema_and_var(empty, refused_here):
    line = refused_here(1, "backfill")

    assert "no table scenario_sets in schema raw" in line
    assert "source_schema" in line


def test_the_source_schema_can_be_another(seeded, refused_here):
    line = refused_here(1, "backfill", "--vars", "{source_schema: risk}")

    assert "no table scenario_sets in schema risk" in line


def test_a_missing_column_is_named(seeded, refused_here):
    execute("alter table raw.scenario_paths rename return_value to shock")

    line = refused_here(1, "backfill")

    assert "raw.scenario_paths has no column return_value" in line


def test_a_source_that_is_being_reloaded_takes_no_vectors_away(built, refused_here):
    execute("truncate raw.scenario_paths")

    line = refused_here(1, "backfill")

    assert "raw.scenario_paths is empty" in line
    assert len(stored_bytes(MODEL)) == 143


def test_a_set_that_is_there_twice_is_named(source, refused_here):
    add("S", "1", [(1, "A", 0.1), (2, "A", 0.2)])
    execute("insert into raw.scenario_sets select * from raw.scenario_sets")

    line = refused_here(1, "backfill")

    assert "raw.scenario_sets has set 'S' more than once" in line


def test_encode_before_dbt_says_so(seeded, refused_here):
    line = refused_here(1, "encode")

    assert "schema analytics has no scenario_panels; build it with `dbt run` first" in line


def test_encode_names_the_sets_that_are_built(built, refused_here):
    line = refused_here(2, "encode", "--scenario-set-id", "SET_ABC124")

    assert (
        "unknown scenario set 'SET_ABC124'; there are: HIST_STRESS_20D, SET_ABC123" in line
    )


def test_a_failed_dbt_test_fails_the_backfill_in_one_line(built, refused_here):
    execute(
        """
        insert into analytics.numeric_window_embeddings
        select
            'WINDOW', entity_id, window_spec, as_of_date, model_id, embedding,
            panel_fingerprint, created_at
        from analytics.numeric_window_embeddings limit 1
        """
    )

    line = refused_here(1, "backfill", "--scenario-set-id", "HIST_STRESS_20D")

    assert (
        "dbt test failed in accepted_values_numeric_window_embeddings_entity_type" in line
    )
    assert "Got 1 result" in line


@pytest.mark.parametrize(
    ("arguments", "teaches"),
    [
        (("python_encoders", "--help"), ["backfill", "encode", "models", "PGHOST"]),
        ((WORKFLOW_COMMAND, "--help"), ["--limit N", "--model-id MODEL", "SET_ABC123"]),
        (("python_encoders", "models"), [MODEL, "good for", "bad at"]),
    ],
)
def test_help_teaches(arguments, teaches):
    done = python(*arguments, PGHOST="")

    assert done.returncode == 0
    assert all(word in done.stdout for word in teaches)


def test_of_an_error_of_java_is_told_what_happened_and_not_where():
    from python_encoders.pipeline.dbt_chain import _squeezed

    told = _squeezed(
        "An error occurred while calling o1.sql.\n: SparkException: no room at all (1)\n"
        "\tat org.apache.spark.sql.Dataset.collect(Dataset.scala:1)\n"
        "\tat java.base/java.lang.Thread.run(Thread.java:2)\n"
        "\tSuppressed: SparkException: of a caller\n\t\t... 1 more\n"
    )

    assert told == (
        "An error occurred while calling o1.sql. : SparkException: no room at all (1)"
    )


def test_the_driver_is_cut_down_to_what_the_server_said():
    from python_encoders.postgres.connection import first_line

    quoting = "IO: [libpq] Failed to execute query '\n  create x\n': ERROR:  no\nHINT: x"
    assert first_line(ValueError(quoting)) == "no"
    assert first_line(ValueError("IO: [libpq] Failed to connect: gone\n  x")) == "gone"
    assert first_line(ValueError("")) == "ValueError"


@pytest.mark.parametrize("missing", ["pyspark", "dbt.adapters.spark"])
def test_spark_without_its_extra_says_how_to_get_it(monkeypatch, front, missing):
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == missing else name
    )

    refused = front("encode", "--target", "spark")

    assert refused.returncode == 1
    assert refused.stderr.startswith("Error: the target spark needs what the extra brings")
    assert "pip install -c constraints.txt -e '.[spark]'" in refused.stderr


@pytest.mark.parametrize("command", ["encode", "backfill"])
@pytest.mark.parametrize("kind", ["neighbor", "representative"])
def test_spark_refuses_the_marts_that_it_does_not_have(front, command, kind):
    wanted = f"{{{kind}_model_ids: [num-scenario-core-v1]}}"
    refused = front(command, "--target", "spark", "--vars", wanted)
    assert refused.returncode == 2
    assert f"Spark has no scenario_{kind}s" in refused.stderr


def test_spark_without_java_says_so(monkeypatch, front):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr("shutil.which", lambda name: None)

    refused = front("encode", "--target", "spark")

    assert refused.returncode == 1
    assert refused.stderr.startswith("Error: Spark needs Java 17 or later: ")


@pytest.mark.parametrize("command", [(WORKFLOW_COMMAND,), ("python_encoders", "models")])
def test_without_the_dbt_project_beside_it_it_says_where_to_run(tmp_path, command):
    for package in ("python_encoders", "prometheus"):
        shutil.copytree(PROJECT_DIR / package, tmp_path / package)

    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: no dbt_project.yml in {tmp_path}: ")
    assert "runs from its checkout" in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_installed_command_has_its_own_name():
    done = subprocess.run(
        [Path(sys.executable).with_name("scenario-embeddings"), "backfill", "--help"],
        cwd=tempfile.gettempdir(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.startswith("Usage: scenario-embeddings backfill "), done.stderr


def test_postgres_does_without_spark(built):
    done = subprocess.run(
        [
            *(sys.executable, "-c"),
            "import sys\n"
            "from python_encoders.cli import cli\n"
            "cli(['backfill'], standalone_mode=False)\n"
            "print(sorted(name for name in sys.modules if 'spark' in name))",
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.splitlines()[-1] == "[]", done.stderr
