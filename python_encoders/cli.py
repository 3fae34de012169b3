"""The command line: parse, call, print.

A command imports what it needs: Postgres, Spark and plotly take a while, and --help does
not need them.
"""

import contextlib
import csv
import errno
import io
import itertools
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import yaml
from rich.console import Console
from rich.measure import Measurement
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from python_encoders.dbt_project import check_is_here, project_vars
from python_encoders.encoders import BLOCKS, ENCODERS, panel_sketch, stress_shape_v2
from python_encoders.errors import WorkFailedError, WrongUsageError
from python_encoders.metrics import METRICS
from python_encoders.rejections import check_some_are_taken
from python_encoders.scope import Scope


class _Console(Console):
    """A console that leaves a closed output to ``_plain_errors``."""

    def on_broken_pipe(self) -> None:
        raise  # rich calls this where it has caught the error


# A log has no width to fold a table into.
CONSOLE = _Console(highlight=False, soft_wrap=True, width=max(Console().width, 120))
DEFAULT_MODEL = "num-scenario-core-v1"
_OPTIONS_OF_VARS = {
    "scenario_set_id": "--scenario-set-id",
    "scenario_limit": "--limit",
    "encoded_model_ids": "--model-id",
}
_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 92}


class _ConsoleReporter:
    """Prints messages, and progress: a bar on a terminal, a line per batch elsewhere."""

    def __init__(self) -> None:
        self._bar = Progress(
            TextColumn("encoding"), BarColumn(), MofNCompleteColumn(), console=CONSOLE
        )

    def __enter__(self) -> "_ConsoleReporter":
        return self

    def __exit__(self, *_: object) -> None:
        # The bar hides the cursor of the terminal until it stops.
        if self._bar.live.is_started:
            self._bar.stop()

    def say(self, text: str) -> None:
        CONSOLE.print(text, markup=False)

    def progress(self, done: int, total: int) -> None:
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
def _plain_errors() -> Iterator[None]:
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


