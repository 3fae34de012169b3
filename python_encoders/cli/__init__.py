"""The command line: parse, call, print.

A command imports what it needs: Postgres, Spark and plotly take a while, and --help does
not need them.
"""

import io
import sys

import click

from python_encoders.cli.build import backfill, doctor, encode, models, scales
from python_encoders.cli.console import plain_errors
from python_encoders.cli.load import load
from python_encoders.cli.options import CONTEXT
from python_encoders.cli.questions import (
    compare,
    duplicates,
    plausibility,
    reduce,
    report,
    similar,
)
from python_encoders.cli.server import db
from python_encoders.dbt_project import check_is_here

__all__ = ["backfill", "cli", "run"]


@click.group(context_settings=CONTEXT)
def cli() -> None:
    """Turn market stress scenarios into 384-dim vectors.

    The server is the one that PGHOST and libpq's other variables name. With PGHOST unset,
    the embedded one, which `make db` starts. Vectors go to the schema DBT_SCHEMA
    (analytics by default).

    Exit codes: 0 done, 1 the work failed, 2 wrong usage.
    """


for _command in (
    *(backfill, encode, load, scales),
    *(similar, reduce, compare, plausibility, duplicates, report),
    *(models, doctor, db),
):
    cli.add_command(_command)


def run(command: click.Command) -> None:
    """Run a command, under the name that it was started by."""
    # A letter that the terminal lacks is printed as a question mark, and is no error.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    with plain_errors():
        check_is_here()
        try:
            command()
        finally:
            # Python itself reports what fails at its end, with a traceback.
            if sys.stdout is not None:
                sys.stdout.flush()
