"""Commands that ask: what is like what, stands for what, is covered, is there twice."""

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from python_encoders.cli.console import plain_errors, print_whole
from python_encoders.cli.options import CONTEXT, DEFAULT_MODEL, set_option, text
from python_encoders.encoders import BLOCKS, panel_sketch, stress_shape_v2
from python_encoders.metrics import METRICS

_format_option = click.option(
    "--format",
    "output_format",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="A table for people, csv or json for programs.",
)
_asked_set_option = click.option(
    "--scenario-set-id",
    metavar="SET",
    required=True,
    type=text,
    help="The scenario set that is asked about.",
)
_metric_option = click.option(
    "--metric",
    type=click.Choice(METRICS),
    default="l2",
    show_default=True,
    help="The L2 distance, or 1 − cosine, which ignores magnitude.",
)


def _model_option(default: str) -> Callable[[Any], Any]:
    return click.option(
        "--model-id",
        metavar="MODEL",
        type=text,
        default=default,
        show_default=True,
        help="The encoder whose vectors are compared; `models` says what each is good for.",
    )


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
    help="1 − cosine, which ignores magnitude, or the L2 distance. "
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
    help="Compare only values that ignore series ids, for universes without a common "
    "series: the market's days by num-scenario-panel-sketch-v1, or the shape of the "
    "stress by num-scenario-stress-shape-v2 (or v1).",
)
@_format_option
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
      scenario-embeddings similar --entity-id HIST_STRESS_20D:7 \\
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
        else:
            _print_for_programs(found, output_format)


@click.command(context_settings=CONTEXT)
@_asked_set_option
@click.option(
    "--keep",
    metavar="K",
    required=True,
    type=click.IntRange(min=1),
    help="How many scenarios to keep.",
)
@_model_option(stress_shape_v2.MODEL_ID)
@_metric_option
@click.option(
    "--weights",
    metavar="TABLE",
    type=text,
    help="schema.table with the columns scenario_id and weight: one row for each scenario "
    "that has a vector. [default: all weigh the same]",
)
@_format_option
def reduce(
    scenario_set_id: str,
    keep: int,
    model_id: str,
    metric: str,
    weights: str | None,
    output_format: str,
) -> None:
    """Choose K scenarios that stand for a whole set, each with a weight.

    Revalue a book on these K scenarios and weight the results: the weights sum to 1. The
    method is weighted k-medoids without a random start: the same answer on every machine.

    The table shows the representatives. csv and json have a row for each scenario of the
    set.

    \b
    Example:
      scenario-embeddings reduce --scenario-set-id SET_ABC123 --keep 10
    """  # noqa: D301 - click's mark for lines to leave as they are
    with plain_errors():
        from python_encoders import postgres, search

        postgres.choose_server()
        with postgres.plain_errors(), postgres.connect(autocommit=True) as connection:
            found = search.reduce(
                connection, scenario_set_id, keep, model_id, metric, weights
            )
        if output_format == "table":
            _print_representatives(found.to_pylist())
        else:
            _print_for_programs(found, output_format)


