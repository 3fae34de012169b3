"""The dbt project beside this package: where it is, its vars, the schema it builds into."""

import functools
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from python_encoders.errors import WorkFailedError

PROJECT_DIR = Path(__file__).resolve().parents[1]

# The relations that encoding reads and writes.
ENCODING_RELATIONS = (
    "scenario_panels",
    "int_scenarios",
    "int_scenario_sets",
    "int_scenario_panels",
    "int_expected_embeddings",
    "numeric_window_embeddings",
    "scenario_rejections",
    "scenario_set_coverage",
)


def check_is_here() -> None:
    """Check that the dbt project lies beside this package, as in a checkout.

    Raises
    ------
    WorkFailedError
        Says where it is missing: the package was installed without it, as a wheel is.
    """
    if not (PROJECT_DIR / "dbt_project.yml").exists():
        raise WorkFailedError(
            f"no dbt_project.yml in {PROJECT_DIR}: the dbt project is a part of this "
            "program, which runs from its checkout; run `make setup` there"
        )


@functools.cache
def project_vars() -> Mapping[str, Any]:
    """Read the project's dbt vars and their defaults, once."""
    project = yaml.safe_load((PROJECT_DIR / "dbt_project.yml").read_text())
    return MappingProxyType(project["vars"])


def dbt_var(name: str, variables: dict[str, Any]) -> Any:
    """Find the value of a dbt var: as given, else the project's default."""
    return variables.get(name, project_vars()[name])


def target_schema() -> str:
    """Name the schema that dbt builds into (``DBT_SCHEMA``)."""
    return os.environ.get("DBT_SCHEMA") or "analytics"
