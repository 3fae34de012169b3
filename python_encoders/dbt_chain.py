"""The dbt project, run inside this process: parsed once, then built and tested."""

import json
import os
import re
from typing import Any, NamedTuple

from dbt.cli.main import dbtRunner

from python_encoders.connection import PROJECT_DIR
from python_encoders.errors import WorkFailedError


class Tested(NamedTuple):
    """How many tests passed, and what the others warned of, a line each."""

    num_passed: int
    warnings: list[str]


# What changes from run to run, and what no node's configuration or references depend on.
_SCOPE_VARS = ("scenario_set_id", "scenario_limit")


class DbtChain:
    """The project parsed once, which running and testing it share.

    It is parsed without the vars of the scope: dbt parses everything anew when a var has
    changed since the last time, and otherwise takes what it remembers.

    Parameters
    ----------
    variables : dict
        The dbt vars.
    target : str, optional
        Of the profile; without it, the profile's own choice.
    """

    def __init__(self, variables: dict[str, Any], target: str | None = None) -> None:
        self._target = ["--target", target] if target else []
        self._variables = {
            name: value for name, value in variables.items() if name not in _SCOPE_VARS
        }
        self._runner = dbtRunner()
        self._runner.manifest = self._invoke("parse")
        self._variables = variables

    def run(self) -> int:
        """Build every model; count them.

        Raises
        ------
        WorkFailedError
            Names the first model that failed, and why.
        """
        return len(self._invoke("run", "--selector", "panels").results)

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
        warned = [result for result in results if result.status == "warn"]
        return Tested(
            len(results) - len(warned),
            [f"{result.node.name}: {_squeezed(result.message)}" for result in warned],
        )

    def _invoke(self, command: str, *arguments: str) -> Any:
        # What dbt would print is in its log; what went wrong is said in one line here.
        # (Its debug log and its JSON files would take a tenth of a small run's time.)
        outcome = self._runner.invoke(
            [
                *("--log-level", "none", "--log-level-file", "info", "--no-print"),
                "--no-write-json",
                command,
                *arguments,
                *("--vars", json.dumps(self._variables)),
                *self._target,
                *("--project-dir", str(PROJECT_DIR), "--profiles-dir", str(PROJECT_DIR)),
            ]
        )
        if outcome.success:
            return outcome.result
        if outcome.exception:
            causes = (outcome.exception, outcome.exception.__cause__)
            if any(isinstance(cause, KeyboardInterrupt) for cause in causes):
                raise KeyboardInterrupt
            raise WorkFailedError(f"dbt {command} failed: {_squeezed(outcome.exception)}")
        failed = [
            f"in {_name(result)}: {_squeezed(result.message or 'no message')}"
            for result in outcome.result.results
            if result.status in ("error", "fail", "runtime error")
        ]
        others = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        raise WorkFailedError(
            f"dbt {command} failed {failed[0] if failed else 'without a result'}{others}; "
            f"details in {os.environ.get('DBT_LOG_PATH') or 'logs'}/dbt.log"
        )


def _name(result: Any) -> str:
    # An operation's result has no node.
    return str(result.node.name if hasattr(result, "node") else result.unique_id)


def _squeezed(message: object) -> str:
    # Java tells where it was, in some hundred lines.
    trace = re.compile(r"^\s*(?:at \S+\(|\.\.\. \d+ more|Suppressed: ).*$", re.MULTILINE)
    told = trace.sub("", str(message))
    return " ".join(told.split())