@click.command(context_settings=CONTEXT)
@_asked_set_option
@click.option(
    "--with",
    "other_set_id",
    metavar="OTHER",
    required=True,
    type=text,
    help="The set that should be covered, such as the crises of history.",
)
@_model_option(stress_shape_v2.MODEL_ID)
@_metric_option
@_format_option
def compare(
    scenario_set_id: str,
    other_set_id: str,
    model_id: str,
    metric: str,
    output_format: str,
) -> None:
    """Say which scenarios of OTHER the set SET covers, and which it does not.

    A scenario of OTHER is covered where SET has one within a threshold: the 90th percentile
    of the nearest-neighbour distances within OTHER. Windows that share a day are no
    neighbours.

    The table lists the scenarios of OTHER, the least covered first. csv and json have them
    in the order of their set.

    \b
    Example:
      scenario-embeddings compare --scenario-set-id SET_ABC123 --with HIST_STRESS_20D
    """  # noqa: D301 - click's mark for lines to leave as they are
    with plain_errors():
        from python_encoders import postgres, search

        postgres.choose_server()
        with postgres.plain_errors(), postgres.connect(autocommit=True) as connection:
            found = search.compare(
                connection, scenario_set_id, other_set_id, model_id, metric
            )
        if output_format != "table":
            _print_for_programs(found.covered, output_format)
            return
        rows = sorted(found.covered.to_pylist(), key=lambda row: -row["distance"])
        click.echo(found.summary)
        click.echo(
            f"The threshold is {rows[0]['yardstick']:.4f}: nine of ten scenarios of "
            f"{other_set_id} have a neighbour in their own set within it."
        )
        _print_rows(
            (">distance", "covered", "scenario", "class", "nearest"),
            [
                (
                    f"{row['distance']:.4f}",
                    "yes" if row["is_covered"] else "no",
                    row["scenario_name"] or row["scenario_id"],
                    row["scenario_class"] or "–",
                    row["nearest_name"] or row["nearest_id"],
                )
                for row in rows
            ],
        )


@click.command(context_settings=CONTEXT)
@_asked_set_option
@click.option(
    "--reference",
    "reference_set_id",
    metavar="REFERENCE",
    required=True,
    type=text,
    help="The set that says what has happened. It may be SET itself.",
)
@_model_option(stress_shape_v2.MODEL_ID)
@_metric_option
@_format_option
def plausibility(
    scenario_set_id: str,
    reference_set_id: str,
    model_id: str,
    metric: str,
    output_format: str,
) -> None:
    """Say of each scenario whether the reference has anything like it, and how far beyond.

    QUANTILE is the share of the nearest-neighbour distances within REFERENCE that are
    smaller. RATIO is the distance divided by the largest of them: above 1 is farther than
    anything in REFERENCE. MAHALANOBIS is how far the market's return, volatility, worst day
    and dispersion are from those of REFERENCE, in standard deviations.

    The table shows the scenarios that are farthest, 20 at most. csv and json have all, in
    the order of their set, with the statistics.

    \b
    Example:
      scenario-embeddings plausibility --scenario-set-id SET_ABC123 \\
        --reference HIST_STRESS_20D
    """  # noqa: D301 - click's mark for lines to leave as they are
    with plain_errors():
        from python_encoders import postgres, search

        postgres.choose_server()
        with postgres.plain_errors(), postgres.connect(autocommit=True) as connection:
            found = search.plausibility(
                connection, scenario_set_id, reference_set_id, model_id, metric
            )
        if output_format != "table":
            _print_for_programs(found, output_format)
            return
        rows = found.to_pylist()
        rows.sort(key=lambda row: -(row["ratio"] or 0.0))
        num_beyond = sum((row["ratio"] or 0.0) > 1.0 for row in rows)
        click.echo(
            f"Beyond anything in {reference_set_id}: {num_beyond} of {len(rows)} scenarios "
            f"of {scenario_set_id}."
        )
        _print_rows(
            (">ratio", ">quantile", ">distance", ">mahalanobis", "scenario", "nearest"),
            [
                (
                    _decimals(row["ratio"], 2),
                    _decimals(row["quantile"], 2),
                    _decimals(row["distance"], 4),
                    _decimals(row["mahalanobis"], 2),
                    row["scenario_name"] or row["scenario_id"],
                    row["nearest_name"] or row["nearest_id"],
                )
                for row in rows[:20]
            ],
        )


