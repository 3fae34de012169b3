"""A throwaway standalone Spark cluster: one master and two workers, on loopback.

As a program, it runs a command against one: python tests/python/spark/cluster.py make …
"""

import contextlib
import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil

_JAVA = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m"
# For much starting and little work.
QUICK = {
    "spark.driver.extraJavaOptions": _JAVA,
    "spark.executor.extraJavaOptions": _JAVA,
}
# (The profile's own settings go before a cluster's.)
FEW_PARTS = {"SPARK_SHUFFLE_PARTITIONS": "4"}
_SIZES = {"spark.driver.memory": "1g", "spark.executor.memory": "1g"}


def _die_with_this_process() -> None:
    """Have Linux end this child when its parent ends, for whatever reason."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


class Cluster:
    """The processes of a cluster, each a child of this one.

    Attributes
    ----------
    home : Path
        Folder of logs and of the workers' files.
    environment : dict
        The variables that send a driver there.
    workers : list of Popen
    """

    def __init__(
        self, home: Path, settings: Mapping[str, str], environment: Mapping[str, str]
    ) -> None:
        import pyspark

        self.home = home
        self.workers: list[subprocess.Popen[bytes]] = []
        self._spark_home = Path(pyspark.__file__).parent
        (home / "conf").mkdir()
        (home / "conf" / "spark-defaults.conf").write_text(
            "".join(f"{name} {value}\n" for name, value in {**_SIZES, **settings}.items())
        )
        self.environment = {
            "SPARK_HOME": str(self._spark_home),
            "SPARK_CONF_DIR": str(home / "conf"),
            "SPARK_LOCAL_DIRS": str(home / "local"),
            "SPARK_LOCAL_IP": "127.0.0.1",
            # The embedded Postgres leaves C behind, in which folders have no other letters.
            "LC_ALL": "C.UTF-8",
            "PYSPARK_PYTHON": sys.executable,
            **environment,
        }
        self._master = self._start("master.Master", "master")

    def start(self, num_workers: int) -> None:
        """Start all of it."""
        url = re.compile(r"Starting Spark master at (spark://\S+)")
        self.environment["SPARK_MASTER"] = self._told("master", url, 1)[0]
        self.start_workers(num_workers)

    def start_workers(self, number: int) -> None:
        """Start workers of one core each, and wait until the master knows them."""
        known = re.compile("Registering worker")
        num_known = len(self._told("master", known, 0))
        for place in range(num_known, num_known + number):
            name = f"worker{place}"
            sizes = ("--cores", "1", "--memory", "1500m")
            folder = ("--work-dir", str(self.home / name))
            url = self.environment["SPARK_MASTER"]
            self.workers.append(self._start("worker.Worker", name, *sizes, *folder, url))
        self._told("master", known, num_known + number)

    def _start(self, what: str, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        # The system chooses the ports. The log names the master's.
        with (self.home / f"{name}.log").open("wb") as log:
            return subprocess.Popen(
                [
                    str(self._spark_home / "bin" / "spark-class"),
                    f"org.apache.spark.deploy.{what}",
                    *("--host", "127.0.0.1", "--port", "0", "--webui-port", "0"),
                    *arguments,
                ],
                env=os.environ
                | self.environment
                # They hand out work, and do none.
                | {"SPARK_DAEMON_MEMORY": "256m", "SPARK_DAEMON_JAVA_OPTS": _JAVA},
                preexec_fn=_die_with_this_process,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def _told(self, name: str, what: re.Pattern[str], times: int) -> list[str]:
        log = self.home / f"{name}.log"
        deadline = time.monotonic() + 180
        while len(found := what.findall(log.read_text())) < times:
            if time.monotonic() > deadline or self._master.poll() is not None:
                raise TimeoutError(f"no {what.pattern!r} in the log:\n{log.read_text()}")
            time.sleep(0.1)
        return found

    def stop(self) -> None:
        """End the processes, and the executors that they started."""
        ours = [*self.workers, self._master]
        started = []
        for process in ours:
            with contextlib.suppress(psutil.NoSuchProcess):
                started += psutil.Process(process.pid).children(recursive=True)
        for process in ours:
            process.terminate()
        for process in ours:
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for child in psutil.wait_procs(started, timeout=30)[1]:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()


@contextlib.contextmanager
def throwaway_cluster(
    num_workers: int = 2,
    settings: Mapping[str, str] = QUICK,
    environment: Mapping[str, str] = FEW_PARTS,
) -> Iterator[Cluster]:
    """Start a cluster with settings and variables for its drivers. Remove it in the end."""
    home = Path(tempfile.mkdtemp(prefix="scenario-tests-spark-"))
    try:
        cluster = Cluster(home, settings, environment)
        try:
            cluster.start(num_workers)
            yield cluster
        finally:
            cluster.stop()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def main() -> int:
    """Run the command that the arguments are, with a cluster and tables of its own."""
    # Ended from outside, too, it stops the cluster.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with throwaway_cluster() as cluster:
        return subprocess.run(
            sys.argv[1:], env=os.environ | cluster.environment | tables_in(cluster.home)
        ).returncode


def tables_in(folder: Path) -> dict[str, str]:
    """Give the variables that put tables and metastore into a folder."""
    metastore = f"{folder}/metastore_db;create=true"
    return {
        "SPARK_WAREHOUSE_DIR": str(folder / "warehouse"),
        "SPARK_METASTORE_URL": f"jdbc:derby:;databaseName={metastore}",
    }


if __name__ == "__main__":
    sys.exit(main())
