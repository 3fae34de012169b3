"""A driver in a process of its own, with its JVM, which a test can have killed.

As a program, it is that process: it takes what to do from its input, pickled, and answers
with what came of it.
"""

import contextlib
import io
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

import pyarrow as pa


class Outcome(NamedTuple):
    """What a command printed and how it ended."""

    returncode: int
    stdout: str
    stderr: str


class KilledError(Exception):
    """The driver is no more."""


class Driver:
    """Runs commands and SQL. Starts when first needed, and again after it was killed.

    Parameters
    ----------
    environment : dict
        The variables it gets beside those of this process.
    """

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "subprocess.Popen[bytes]":
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            env=os.environ | self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        return self._process

    def ask(self, name: str, *arguments: Any) -> Any:
        """Have the driver do something. Raises the driver's error."""
        self.tell(name, *arguments)
        return self.answer()

    def tell(self, name: str, *arguments: Any) -> None:
        process = self._process or self.start()
        assert process.stdin
        pickle.dump((name, arguments), process.stdin)
        process.stdin.flush()

    def answer(self) -> Any:
        assert self._process
        assert self._process.stdout
        try:
            answer = pickle.load(self._process.stdout)
        except EOFError as error:
            self._process.wait()
            self._process = None
            raise KilledError from error
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def run(self, *arguments: str) -> Outcome:
        """Run `python -m python_encoders … --target spark`."""
        return Outcome(*self.ask("run", *arguments))

    def sql(self, query: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.ask("sql", query).to_pylist()
        return rows

    def stop(self) -> None:
        if self._process is not None:
            assert self._process.stdin
            self._process.stdin.close()
            self._process.wait()
            self._process = None

    def kill(self, jvm: int) -> None:
        """End both processes with SIGKILL, from outside."""
        os.kill(jvm, signal.SIGKILL)
        assert self._process
        self._process.kill()
        with contextlib.suppress(KilledError):
            self.answer()


def _session() -> Any:
    from pyspark.sql import SparkSession

    found = SparkSession.getActiveSession()
    if found is None:
        from python_encoders.spark.session import open_session

        with open_session() as found:
            pass
    return found


def jvm() -> int:
    """Number the process that the session runs in."""
    return int(_session().sparkContext._gateway.proc.pid)


def imported(*packages: str) -> list[str]:
    """Find out which of these packages the process has imported."""
    return [name for name in packages if name in sys.modules]


def run(*arguments: str) -> tuple[int, str, str]:
    from python_encoders.cli import cli

    code = 0
    with (
        contextlib.redirect_stdout(io.StringIO()) as out,
        contextlib.redirect_stderr(io.StringIO()) as err,
    ):
        try:
            cli([*arguments, "--target", "spark"])
        except SystemExit as stopped:
            code = int(stopped.code or 0)
    return code, out.getvalue(), err.getvalue()


def dbt(*arguments: str) -> bool:
    from dbt.cli.main import dbtRunner

    from python_encoders.dbt_project import PROJECT_DIR

    _session()
    with contextlib.redirect_stdout(sys.stderr):
        outcome = dbtRunner().invoke(
            [
                *arguments,
                *("--target", "spark", "--project-dir", str(PROJECT_DIR)),
                *("--profiles-dir", str(PROJECT_DIR)),
            ]
        )
    return bool(outcome.success)


def sql(query: str) -> pa.Table:
    return _session().sql(query).toArrow()


def watch(query: str, *arguments: str) -> tuple[Any, list[pa.Table]]:
    """Run a command, and a query over and over until it is done."""
    seen, outcomes = [], []
    _session()
    working = threading.Thread(target=lambda: outcomes.append(run(*arguments)))
    working.start()
    while working.is_alive():
        seen.append(sql(query))
    seen.append(sql(query))
    return outcomes[0], seen


def die_after(num_switches: int) -> None:
    """End all at once after so many switched partitions. 0: before the first."""
    from python_encoders.spark.store import VectorsTable

    jvm_pid, alter, done = jvm(), VectorsTable._alter, [0]

    def die() -> None:
        os.kill(jvm_pid, signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)

    def altered(self: Any, what: str) -> None:
        if num_switches == 0:
            die()
        alter(self, what)
        done[0] += 1
        if done[0] == num_switches:
            die()

    VectorsTable._alter = altered  # type: ignore[method-assign]


def look_on(folder: str | None, seconds: float = 0) -> None:
    """Have the workers write down each batch they get, and take their time over it.

    Without a folder, no more.
    """

    from python_encoders.arrow_encoding import stream_vectors
    from python_encoders.spark import encoding

    # Within a function, so that Spark sends its code: workers cannot import this module.
    def looked_on(
        model_ids: tuple[str, ...], batches: Iterator[pa.RecordBatch]
    ) -> Iterator[pa.RecordBatch]:
        import os
        import resource
        import time

        from pyspark import TaskContext

        from python_encoders import arrow_encoding

        def noted() -> Iterator[pa.RecordBatch]:
            for batch in batches:
                time.sleep(seconds)
                context = TaskContext.get()
                with open(f"{folder}/{context.partitionId()}", "a") as file:
                    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
                    threads = os.environ.get("OPENBLAS_NUM_THREADS")
                    module = arrow_encoding.__file__
                    facts = batch.num_rows, batch.nbytes, peak, threads, module
                    print(*facts, sep="\t", file=file)
                yield batch

        return arrow_encoding.stream_vectors(model_ids, noted())

    watched: Any = looked_on if folder else stream_vectors
    encoding.stream_vectors = watched  # type: ignore[attr-defined]


def main() -> None:
    # What else is printed must not come between the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    questions = sys.stdin.buffer
    while True:
        try:
            name, arguments = pickle.load(questions)
        except EOFError:
            return
        try:
            answer = globals()[name](*arguments)
        except Exception as error:
            answer = RuntimeError(f"{type(error).__name__}: {error}")
        pickle.dump(answer, answers)
        answers.flush()


if __name__ == "__main__":
    main()
