"""Commands that ask: what is like what, and a page that shows it."""

import csv
import json
from pathlib import Path
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from python_encoders.cli.console import plain_errors, print_whole
from python_encoders.cli.options import CONTEXT, DEFAULT_MODEL, text
from python_encoders.encoders import BLOCKS, panel_sketch, stress_shape_v2
from python_encoders.metrics import METRICS


@click.command(context_settings=CONTEXT)
@click.option(
    "--entity-id",
    metavar="SET:SCENARIO",
    required=True,
    type=text,
    help="The scenario to compare with, such as HIST_STRESS_20D:7.",
)
@click.option(
    "--model-id",
    metavar="MODEL",
    type=text,
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
    type=text,
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
    with plain_errors():
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


@click.command(context_settings=CONTEXT)
@click.option(
    "--output",
    metavar="PATH",
    type=text,
    default="target/scenario_report.html",
    show_default=True,
    help="The file to write.",
)
@click.option(
    "--model-id",
    metavar="MODEL",
    type=text,
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
    with plain_errors():
        from python_encoders import postgres
        from python_encoders.report import write_report

        postgres.choose_server()
        with postgres.plain_errors(), postgres.connect() as connection:
            write_report(connection, Path(output), model_id, metric)
        click.echo(output)


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
    print_whole(table)
