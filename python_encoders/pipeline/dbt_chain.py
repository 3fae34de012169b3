"""The dbt project, run inside this process: parsed once, then built and tested.

All changes to the interpreter during a run of dbt are made here: the garbage collector
rests while dbt is imported, and Ctrl-C is not lost in dbt's libraries.
"""

import contextlib
import gc
import json
import os
import re
import signal
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

from python_encoders.dbt_project import PROJECT_DIR
from python_encoders.errors import WorkFailedError, WrongUsageError


class Tested(NamedTuple):
    """What dbt's tests have found.

    Attributes
    ----------
    num_passed : int
    warnings : dict of str to list of str
        A line for each test that warned, with the first rows that it found.
    """

    num_passed: int
    warnings: dict[str, list[str]]


# What a macro raises. The project itself compiles, so a macro that refuses to while dbt
# parses has met a var or a schema's name that means nothing.
_REFUSAL = "CompilationError"
# They change from run to run. No reference depends on them, and of the configuration only
# full_refresh, which a run of ours never asks for.
_VARS_OF_ONE_RUN = ("scenario_set_id", "scenario_limit", "encoded_model_ids")


def parsed_vars(variables: dict[str, Any]) -> dict[str, Any]:
    """Give the vars that the project is parsed with.

    dbt parses everything anew when a var has changed since the last run, and otherwise uses
    its partial parse. So those that change from run to run are left out.

    Parameters
    ----------
    variables : dict
        The dbt vars of a run.

    Returns
    -------
    dict
        The vars to parse with. That some encoder has run makes an error of what is pending,
        where dbt by hand warns of it.
    """
    parsed = {
        name: value for name, value in variables.items() if name not in _VARS_OF_ONE_RUN
    }
    return parsed | {"encoded_model_ids": ["any"]}


class DbtChain:
    """The project parsed once, which running and testing it share.

    Parameters
    ----------
    variables : dict
        The dbt vars.
    target : str, optional
        Of the profile. Without it, the profile's own choice.

    Raises
    ------
    WrongUsageError
        A var or a schema's name means nothing.
    """

    def __init__(self, variables: dict[str, Any], target: str | None = None) -> None:
        # It takes a second to import. What needs no dbt does not wait for it.
        from dbt.cli.main import dbtRunner

        self._target = ["--target", target] if target else []
        self._variables = parsed_vars(variables)
        self._runner = dbtRunner()
        self._runner.manifest = self._invoke("parse")
        self._variables = variables

    def run(self) -> int:
        """Build every model. Count them.

        Raises
        ------
        WorkFailedError
            Names the first model that failed, and why.
        """
        return len(self._invoke("run", "--selector", "panels", full_refresh=False).results)

    def build_scales(self) -> None:
        """Create the table of divisors where it is missing.

        Raises
        ------
        WorkFailedError
            It cannot be created.
        """
        self._invoke("run", "--select", "series_scales", full_refresh=False)

    def build_vector_index(self) -> None:
        """Build the index that the var vector_index_metric asks for.

        Raises
        ------
        WorkFailedError
            There is no pgvector, or no such metric.
        """
        self._invoke("run-operation", "build_vector_index")

    def test(self) -> Tested:
        """Run the tests of what is built.

        Raises
        ------
        WorkFailedError
            Names the first test that failed, and why.
        """
        results = self._invoke("test", "--selector", "results").results
        warned = {
            result.node.name: f"{result.node.name}: {_squeezed(result.message)}"
            for result in results
            if result.status == "warn"
        }
        rows = self.rows_found(*warned) if warned else {}
        return Tested(
            len(results) - len(warned), {line: rows[name] for name, line in warned.items()}
        )

    def rows_found(self, *tests: str) -> dict[str, list[str]]:
        """Give the first ten rows that each of these tests finds, a line for each.

        Raises
        ------
        WorkFailedError
            Names the first test that failed, and why.
        """
        shown = self._invoke("show", "--select", *tests, "--limit", "10").results
        return {
            result.node.name: [
                ", ".join(f"{name} {value}" for name, value in row.dict().items())
                for row in result.agate_table.rows
            ]
            for result in shown
        }

    def _invoke(self, command: str, *arguments: str, **flags: bool) -> Any:
        # dbt prints nothing: its log has the details, and an error is one line here. The
        # debug log and the JSON files would take a tenth of a small run's time.
        outcome = self._runner.invoke(
            [
                *("--log-level", "none", "--log-level-file", "info", "--no-print"),
                "--no-write-json",
                command,
                *arguments,
                *("--vars", json.dumps(self._variables, ensure_ascii=False)),
                *self._target,
                *("--project-dir", str(PROJECT_DIR), "--profiles-dir", str(PROJECT_DIR)),
            ],
            **flags,
        )
        if outcome.success:
            return outcome.result
        if outcome.exception:
            causes = (outcome.exception, outcome.exception.__cause__)
            if any(isinstance(cause, KeyboardInterrupt) for cause in causes):
                raise KeyboardInterrupt
            if command == "parse" and type(outcome.exception).__name__ == _REFUSAL:
                raise WrongUsageError(_squeezed(outcome.exception.msg))
            raise WorkFailedError(f"dbt {command} failed: {_squeezed(outcome.exception)}")
        failed = [
            f"in {_name(result)}: {_told(result.message or 'no message')}"
            for result in outcome.result.results
            if result.status in ("error", "fail", "runtime error")
        ]
        others = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        raise WorkFailedError(
            f"dbt {command} failed {failed[0] if failed else 'without a result'}{others}; "
            f"details in {os.environ.get('DBT_LOG_PATH') or 'logs'}/dbt.log"
        )


