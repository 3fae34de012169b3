"""A throwaway server out of the system's own PostgreSQL, 15 or later, reached by TCP.

The embedded build has neither ICU nor TLS. As a program, it runs a command against one:
python tests/python/cluster.py pytest …
"""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

WANTED = "PostgreSQL 15 or later under /usr/lib/postgresql"


def system_binaries() -> Path | None:
    """Find the newest PostgreSQL of the system that can have ICU databases."""
    found = [
        (int(folder.parent.name), folder)
        for folder in Path("/usr/lib/postgresql").glob("*/bin")
        if folder.parent.name.isdecimal() and int(folder.parent.name) >= 15
    ]
    return max(found)[1] if found else None


@contextlib.contextmanager
def throwaway_server(
    settings: Mapping[str, str] | None = None, files: Mapping[str, str] | None = None
) -> Iterator[tuple[dict[str, str], Path]]:
    """Start a server with a password. Stop and remove it in the end.

    Parameters
    ----------
    settings : mapping, optional
        Settings of the server.
    files : mapping, optional
        What is written into its data folder: text by name.

    Yields
    ------
    dict
        The ``PG*`` variables that reach it.
    Path
        Its log.
    """
    binaries = system_binaries()
    if binaries is None:
        raise FileNotFoundError(f"no {WANTED}")
    # Postgres does not run as root. The package brings a user of its own.
    owner = {"user": "postgres", "group": "postgres"} if os.getuid() == 0 else {}
    home = Path(tempfile.mkdtemp(prefix="scenario-tests-server-"))
    data, log, password = home / "data", home / "log", secrets.token_hex()

    def write(path: Path, text: str) -> None:
        path.write_text(text)
        path.chmod(0o600)
        if owner:
            shutil.chown(path, **owner)

    def run(command: str, *arguments: str) -> None:
        subprocess.run(
            [binaries / command, "-D", data, *arguments],
            check=True,
            cwd=home,
            stdout=subprocess.DEVNULL,
            user=owner.get("user"),
            group=owner.get("group"),
        )

    if owner:
        shutil.chown(home, **owner)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    write(home / "password", password)
    run(
        "initdb",
        *("-U", "postgres", "-A", "scram-sha-256", f"--pwfile={home / 'password'}"),
        *("-N", "--no-locale", "-E", "UTF8"),
    )
    for name, text in (files or {}).items():
        write(data / name, text)
    options = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": str(home),
        # Nothing here has to survive a crash of the machine.
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        **(settings or {}),
    }
    with (data / "postgresql.conf").open("a") as configuration:
        configuration.writelines(f"{name} = '{value}'\n" for name, value in options.items())
    try:
        run("pg_ctl", "-w", "-l", str(log), "start")
        yield (
            {
                "PGHOST": "127.0.0.1",
                "PGPORT": port,
                "PGUSER": "postgres",
                "PGPASSWORD": password,
                "PGDATABASE": "postgres",
            },
            log,
        )
    finally:
        # By the process id in its own data folder.
        if (data / "postmaster.pid").exists():
            run("pg_ctl", "-w", "-m", "immediate", "stop")
        shutil.rmtree(home)


def main() -> int:
    """Run the command that the arguments are, with a server of its own."""
    # Ended from outside, too, it stops the server.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with throwaway_server() as (environment, _):
        return subprocess.run(sys.argv[1:], env=os.environ | environment).returncode


if __name__ == "__main__":
    sys.exit(main())
