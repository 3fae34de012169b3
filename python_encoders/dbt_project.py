"""The dbt project beside this package: where it is, its vars, the schema it builds into."""

import os
from pathlib import Path
from typing import Any

import yaml

PROJECT_DIR = Path(__file__).resolve().parents[1]


def project_vars() -> dict[str, Any]:
    """Read the project's dbt vars and their defaults."""
    project = yaml.safe_load((PROJECT_DIR / "dbt_project.yml").read_text())
    return dict(project["vars"])


def dbt_var(name: str, variables: dict[str, Any]) -> Any:
    """Find the value of a dbt var: as given, else the project's default."""
    return variables.get(name, project_vars()[name])


def target_schema() -> str:
    """Name the schema that dbt builds into (``DBT_SCHEMA``)."""
    return os.environ.get("DBT_SCHEMA") or "analytics"