def _told(message: str) -> str:
    # dbt's own words advise to change the project.
    if "schemas on this incremental model are out of sync" in message:
        return (
            "its table has other columns: another version of this project built it, or the "
            "type of the source's ids has changed. `dbt run --full-refresh --selector "
            "panels` builds all panels anew; vectors stay"
        )
    return _squeezed(message)


def verbatim(value: Any) -> Any:
    """Write a dbt var so that dbt does not render it.

    dbt renders the text of a var as Jinja. For a set whose id is ``{{ run_query(…) }}``, it
    would run the query. dbt also reads vars as YAML, where the JSON of a letter beyond the
    BMP is two halves of a letter.

    Parameters
    ----------
    value : str or another type
        dbt renders text alone.

    Returns
    -------
    The value. Text that Jinja could render is written as a literal of Jinja.
    """
    if not isinstance(value, str) or re.fullmatch(r"[\w .:-]*", value, re.ASCII):
        return value
    characters = "".join(f"\\U{ord(character):08x}" for character in value)
    return f'{{{{ "{characters}" }}}}'


def verbatim_vars(variables: dict[str, Any]) -> dict[str, Any]:
    """Write dbt vars so that dbt does not render them.

    The schema of a source is the exception: dbt leaves a literal of Jinja there as it is. A
    schema's name with a brace is refused by ``generate_schema_name``.
    """
    return {
        name: value
        if name == "source_schema" and "{" not in str(value)
        else verbatim(value)
        for name, value in variables.items()
    }


def start_dbt(variables: dict[str, Any], target: str | None = None) -> DbtChain:
    """Import dbt and parse the project, with the arguments of ``DbtChain``.

    dbt makes half a million objects, which stay until the process ends. Python would search
    them for garbage time and again, for a sixth of a small run's time.
    """
    gc.disable()
    try:
        with _interruptible():
            return DbtChain(variables, target)
    finally:
        gc.freeze()
        gc.enable()


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """End in KeyboardInterrupt after Ctrl-C, even where other code has caught it.

    dbt's libraries generate code that catches every exception while dbt reads its partial
    parse. dbt then parses the project anew, and Ctrl-C would be lost.
    """
    # Threads get no signals, and a handler that the caller has chosen stays.
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    ):
        yield
        return
    interrupts = []

    def interrupt(*_: object) -> None:
        interrupts.append(True)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if interrupts:
            raise KeyboardInterrupt


def _name(result: Any) -> str:
    # An operation's result has no node.
    return str(result.node.name if hasattr(result, "node") else result.unique_id)


def _squeezed(message: object) -> str:
    # A Java stack trace has a hundred lines.
    trace = re.compile(r"^\s*(?:at \S+\(|\.\.\. \d+ more|Suppressed: ).*$", re.MULTILINE)
    told = trace.sub("", str(message))
    return " ".join(told.split())
