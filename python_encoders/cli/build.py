"""Commands that build: panels, vectors, and what stands in their way."""

from typing import TYPE_CHECKING, Any

import click
from rich.table import Table
from rich.text import Text

from python_encoders.cli.console import (
    CONSOLE,
    ConsoleReporter,
    percent,
    plain_errors,
    print_whole,
)
from python_encoders.cli.options import (
    CONTEXT,
    limit_option,
    max_prune_option,
    models_option,
    set_option,
    target_option,
    text,
    vars_option,
)
from python_encoders.encoders import ENCODERS
from python_encoders.errors import WorkFailedError, WrongUsageError
from python_encoders.rejections import check_some_are_taken
from python_encoders.scope import Scope

if TYPE_CHECKING:
    from python_encoders.pipeline import Outcome


@click.command(context_settings=CONTEXT)
@set_option
@models_option
@limit_option
@max_prune_option
@target_option
@vars_option
def backfill(
    scenario_set_id: str | None,
    model_ids: tuple[str, ...],
    limit: int | None,
    max_prune: int | None,
    target: str,
    variables: dict[str, Any],
) -> None:
    """Build panels, encode what is pending, test the result.

    Safe to repeat: it encodes only what is pending. An interrupted run resumes.

    \b
    Example:
      scenario-embeddings backfill --scenario-set-id SET_ABC123 --limit 100
    """  # noqa: D301 - click's mark for lines to leave as they are
    with plain_errors():
        from python_encoders import pipeline

        scope = Scope(model_ids, scenario_set_id, limit, max_prune)
        with ConsoleReporter() as reporter:
            pipeline.backfill(scope, variables, reporter, target)
        _print_outcome(pipeline.outcome(scope, target))


@click.command(context_settings=CONTEXT)
@set_option
@models_option
@limit_option
@max_prune_option
@target_option
@vars_option
def encode(
    scenario_set_id: str | None,
    model_ids: tuple[str, ...],
    limit: int | None,
    max_prune: int | None,
    target: str,
    variables: dict[str, Any],
) -> None:
    """Encode what is pending over panels that `dbt run` has built.

    For those who run dbt themselves: `dbt run`, then this, then `dbt test`, each with the
    same vars.
    """
    with plain_errors():
        from python_encoders import pipeline

        scope = Scope(model_ids, scenario_set_id, limit, max_prune)
        with ConsoleReporter() as reporter:
            done = pipeline.encode_only(scope, reporter, target, variables)
            reporter.say(f"vectors: {done.num_written} written, {done.num_pruned} pruned")
        _print_outcome(pipeline.outcome(scope, target))


@click.command(context_settings=CONTEXT)
@click.option(
    "--scenario-set-id", metavar="SET", required=True, type=text, help="The set to scale."
)
@click.option(
    "--by",
    type=click.Choice(["sd"]),
    help="Give each series the weight of a stock: divide by its standard deviation over "
    "the set, in units of 0.02.",
)
@click.option(
    "--from",
    "other_set_id",
    metavar="SET",
    type=text,
    help="Take the divisors of another set, so that the two stay comparable.",
)
def scales(scenario_set_id: str, by: str | None, other_set_id: str | None) -> None:
    """Write divisors for the series of a set that a backfill has built.

    They go to the table series_scales, in place of the set's own. The next backfill divides
    by them, and encodes the set anew. By hand: the key is the set, or `*` for every set,
    the series' kind and its id; 100 stands for percent, 10000 for basis points.
    """
    with plain_errors():
        from python_encoders import postgres

        if (by is None) == (other_set_id is None):
            raise WrongUsageError("use --by sd or --from SET, not both")
        postgres.choose_server()
        with postgres.plain_errors(), postgres.connect() as connection:
            if other_set_id is None:
                written = postgres.scale_by_sd(connection, scenario_set_id)
            else:
                written = postgres.scale_as(connection, scenario_set_id, other_set_id)
        table = Table(box=None, header_style="bold", pad_edge=False)
        table.add_column("kind", no_wrap=True)
        table.add_column("series", no_wrap=True)
        table.add_column("divisor", justify="right")
        for row in written.to_pylist():
            table.add_row(
                row["series_kind"], Text(row["series_id"]), f"{row['divisor']:.6g}"
            )
        print_whole(table)
        CONSOLE.print(
            f"next: scenario-embeddings backfill --scenario-set-id {scenario_set_id} "
            "--model-id all",
            markup=False,
        )


@click.command(context_settings=CONTEXT)
@vars_option
def doctor(variables: dict[str, Any]) -> None:
    """Say what a backfill would meet on Postgres, and what to do about it.

    Runs the checks of a backfill, and writes nothing. Ends with 1 where a backfill of all
    sets would fail.
    """
    with plain_errors():
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


@click.command()
def models() -> None:
    """List the encoders: what each keeps, is good for and is bad at."""
    with plain_errors():
        for model_id, encoder in ENCODERS.items():
            CONSOLE.print(f"[bold]{model_id}[/bold]")
            CONSOLE.print(f"  keeps     {encoder.keeps}")
            CONSOLE.print(f"  good for  {encoder.good_for}")
            CONSOLE.print(f"  bad at    {encoder.bad_at}")


def _print_outcome(outcome: "Outcome") -> None:
    """Print what the sets in scope have, and why not more. Fail where none has any."""
    coverage = outcome.coverage.to_pylist()
    _print_coverage(coverage)
    _print_rejections(outcome.rejections.to_pylist())
    check_some_are_taken(coverage)


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
            percent(row["share_of_cells_dropped"]),
            percent(row["share_of_squared_return_dropped"]),
        )
    print_whole(table)


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
    print_whole(table)
