"""The options that commands share, and how their values are read."""

import itertools
import json
from typing import Any

import click
import yaml

from python_encoders.dbt_project import project_vars
from python_encoders.encoders import ENCODERS

DEFAULT_MODEL = "num-scenario-core-v1"
_OPTIONS_OF_VARS = {
    "scenario_set_id": "--scenario-set-id",
    "scenario_limit": "--limit",
    "encoded_model_ids": "--model-id",
}
CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 92}


def dbt_vars(
    _context: click.Context, _parameter: click.Parameter, text: str
) -> dict[str, Any]:
    """Read a YAML mapping of dbt vars that this project has."""
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
            raise click.BadParameter(f"use {option} instead of the var {name}")
    if joined:
        known = [name for name in project_vars() if name not in _OPTIONS_OF_VARS]
        for name in joined:
            if name not in known:
                raise click.BadParameter(
                    f"there is no var {name!r}; there are: {', '.join(known)}"
                )
    return joined


def text(value: object) -> str:
    """Read text that is not empty. A spec gives YAML's numbers and dates, too."""
    given = str(value)
    if not given:
        raise click.BadParameter("it is empty")
    try:
        given.encode()
    except UnicodeEncodeError as error:
        raise click.BadParameter("not UTF-8") from error
    return given


def _models(
    _context: click.Context, _parameter: click.Parameter, model_ids: tuple[str, ...]
) -> tuple[str, ...]:
    named = (ENCODERS if name == "all" else (name,) for name in model_ids)
    return tuple(dict.fromkeys(itertools.chain.from_iterable(named)))


set_option = click.option(
    "--scenario-set-id",
    metavar="SET",
    type=text,
    help="One scenario set; without it, all of them.",
)
models_option = click.option(
    "--model-id",
    "model_ids",
    metavar="MODEL",
    type=text,
    multiple=True,
    default=(DEFAULT_MODEL,),
    show_default=True,
    callback=_models,
    help="An encoder, or `all`; may be given more than once. `models` lists them.",
)
limit_option = click.option(
    "--limit",
    metavar="N",
    type=click.IntRange(min=1),
    help="Only the first N scenario ids of each set, in their order.",
)
max_prune_option = click.option(
    "--max-prune",
    metavar="N",
    type=click.IntRange(min=0),
    help="Let up to N scenarios lose their last vector: gone from the source, or rejected "
    "by now. [default: 10, or 10 % of the scenarios with a vector, whichever is more]",
)
target_option = click.option(
    "--target",
    type=click.Choice(["postgres", "spark"]),
    default="postgres",
    show_default=True,
    help="The engine: as in dbt's profile. SPARK_MASTER says which Spark.",
)

vars_option = click.option(
    "--vars",
    "variables",
    metavar="YAML",
    default="{}",
    callback=dbt_vars,
    help="Further dbt vars, such as '{source_schema: risk}'.",
)