def _dbt_vars(
    _context: click.Context, _parameter: click.Parameter, text: str
) -> dict[str, Any]:
    try:
        variables = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        variables = None
    if not isinstance(variables, dict):
        raise click.BadParameter("not a YAML mapping such as '{source_schema: risk}'")
    try:
        # Half letters, as JSON writes what is beyond the BMP and YAML reads it, are joined.
        joined: dict[str, Any] = json.loads(json.dumps(variables))
        json.dumps(joined, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise click.BadParameter(
            f"only text, numbers and lists of them: {error}"
        ) from error
    for name, option in _OPTIONS_OF_VARS.items():
        if name in joined:
            raise click.BadParameter(f"{name} is what {option} is for")
    if joined:
        known = [name for name in project_vars() if name not in _OPTIONS_OF_VARS]
        for name in joined:
            if name not in known:
                raise click.BadParameter(
                    f"there is no var {name!r}; there are: {', '.join(known)}"
                )
    return joined


def _text(value: object) -> str:
    # (A spec gives YAML's numbers and dates, too.)
    text = str(value)
    if not text:
        raise click.BadParameter("it is empty")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise click.BadParameter("not UTF-8") from error
    return text


def _models(
    _context: click.Context, _parameter: click.Parameter, model_ids: tuple[str, ...]
) -> tuple[str, ...]:
    named = (ENCODERS if name == "all" else (name,) for name in model_ids)
    return tuple(dict.fromkeys(itertools.chain.from_iterable(named)))


_set_option = click.option(
    "--scenario-set-id",
    metavar="SET",
    type=_text,
    help="One scenario set; without it, all of them.",
)
_models_option = click.option(
    "--model-id",
    "model_ids",
    metavar="MODEL",
    type=_text,
    multiple=True,
    default=(DEFAULT_MODEL,),
    show_default=True,
    callback=_models,
    help="An encoder, or `all`; may be given more than once. `models` lists them.",
)
_limit_option = click.option(
    "--limit",
    metavar="N",
    type=click.IntRange(min=1),
    help="Only the first N scenario ids of each set, in their order.",
)
_max_prune_option = click.option(
    "--max-prune",
    metavar="N",
    type=click.IntRange(min=0),
    help="Let up to N scenarios lose their last vector: gone from the source, or rejected "
    "by now. [default: ten, or a tenth of the scenarios that have a vector]",
)
_target_option = click.option(
    "--target",
    type=click.Choice(["postgres", "spark"]),
    default="postgres",
    show_default=True,
    help="The engine: as in dbt's profile. SPARK_MASTER says which Spark.",
)

_vars_option = click.option(
    "--vars",
    "variables",
    metavar="YAML",
    default="{}",
    callback=_dbt_vars,
    help="Further dbt vars, such as '{source_schema: risk}'.",
)


@click.group(context_settings=_CONTEXT)
def cli() -> None:
    """Turn market stress scenarios into 384-dim vectors.

    The server is the one that PGHOST and libpq's other variables name; with PGHOST unset,
    the embedded one, which `make db` starts. Vectors go to the schema DBT_SCHEMA
    (analytics by default).

    Exit codes: 0 done, 1 the work failed, 2 wrong usage.
    """


@cli.command(context_settings=_CONTEXT)
@_set_option
@_models_option
@_limit_option
@_max_prune_option
@_target_option
@_vars_option
def backfill(
    scenario_set_id: str | None,
    model_ids: tuple[str, ...],
    limit: int | None,
    max_prune: int | None,
    target: str,
    variables: dict[str, Any],
) -> None:
    """Build panels, encode what is pending, test the result.

    Safe to run again at any time: what is encoded already is left alone, and a run that
    was interrupted is taken up where it stopped.

    \b
    Example:
      python -m python_encoders backfill --scenario-set-id SET_ABC123 --limit 100
    """  # noqa: D301 - click's mark for lines to leave as they are
    with _plain_errors():
        from python_encoders import pipeline

        scope = Scope(model_ids, scenario_set_id, limit, max_prune)
        with _ConsoleReporter() as reporter:
            done = pipeline.backfill(scope, variables, reporter, target)
        coverage = done.coverage.to_pylist()
        _print_coverage(coverage)
        _print_rejections(done.rejections.to_pylist())
        check_some_are_taken(coverage)


@cli.command(context_settings=_CONTEXT)
@_set_option
@_models_option
@_limit_option
@_max_prune_option
@_target_option
def encode(
    scenario_set_id: str | None,
    model_ids: tuple[str, ...],
    limit: int | None,
    max_prune: int | None,
    target: str,
) -> None:
    """Encode what is pending over panels that `dbt run` has built.

    For those who run dbt themselves: `dbt run`, then this, then `dbt test`.
    """
    with _plain_errors():
        from python_encoders import pipeline

        scope = Scope(model_ids, scenario_set_id, limit, max_prune)
        with _ConsoleReporter() as reporter:
            done = pipeline.encode_only(scope, reporter, target)
            reporter.say(f"vectors: {done.num_written} written, {done.num_pruned} pruned")


@cli.command(context_settings=_CONTEXT)
@click.option(
    "--entity-id",
    metavar="SET:SCENARIO",
    required=True,
    type=_text,
    help="The scenario to compare with, such as HIST_STRESS_20D:7.",
)
@click.option(
    "--model-id",
    metavar="MODEL",
    type=_text,
    help="The encoder whose vectors are compared; `models` says what each is good for. "
    f"[default: {DEFAULT_MODEL}; {panel_sketch.MODEL_ID} with --block market, "
    f"{stress_shape_v2.MODEL_ID} with --block shape]",
)
@click.option(
    "--top-k",
    metavar="K",
    type=click.IntRange(1, 10_000),
    default=10,
    show_default=True,
    help="How many scenarios to show.",
)
@click.option(
    "--metric",
    type=click.Choice(METRICS),
    help="1 − cosine, which leaves out how large a scenario is, or the L2 distance. "
    "[default: cosine; l2 with --block]",
)
@click.option(
    "--scenario-set-id",
    metavar="SET",
    type=_text,
    help="Look in this set only; without it, in all of them.",
)
@click.option(
    "--block",
    type=click.Choice(list(BLOCKS)),
    help="Compare the values that look at no series' name alone, for universes that have "
    "no series in common: the market's days by num-scenario-panel-sketch-v1, or the shape "
    "of the stress by num-scenario-stress-shape-v2 (or v1).",
)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="A table for people, csv or json for programs.",
)
def similar(
    entity_id: str,
    model_id: str | None,
    top_k: int,
    metric: str | None,
    scenario_set_id: str | None,
    block: str | None,
    output_format: str,
) -> None:
    """Find the scenarios that are most like one.

    Over all sets and universes that have vectors of the model. Where the database has
    the pgvector extension, it finds the candidates. The answer is the same without,
    unless the var vector_index_metric has asked for an index, which is approximate.

    \b
    Example:
      python -m python_encoders similar --entity-id HIST_STRESS_20D:7 \\
        --model-id num-scenario-stress-shape-v2 --top-k 5
    """  # noqa: D301 - click's mark for lines to leave as they are
    with _plain_errors():
        from python_encoders import postgres, search

        postgres.choose_server()
        question = search.Question(
            entity_id,
            model_id or (next(iter(BLOCKS[block])) if block else DEFAULT_MODEL),
            top_k,
            metric or ("l2" if block else "cosine"),
            scenario_set_id,
            block,
        )
        with postgres.plain_errors(), postgres.connect(autocommit=True) as connection:
            found = search.similar(connection, question)
        if output_format == "table":
            _print_similar(found.to_pylist())
            return
        # Programs read UTF-8, whatever the terminal does.
        output = click.get_text_stream("stdout", encoding="utf-8", errors="strict")
        if output_format == "csv":
            writer = csv.DictWriter(output, found.column_names, lineterminator="\n")
            writer.writeheader()
            writer.writerows(found.to_pylist())
        else:
            click.echo(
                json.dumps(found.to_pylist(), default=str, ensure_ascii=False), file=output
            )


