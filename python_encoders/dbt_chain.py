"""The dbt project, run inside this process: parsed once, then built and tested."""

import json
from typing import Any

from dbt.cli.main import dbtRunner

from python_encoders.connection import PROJECT_DIR
from python_encoders.errors import WorkFailedError


class DbtChain:
    """The project parsed with one set of vars, which running and testing it share."""

    def __init__(self, variables: dict[str, Any]) -> None:
        self._arguments = [
            "--vars",
            json.dumps(variables),
            "--project-dir",
            str(PROJECT_DIR),
            "--profiles-dir",
            str(PROJECT_DIR),
        ]
        self._runner = dbtRunner()
        self._runner.manifest = self._invoke("parse")

    def run(self) -> int:
        """Build every model; count them.

        Raises
        ------
        WorkFailedError
            Names the first model that failed, and why.
        """
        return len(self._invoke("run", "--selector", "panels").results)

    def test(self) -> int:
        """Run the tests of what is built; count them.

        Raises
        ------
        WorkFailedError
            Names the first test that failed, and why.
        """
        return len(self._invoke("test", "--selector", "results").results)

    def _invoke(self, command: str, *arguments: str) -> Any:
        outcome = self._runner.invoke(
            ["--quiet", "--no-print", command, *arguments, *self._arguments]
        )
        if outcome.success:
            return outcome.result
        if outcome.exception:
            raise WorkFailedError(f"dbt {command} failed: {_squeezed(outcome.exception)}")
        failed = [
            result
            for result in outcome.result.results
            if result.status in ("error", "fail", "runtime error")
        ]
        others = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        raise WorkFailedError(
            f"dbt {command} failed in {failed[0].node.name}: "
            f"{_squeezed(failed[0].message)}{others}; details in logs/dbt.log"
        )


def _squeezed(message: object) -> str:
    return " ".join(str(message).split())