@click.command(context_settings=CONTEXT)
@set_option
@_model_option(panel_sketch.MODEL_ID)
@click.option(
    "--within",
    metavar="SHARE",
    type=click.FloatRange(0.0, 1.0),
    default=0.01,
    show_default=True,
    help="The largest distance of near duplicates: a share of the longer vector's length.",
)
@_format_option
def duplicates(
    scenario_set_id: str | None, model_id: str, within: float, output_format: str
) -> None:
    """List the scenarios that repeat an earlier one, within a set or across all sets.

    First those whose panels are identical: the same returns of the same series. Then those
    that are nearly the same by the vectors' L2 distance.

    The shipped sets have none. The example finds the two scenarios that come closest.

    \b
    Example:
      scenario-embeddings duplicates --scenario-set-id SET_ABC123 --within 0.7
    """  # noqa: D301 - click's mark for lines to leave as they are
    with plain_errors():
        from python_encoders import postgres, search

        postgres.choose_server()
        with postgres.plain_errors(), postgres.connect(autocommit=True) as connection:
            found = search.duplicates(connection, scenario_set_id, model_id, within)
        if output_format != "table":
            _print_for_programs(found, output_format)
            return
        rows = found.to_pylist()
        num_identical = sum(row["is_identical"] for row in rows)
        click.echo(
            f"{num_identical} identical to an earlier scenario, "
            f"{len(rows) - num_identical} nearly (within {within:.1%})"
        )
        _print_rows(
            ("scenario", "repeats", "how", ">share"),
            [
                (
                    row["entity_id"],
                    row["duplicate_of"],
                    "identical" if row["is_identical"] else "near",
                    f"{row['share']:.2%}",
                )
                for row in rows
            ],
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
    help="The distance between scenarios, as in `similar`.",
)
def report(output: str, model_id: str, metric: str) -> None:
    """Write a page that shows all scenarios, and what each crisis is nearest to.

    It also says what each set has of history, and rings the scenarios that stand for a set.
    One HTML file that loads nothing from anywhere, for the screen, the phone and paper.
    """
    with plain_errors():
        from python_encoders import postgres
        from python_encoders.report import write_report

        postgres.choose_server()
        with postgres.plain_errors(), postgres.connect() as connection:
            write_report(connection, Path(output), model_id, metric)
        click.echo(output)


def _print_for_programs(table: Any, output_format: str) -> None:
    """Print an Arrow table as csv or json."""
    # Programs read UTF-8, whatever the terminal does.
    output = click.get_text_stream("stdout", encoding="utf-8", errors="strict")
    if output_format == "csv":
        writer = csv.DictWriter(output, table.column_names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(table.to_pylist())
    else:
        click.echo(
            json.dumps(table.to_pylist(), default=str, ensure_ascii=False), file=output
        )


def _decimals(value: float | None, num_decimals: int) -> str:
    return "–" if value is None else f"{value:.{num_decimals}f}"


def _print_rows(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table. A heading that begins with > is of numbers, set to the right."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in headings:
        is_number = heading.startswith(">")
        table.add_column(
            heading.lstrip(">"), no_wrap=True, justify="right" if is_number else "left"
        )
    for row in rows:
        table.add_row(*map(Text, row))
    print_whole(table)


def _print_similar(rows: list[dict[str, Any]]) -> None:
    _print_rows(
        (">rank", "scenario", "class", "set", "id", "date", ">distance"),
        [
            (
                str(row["rank"]),
                row["scenario_name"] or "–",
                row["scenario_class"] or "–",
                row["scenario_set_id"],
                row["scenario_id"],
                str(row["date"]),
                f"{row['distance']:.4f}",
            )
            for row in rows
        ],
    )


def _print_representatives(rows: list[dict[str, Any]]) -> None:
    members: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        members.setdefault(row["representative_id"], []).append(row)
    printed = []
    heaviest = sorted(
        members.items(), key=lambda item: -item[1][0]["representative_weight"]
    )
    for name, represented in heaviest:
        nearest = sorted(represented, key=lambda row: row["distance"])
        others = [row["scenario_id"] for row in nearest if row["scenario_id"] != name]
        few = ", ".join(others[:5]) + (", …" if len(others) > 5 else "")
        weight = represented[0]["representative_weight"]
        printed.append((name, f"{weight:.4f}", str(len(represented)), few or "–"))
    _print_rows(("keep", ">weight", ">stands for", "nearest of them"), printed)