@cli.command(context_settings=_CONTEXT)
@click.option(
    "--output",
    metavar="PATH",
    type=_text,
    default="target/scenario_report.html",
    show_default=True,
    help="The file to write.",
)
@click.option(
    "--model-id",
    metavar="MODEL",
    type=_text,
    default=stress_shape_v2.MODEL_ID,
    show_default=True,
    help="The encoder whose vectors are shown.",
)
@click.option(
    "--metric",
    type=click.Choice(METRICS),
    default="cosine",
    show_default=True,
    help="By which scenarios are near, as in `similar`.",
)
def report(output: str, model_id: str, metric: str) -> None:
    """Write a page that shows all scenarios, and what each crisis is nearest to.

    One HTML file that loads nothing from anywhere, for the screen, the phone and paper.
    """
    with _plain_errors():
        from python_encoders import postgres
        from python_encoders.report import write_report

        postgres.choose_server()
        with postgres.plain_errors(), postgres.connect() as connection:
            write_report(connection, Path(output), model_id, metric)
        click.echo(output)


@cli.command(context_settings=_CONTEXT)
@_vars_option
def doctor(variables: dict[str, Any]) -> None:
    """Say what a backfill would meet on Postgres, and what to do about it.

    Runs the checks of a backfill, and writes nothing. Ends with 1 where a backfill of all
    sets would fail.
    """
    with _plain_errors():
        from python_encoders import pipeline

        table = Table(header_style="bold", show_lines=True, width=CONSOLE.width)
        for heading in ("", "found", "what to do"):
            table.add_column(heading, overflow="fold")
        findings = list(pipeline.diagnose(variables))
        for finding in findings:
            table.add_row(
                Text(finding.subject, style="bold red" if finding.is_failure else ""),
                Text(finding.found),
                Text(finding.advice),
            )
        CONSOLE.print(table)
        num_failures = sum(finding.is_failure for finding in findings)
        if num_failures:
            raise WorkFailedError(f"a backfill would fail: {num_failures} of the above")


