"""What a person sees: tables, progress, and errors in one line."""

import contextlib
import errno
import os
import sys
from collections.abc import Iterator

import click
from rich.console import Console
from rich.measure import Measurement
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from python_encoders.errors import WorkFailedError, WrongUsageError


class _Console(Console):
    """A console that leaves a closed output to ``plain_errors``."""

    def on_broken_pipe(self) -> None:
        raise  # rich calls this where it has caught the error


# A log has no width to fold a table into.
CONSOLE = _Console(highlight=False, soft_wrap=True, width=max(Console().width, 120))


class ConsoleReporter:
    """Prints messages, and progress: a bar on a terminal, a line per batch elsewhere."""

    def __init__(self) -> None:
        self._bar = Progress(
            TextColumn("encoding"), BarColumn(), MofNCompleteColumn(), console=CONSOLE
        )

    def __enter__(self) -> "ConsoleReporter":
        return self

    def __exit__(self, *_: object) -> None:
        # The bar hides the cursor of the terminal until it stops.
        if self._bar.live.is_started:
            self._bar.stop()

    def say(self, text: str) -> None:
        """Print a message."""
        CONSOLE.print(text, markup=False)

    def progress(self, done: int, total: int) -> None:
        """Show how many of all scenarios are encoded."""
        if not CONSOLE.is_terminal:
            CONSOLE.print(f"encoding: {done} of {total}")
            return
        if not self._bar.task_ids:
            self._bar.add_task("encoding", total=total)
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], completed=done)
        if done == total:
            self._bar.stop()


def _what_failed(error: OSError) -> str:
    if error.filename is not None or error.errno not in (errno.EPIPE, errno.ENOSPC):
        return str(error)
    # What is still in the buffer would fail again when Python ends.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return f"cannot write to the standard output: {error.strerror}"


@contextlib.contextmanager
def plain_errors() -> Iterator[None]:
    """Turn what the user can mend into one line and an exit code."""
    try:
        yield
        return
    except WrongUsageError as error:
        code, message = 2, str(error)
    except WorkFailedError as error:
        code, message = 1, str(error)
    except KeyboardInterrupt:
        code, message = 130, "interrupted; the same command goes on where this one stopped"
    except OSError as error:
        code, message = 1, _what_failed(error)
    click.echo(f"Error: {message}", err=True)
    sys.exit(code)


def percent(share: float | None) -> str:
    """Write a share with one decimal."""
    return "–" if share is None else f"{share:.1%}"


def print_whole(table: Table) -> None:
    """Print a table at its full width. Rich drops columns that do not fit a terminal."""
    unbounded = CONSOLE.options.update(max_width=10_000)
    table.width = Measurement.get(CONSOLE, unbounded, table).maximum
    CONSOLE.print(table)
