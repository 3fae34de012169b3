"""The command that brings files into the source tables."""

import csv
from pathlib import Path
from typing import Any

import click

from python_encoders.cli.console import CONSOLE, plain_errors
from python_encoders.cli.options import CONTEXT, dbt_vars, text
from python_encoders.errors import WrongUsageError
from python_encoders.wording import counted


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

    with plain_errors():
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
    # Paths in a spec are relative to the spec.
    if "events" in spec:
        spec["events"] = path.parent / spec["events"]
    context.default_map = spec
    return spec


_path = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(context_settings=CONTEXT)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=_path)
@click.option(
    "--scenario-set-id",
    metavar="SET",
    required=True,
    type=text,
    help="The set to write.",
)
@click.option(
    "--layout",
    type=click.Choice(["long", "wide", "wide-steps"]),
    help="long: a row per cell. wide: a column per series. wide-steps: a column per step. "
    "[default: by the columns]",
)
@click.option(
    "--scenario", metavar="COLUMNS", callback=_names, help="Scenario id; joined by '|'."
)
@click.option("--step", metavar="COLUMN", type=text, help="Number, date, quarter or tenor.")
@click.option(
    "--series", metavar="COLUMNS", callback=_names, help="Series id; joined by '|'."
)
@click.option(
    "--series-columns",
    metavar="COLUMNS",
    callback=_names,
    help="Layout wide: the columns that are series. [default: all that are left]",
)
@click.option("--value", metavar="COLUMN", type=text, help="Layout long: the value.")
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
    type=text,
    help="The step that is only the base of the first change. [default: the first]",
)
@click.option(
    "--base-scenario",
    metavar="ID",
    type=text,
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
    "--unit-column", metavar="COLUMN", type=text, help="Where each row says its unit."
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
    help="The steps between window starts. [default: the window]",
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
    help="Which steps to keep of an event that is longer than the window.",
)
@click.option(
    "--missing",
    type=click.Choice(["reject", "zero", "drop-series", "ffill"]),
    default="reject",
    show_default=True,
    help="Missing values: reject leaves them out, and the chain rejects the scenario; zero "
    "makes them 0; drop-series drops the series; ffill repeats the last level.",
)
@click.option(
    "--day-first/--month-first",
    default=None,
    help="How to read 03/04/2024. Needed where both are possible.",
)
@click.option(
    "--as-of", metavar="DATE", type=text, help="The set's date. [default: its last date]"
)
@click.option("--name", metavar="TEXT", type=text, help="The set's name.")
@click.option(
    "--category",
    type=text,
    default="CUSTOM",
    show_default=True,
    help="As scenario_sets has it.",
)
@click.option("--labels", metavar="COLUMN", type=text, help="The scenarios' names.")
@click.option(
    "--spec",
    metavar="FILE",
    is_eager=True,
    type=_path,
    callback=_spec,
    help="Options as YAML, and settings per series; examples/specs has some.",
)
@click.option("--dry-run", is_flag=True, help="Report, but write nothing. Needs no server.")
@click.option("--replace", is_flag=True, help="Replace a set that has other content.")
@click.option(
    "--vars",
    "variables",
    metavar="YAML",
    default="{}",
    callback=dbt_vars,
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
    with plain_errors():
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
        if scenario_set.divisors:
            # The table of the divisors is dbt's.
            from python_encoders.pipeline import create_scales

            create_scales(variables)
        schema = str(dbt_var("source_schema", variables))
        with postgres.plain_errors(), postgres.connect() as connection:
            written = write_set(connection, schema, scenario_set, replace=replace)
        say(
            f"written: {counted(scenario_set.num_rows, 'row')} into {schema}.scenario_paths"
            if written
            else "unchanged: the set is there with this content"
        )
        more = f" --vars '{{source_schema: {schema}}}'" if variables else ""
        say(
            f"next: scenario-embeddings backfill --scenario-set-id "
            f"{options.scenario_set_id} --model-id all{more}"
        )