def _names(
    _context: click.Context, _parameter: click.Parameter, text: str | None
) -> tuple[str, ...]:
    """Take columns apart: by commas, with quotes around a name that has one."""
    return tuple(next(csv.reader([text or ""]), ()))


def _spec(
    context: click.Context, _parameter: click.Parameter, path: Path | None
) -> dict[str, Any]:
    """Let a spec give the options that the command line does not."""
    if path is None:
        return {}
    from python_encoders.load import read_spec

    with _plain_errors():
        spec = read_spec(path)
        known = {parameter.name for parameter in context.command.params} - {
            "files",
            "spec",
        }
        if unknown := sorted(set(spec) - known - {"per_series", "units"}):
            raise WrongUsageError(f"{path}: there is no option {', '.join(unknown)}")
    for name, value in spec.items():
        if isinstance(value, list):
            spec[name] = ",".join(f'"{column}"' for column in value)
    # Paths in a spec are beside it.
    if "events" in spec:
        spec["events"] = path.parent / spec["events"]
    context.default_map = spec
    return spec


_path = click.Path(exists=True, dir_okay=False, path_type=Path)


@cli.command(context_settings=_CONTEXT)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=_path)
@click.option(
    "--scenario-set-id",
    metavar="SET",
    required=True,
    type=_text,
    help="The set to write.",
)
@click.option(
    "--layout",
    type=click.Choice(["long", "wide", "wide-steps"]),
    help="A row a cell; a column a series; or a column a step. [default: by the columns]",
)
@click.option(
    "--scenario", metavar="COLUMNS", callback=_names, help="Scenario id; joined by '|'."
)
@click.option(
    "--step", metavar="COLUMN", type=_text, help="Number, date, quarter or tenor."
)
@click.option(
    "--series", metavar="COLUMNS", callback=_names, help="Series id; joined by '|'."
)
@click.option(
    "--series-columns",
    metavar="COLUMNS",
    callback=_names,
    help="Layout wide: the columns that are series. [default: all that are left]",
)
@click.option("--value", metavar="COLUMN", type=_text, help="Layout long: the value.")
@click.option(
    "--kind",
    type=click.Choice(["instrument", "factor", "macro"]),
    default="instrument",
    show_default=True,
    help="What the series are.",
)
@click.option(
    "--values",
    type=click.Choice(["returns", "levels", "log-returns"]),
    default="returns",
    show_default=True,
    help="What the values are. Levels, such as prices, become changes.",
)
@click.option(
    "--change",
    type=click.Choice(["relative", "difference"]),
    default="relative",
    show_default=True,
    help="How levels change: prices relative, yields by difference.",
)
@click.option(
    "--base",
    metavar="STEP",
    type=_text,
    help="The step that the first change is from; no step of its own. [default: the first]",
)
@click.option(
    "--base-scenario",
    metavar="ID",
    type=_text,
    help="Levels change from this scenario at the same step.",
)
@click.option(
    "--unit",
    type=click.Choice(["decimal", "percent", "bp"]),
    default="decimal",
    show_default=True,
    help="What a value of 1 means. Relative changes of levels need none.",
)
@click.option(
    "--unit-column", metavar="COLUMN", type=_text, help="Where each row says its unit."
)
@click.option(
    "--window",
    metavar="STEPS",
    type=click.IntRange(1, 1024),
    help="Make scenarios of a history: windows of so many returns.",
)
@click.option(
    "--stride",
    metavar="STEPS",
    type=click.IntRange(min=1),
    help="From one window's begin to the next. [default: the window]",
)
@click.option(
    "--events",
    metavar="FILE",
    type=_path,
    help="Named windows instead: columns name, first day, last day.",
)
@click.option(
    "--take",
    type=click.Choice(["first", "last"]),
    default="last",
    show_default=True,
    help="Which steps of an event that is longer than the window.",
)
@click.option(
    "--missing",
    type=click.Choice(["reject", "zero", "drop-series", "ffill"]),
    default="reject",
    show_default=True,
    help="Missing values: leave them out, so that the chain rejects the scenario; 0; "
    "drop the series; or repeat the last level.",
)
@click.option(
    "--day-first/--month-first", default=None, help="What 03/04/2024 is; asked for."
)
@click.option(
    "--as-of", metavar="DATE", type=_text, help="The set's date. [default: its last date]"
)
@click.option("--name", metavar="TEXT", type=_text, help="The set's name.")
@click.option(
    "--category",
    type=_text,
    default="CUSTOM",
    show_default=True,
    help="As scenario_sets has it.",
)
@click.option("--labels", metavar="COLUMN", type=_text, help="The scenarios' names.")
@click.option(
    "--spec",
    metavar="FILE",
    is_eager=True,
    type=_path,
    callback=_spec,
    help="Options as YAML, and settings per series; examples/specs has some.",
)
@click.option("--dry-run", is_flag=True, help="Say all, write nothing. Needs no server.")
@click.option("--replace", is_flag=True, help="Replace a set that has other content.")
@click.option(
    "--vars",
    "variables",
    metavar="YAML",
    default="{}",
    callback=_dbt_vars,
    help="As in `backfill`: '{source_schema: risk}' names the source schema.",
)
def load(
    spec: dict[str, Any],
    dry_run: bool,
    replace: bool,
    variables: dict[str, Any],
    kind: str,
    values: str,
    change: str,
    unit: str,
    **arguments: Any,
) -> None:
    """Load files into the source tables as one scenario set.

    CSV (also .gz), Parquet and XLSX (with python-calamine). The tables are created where
    they are missing. The same content again changes nothing. docs/load.md has more.

    \b
    A price history, a column a stock, to overlapping windows of 20 days:
      scenario-embeddings load prices.csv --scenario-set-id HIST \\
        --values levels --window 20 --stride 5
    Supervisory scenarios, a row a scenario and quarter, each series in its own unit:
      scenario-embeddings load quarters.csv --scenario-set-id SUP \\
        --spec examples/specs/supervisory_quarters.yml
    A list of shocks in percent, where what is not named is not shocked:
      scenario-embeddings load shocks.csv --scenario-set-id SHOCKS --series factor \\
        --value shift --unit percent --missing zero --as-of 2026-06-30
    """  # noqa: D301 - click's mark for lines to leave as they are
    with _plain_errors():
        from python_encoders import postgres
        from python_encoders.dbt_project import dbt_var
        from python_encoders.load import Options, Series, read_set, write_set

        options = Options(
            **arguments,
            default=Series(kind, values, change, unit),
            per_series=spec.get("per_series", {}),
            units=spec.get("units", {}),
        )

        def say(text: str) -> None:
            CONSOLE.print(text, markup=False)

        scenario_set = read_set(options, say)
        if dry_run:
            say("dry run: nothing was written")
            return
        postgres.choose_server()
        schema = str(dbt_var("source_schema", variables))
        with postgres.plain_errors(), postgres.connect() as connection:
            written = write_set(connection, schema, scenario_set, replace=replace)
        say(
            f"written: {scenario_set.num_rows} rows into {schema}.scenario_paths"
            if written
            else "unchanged: the set is there with this content"
        )
        more = f" --vars '{{source_schema: {schema}}}'" if variables else ""
        say(
            f"next: scenario-embeddings backfill --scenario-set-id "
            f"{options.scenario_set_id} --model-id all{more}"
        )


