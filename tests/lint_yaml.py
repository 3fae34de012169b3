"""Check the project's YAML for deprecated syntax, which dbt does not report for Postgres.

dbt validates YAML against its own JSON schemas, but only for the adapters that it keeps a
list of. Adding postgres to that list before a full parse makes it check this project too.
Prints each deprecation and exits with 1 if there is any.
"""

import sys
from pathlib import Path

from dbt.cli.main import dbtRunner
from dbt.jsonschemas import jsonschemas

PROJECT_DIR = Path(__file__).resolve().parents[1]


def main() -> int:
    """Parse with every adapter's schemas. Count what they object to."""
    found: list[str] = []

    def collect(event: object) -> None:
        name = event.info.name  # type: ignore[attr-defined]
        if "Deprecation" in name and "Summary" not in name:
            found.append(f"{name}: {event.info.msg}")  # type: ignore[attr-defined]

    jsonschemas._JSONSCHEMA_SUPPORTED_ADAPTERS.add("postgres")
    outcome = dbtRunner(callbacks=[collect]).invoke(
        [
            "--quiet",
            "parse",
            "--no-partial-parse",
            "--show-all-deprecations",
            "--project-dir",
            str(PROJECT_DIR),
            "--profiles-dir",
            str(PROJECT_DIR),
        ]
    )
    if not outcome.success:
        found.append(f"dbt parse failed: {outcome.exception}")
    print("\n".join(found) or "YAML: no deprecations")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
