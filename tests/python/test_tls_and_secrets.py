"""dbt and the encoder check TLS, take passwords from two places, and print no secret.

The embedded build speaks no TLS, so this takes the system's own PostgreSQL.
"""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from conftest import SOURCE, add, execute

# The test searches everything printed and written for it.
CANARY = "canary-Pa55'w0rd"
WRONG = "wrong-canary-Pa55w0rd"
ROWS = [(day, series, day / 100) for day in (1, 2) for series in "AB"]


class Authority(NamedTuple):
    """A self-made certificate authority, and a server's certificate that it signed."""

    root: Path
    certificate: str
    key: str


def authority(folder: Path) -> Authority:
    folder.mkdir()

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], check=True, cwd=folder, capture_output=True)

    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl(
        *("req", "-x509", *new_key, "-days", "2", "-subj", "/CN=test authority"),
        *("-keyout", "root.key", "-out", "root.crt"),
    )
    openssl(
        *("req", *new_key, "-subj", "/CN=127.0.0.1"),
        *("-keyout", "server.key", "-out", "server.csr"),
    )
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1")
    openssl(
        *("x509", "-req", "-days", "2", "-in", "server.csr", "-extfile", "names"),
        *("-CA", "root.crt", "-CAkey", "root.key", "-CAcreateserial"),
        *("-out", "server.crt"),
    )
    return Authority(
        folder / "root.crt",
        (folder / "server.crt").read_text(),
        (folder / "server.key").read_text(),
    )


@pytest.fixture
def tls_server(
    postgres: str,
    system_server: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[Path]:
    """Start a server that accepts only TLS and the canary, and give its log."""
    signed = authority(tmp_path / "authority")
    settings = {"ssl": "on", "log_connections": "on"}
    files = {
        "server.crt": signed.certificate,
        "server.key": signed.key,
        "pg_hba.conf": "hostssl all all 127.0.0.1/32 scram-sha-256\n"
        "host all postgres 127.0.0.1/32 scram-sha-256\n",
    }
    with system_server(settings, files) as (environment, log):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        execute("create role risk login superuser password %s", [CANARY])
        execute(SOURCE)
        add("S", "1", ROWS)
        for name, value in {
            "PGUSER": "risk",
            "PGPASSWORD": CANARY,
            "PGSSLMODE": "verify-full",
            "PGSSLROOTCERT": str(signed.root),
            # All that dbt writes.
            "DBT_TARGET_PATH": str(tmp_path / "written" / "target"),
            "DBT_LOG_PATH": str(tmp_path / "written" / "logs"),
        }.items():
            monkeypatch.setenv(name, value)
        yield log


def written(folder: Path) -> bytes:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {"dbt.log", "manifest.json", "run_results.json"} <= {f.name for f in files}
    return b"".join(path.read_bytes() for path in files)


@pytest.mark.reliability
def test_tls_is_checked_by_both_and_no_secret_is_told(
    tls_server, front, dbt, monkeypatch, tmp_path
):
    told = ""

    def tell(outcome):
        nonlocal told
        told += outcome.stdout + outcome.stderr
        return outcome

    # The password out of the environment.
    done = tell(front("backfill"))
    assert done.returncode == 0, done.stderr
    assert "vectors: 1 written" in done.stdout
    for program in ("scenario-embeddings dbt", "scenario-embeddings"):
        assert f"application_name={program} SSL enabled" in tls_server.read_text()

    # The password out of a file.
    passwords = tmp_path / "pgpass"
    passwords.write_text(f"127.0.0.1:{os.environ['PGPORT']}:*:risk:{CANARY}\n")
    passwords.chmod(0o600)
    with monkeypatch.context() as with_file:
        with_file.delenv("PGPASSWORD")
        with_file.setenv("PGPASSFILE", str(passwords))
        assert tell(front("encode")).returncode == 0
        assert tell(dbt("show", "--inline", "select 1 as one")).returncode == 0
        with_file.setenv("PGPASSFILE", str(tmp_path / "none"))
        for refused in (front("encode"), dbt("show", "--inline", "select 1 as one")):
            assert tell(refused).returncode == 1
            assert "no password supplied" in refused.stdout + refused.stderr

    # Another authority, no TLS, and a wrong password are refused to both.
    other = authority(tmp_path / "other")
    for variables, says in (
        ({"PGSSLROOTCERT": str(other.root)}, "certificate verify failed"),
        ({"PGSSLMODE": "disable"}, "no encryption"),
        ({"PGPASSWORD": WRONG}, "password authentication failed"),
    ):
        with monkeypatch.context() as different:
            for name, value in variables.items():
                different.setenv(name, value)
            for refused in (front("encode"), dbt("show", "--inline", "select 1 as one")):
                assert tell(refused).returncode == 1
                assert says in refused.stdout + refused.stderr

    evidence = written(tmp_path / "written") + told.encode() + tls_server.read_bytes()
    for secret in (CANARY, WRONG):
        assert secret.encode() not in evidence