@cli.command()
def models() -> None:
    """List the encoders: what each keeps, is good for and is bad at."""
    with _plain_errors():
        for model_id, encoder in ENCODERS.items():
            CONSOLE.print(f"[bold]{model_id}[/bold]")
            CONSOLE.print(f"  keeps     {encoder.keeps}")
            CONSOLE.print(f"  good for  {encoder.good_for}")
            CONSOLE.print(f"  bad at    {encoder.bad_at}")


@cli.group()
def db() -> None:
    """Start and stop the embedded Postgres server."""


@db.command("start")
def db_start() -> None:
    """Start the server, unless it runs, and say how to connect by hand."""
    with _plain_errors():
        from python_encoders.postgres import EMBEDDED_HOME, server

        environment = server.start()
        click.echo("The embedded Postgres is up. To connect by hand, in this shell:")
        click.echo(f"  . {EMBEDDED_HOME / 'env'}")
        click.echo("  psql            (or dbt run, dbt test, …)")
        click.echo("It sets:")
        for name, value in environment.items():
            click.echo(f"  {name}={value}")


@db.command("stop")
def db_stop() -> None:
    """Stop the server; its data stay."""
    with _plain_errors():
        from python_encoders.postgres import server

        click.echo("stopped" if server.stop() else "was not running")


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"


