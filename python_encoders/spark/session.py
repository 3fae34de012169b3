"""The Spark session: the one that dbt's profile describes, in this process."""

import atexit
import contextlib
import functools
import importlib.util
import os
import re
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from python_encoders.dbt_project import PROJECT_DIR
from python_encoders.errors import WorkFailedError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PACKAGE = Path(__file__).resolve().parents[1]


def check_installed() -> None:
    """Check that the target ``spark`` has its packages and Java.

    Raises
    ------
    WorkFailedError
        Says how to install it.
    """
    for module in ("pyspark", "dbt.adapters.spark"):
        if importlib.util.find_spec(module) is None:
            raise WorkFailedError(
                "the target spark needs what the extra brings along: "
                "pip install -c constraints.txt -e '.[spark]'"
            )
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        raise WorkFailedError("Spark needs Java 17 or later: no java in PATH, no JAVA_HOME")


def settings() -> dict[str, str]:
    """Read Spark's settings from dbt's profile, where dbt finds them too."""
    from dbt.config.renderer import ProfileRenderer
    from dbt_common.context import set_invocation_context

    set_invocation_context(os.environ)
    profiles = yaml.safe_load((PROJECT_DIR / "profiles.yml").read_text())
    profile = ProfileRenderer({}).render_data(
        profiles["scenario_embeddings"]["outputs"]["spark"]
    )
    return {name: str(value) for name, value in profile["server_side_parameters"].items()}


def log_file() -> Path:
    """Name the file that Spark's own log goes to, beside dbt's."""
    return Path(os.environ.get("DBT_LOG_PATH") or PROJECT_DIR / "logs") / "spark.log"


@contextlib.contextmanager
def _stderr_into(path: Path) -> Iterator[None]:
    """Send the errors of a process that is started inside to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with path.open("ab") as file:
            os.dup2(file.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


@contextlib.contextmanager
def plain_errors() -> Iterator[None]:
    """Turn what Spark raises into one line.

    Raises
    ------
    WorkFailedError
    """
    from py4j.protocol import Py4JError, Py4JJavaError
    from pyspark.errors import PySparkException

    try:
        yield
    except (Py4JError, PySparkException, ConnectionError) as error:
        text, causes = str(error), _causes(error)
        if "Another instance of Derby" in text + causes:
            raise WorkFailedError(
                "another process has the metastore open: embedded Derby allows one at a "
                "time; wait for it to end, or give Spark a metastore server"
            ) from error
        if isinstance(error, Py4JJavaError):
            text += causes
        raise WorkFailedError(f"Spark: {_told(text)}; details in {log_file()}") from error


def _causes(error: Exception) -> str:
    # The exceptions that pyspark makes of Java's have no causes.
    cause = getattr(error, "java_exception", None) or getattr(error, "_origin", None)
    texts = list[str]()
    while cause is not None and len(texts) < 20:
        texts.append(cause.toString())
        cause = cause.getCause()
    return "\n" + "\n".join(texts)


def _told(text: str) -> str:
    """Find the line with the error."""
    # The last line of a worker's traceback, where there is one.
    of_worker = re.findall(r"^(\w+(?:\.\w+)*(?:Error|Exception): .+)$", text, re.MULTILINE)
    lines = [line.strip(": ") for line in text.splitlines() if line.strip(": ")]
    told = (of_worker or lines or ["no message"])[-1 if of_worker else 0]
    return " ".join(told.split())[:500]


@contextlib.contextmanager
def open_session() -> Iterator["SparkSession"]:
    """Start the session that the profile's target ``spark`` describes, or find it running.

    It stays until the process ends. dbt asks for a session later, and gets this one.

    Raises
    ------
    WorkFailedError
        No Java that works, no master, or another process has the metastore.
    """
    from pyspark.sql import SparkSession

    # Where the profile finds the tables' folder, as in the Makefile.
    os.environ.setdefault("DBT_PROFILES_DIR", str(PROJECT_DIR))
    configured = settings()
    if configured["spark.master"].startswith("local"):
        # Local workers run the driver's Python. A cluster chooses its own.
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.enableHiveSupport()
    for name, value in configured.items():
        builder = builder.config(name, value)
    # A worker of one core gains nothing from threads.
    builder = builder.config("spark.executorEnv.OPENBLAS_NUM_THREADS", "1")
    with plain_errors():
        with _stderr_into(log_file()):
            session = builder.getOrCreate()
            # This opens the metastore, so that its errors come before any work.
            session.catalog.listDatabases()
        _ship_encoders(session)
        yield session


def _ship_encoders(session: "SparkSession") -> None:
    """Send this package to the workers, which have numpy and pyarrow alone."""
    session.sparkContext.addPyFile(str(_archive()))


@functools.cache
def _archive() -> Path:
    # It stays until the process ends: executors fetch it for their first task.
    folder = Path(tempfile.mkdtemp(prefix="scenario-encoders-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    archive = folder / "python_encoders.zip"
    with zipfile.ZipFile(archive, "w") as package:
        for module in sorted(PACKAGE.rglob("*.py")):
            package.write(module, module.relative_to(PACKAGE.parent))
    return archive