def _print_whole(table: Table) -> None:
    # The table may be wider than the terminal: rich drops columns that do not fit.
    unbounded = CONSOLE.options.update(max_width=10_000)
    table.width = Measurement.get(CONSOLE, unbounded, table).maximum
    CONSOLE.print(table)


def _print_coverage(rows: list[dict[str, Any]]) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("scenario set", no_wrap=True)
    table.add_column("model", no_wrap=True)
    for heading in ("source", "encoded", "rejected", "pending", "cells"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("cells lost", justify="right", no_wrap=True)
    table.add_column("return² lost", justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            Text(row["scenario_set_id"]),
            Text(row["model_id"]),
            str(row["num_in_source"]),
            str(row["num_encoded"]),
            str(row["num_rejected"]),
            str(row["num_pending"]),
            str(row["num_cells_per_panel"] or "–"),
            _percent(row["share_of_cells_dropped"]),
            _percent(row["share_of_squared_return_dropped"]),
        )
    _print_whole(table)


def _print_rejections(rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("scenario set", "rejected by", "reason"):
        table.add_column(heading, no_wrap=True)
    table.add_column("scenarios", justify="right", no_wrap=True)
    for heading in ("for example", "detail"):
        table.add_column(heading, no_wrap=True)
    for row in rows:
        table.add_row(
            Text(row["scenario_set_id"]),
            Text(row["model_id"] or "all models"),
            row["reason"],
            str(row["num_scenarios"]),
            Text(row["scenario_id"]),
            Text(row["detail"] or "–"),
        )
    CONSOLE.print()
    _print_whole(table)


def _print_similar(rows: list[dict[str, Any]]) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("rank", justify="right")
    for heading in ("scenario", "class", "set", "id", "date"):
        table.add_column(heading, no_wrap=True)
    table.add_column("distance", justify="right")
    for row in rows:
        table.add_row(
            str(row["rank"]),
            Text(row["scenario_name"] or "–"),
            Text(row["scenario_class"] or "–"),
            Text(row["scenario_set_id"]),
            Text(row["scenario_id"]),
            str(row["date"]),
            f"{row['distance']:.4f}",
        )
    _print_whole(table)


def run(command: click.Command) -> None:
    """Run a command, under the name that it was started by."""
    # A letter that the terminal lacks is printed as a question mark, and is no error.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    with _plain_errors():
        check_is_here()
        try:
            command()
        finally:
            # Python itself reports what fails at its end, with a traceback.
            if sys.stdout is not None:
                sys.stdout.flush()
