"""What a load is asked for, and what that means for each series."""

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from python_encoders.errors import WrongUsageError

UNITS = {"decimal": 1.0, "percent": 100.0, "%": 100.0, "bp": 10_000.0, "bps": 10_000.0}
VALUES = ("returns", "levels", "log-returns")
CHANGES = ("relative", "difference")
KINDS = ("instrument", "factor", "macro")
_CHOICES = {"unit": tuple(UNITS), "values": VALUES, "change": CHANGES, "kind": KINDS}


class Series(NamedTuple):
    """What the values of one series mean."""

    kind: str = "instrument"
    values: str = "returns"
    change: str = "relative"
    unit: str = "decimal"
    sign: float = 1.0
    divisor: float | None = None


class Options(NamedTuple):
    """What a load is asked for. The command's ``--help`` describes each."""

    files: tuple[Path, ...]
    scenario_set_id: str
    layout: str | None = None
    scenario: tuple[str, ...] = ()
    step: str | None = None
    series: tuple[str, ...] = ()
    series_columns: tuple[str, ...] = ()
    value: str | None = None
    default: Series = Series()
    base: str | None = None
    base_scenario: str | None = None
    unit_column: str | None = None
    window: int | None = None
    stride: int | None = None
    events: Path | None = None
    take: str = "last"
    missing: str = "reject"
    day_first: bool | None = None
    as_of: str | None = None
    name: str | None = None
    category: str = "CUSTOM"
    labels: str | None = None
    per_series: dict[str, dict[str, Any]] = {}  # noqa: RUF012 - never written to
    units: dict[str, str] = {}  # noqa: RUF012 - never written to


def read_spec(path: Path) -> dict[str, Any]:
    """Read a spec: options by their names, and the mappings ``per_series`` and ``units``.

    Raises
    ------
    WrongUsageError
        The file is no YAML mapping, or a series has a setting or value that is unknown.
    """
    try:
        spec = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise WrongUsageError(
            f"{path} is no YAML: {' '.join(str(error).split())}"
        ) from error
    if not isinstance(spec, dict):
        raise WrongUsageError(f"{path} is no YAML mapping such as 'values: levels'")
    spec = {str(name).replace("-", "_"): value for name, value in spec.items()}
    for name in ("per_series", "units"):
        if not isinstance(spec.get(name, {}), dict):
            raise WrongUsageError(f"{path}: {name} is no mapping")
    for unit, meant in spec.get("units", {}).items():
        if meant not in UNITS:
            raise WrongUsageError(f"{path}: unit {unit!r} is none of {list(UNITS)}")
    for glob, settings in spec.get("per_series", {}).items():
        _check_settings(f"{path}: series {glob!r}", settings)
    return spec


def _check_settings(where: str, settings: Any) -> None:
    if not isinstance(settings, dict):
        raise WrongUsageError(f"{where} has no settings such as 'unit: percent'")
    for name, value in settings.items():
        if name not in Series._fields:
            raise WrongUsageError(
                f"{where} has no setting {name!r}; there are: {', '.join(Series._fields)}"
            )
        if value not in _CHOICES.get(name, (value,)):
            raise WrongUsageError(f"{where}: {name} is one of {', '.join(_CHOICES[name])}")
        if name in ("divisor", "sign") and not isinstance(value, (int, float)):
            raise WrongUsageError(f"{where}: {name} is a number, not {value!r}")
    if not 0 < settings.get("divisor", 1) < float("inf"):
        raise WrongUsageError(f"{where}: divisor is above 0")
    if settings.get("sign", 1) not in (1, -1):
        raise WrongUsageError(f"{where}: sign is 1 or -1")


def settings_of(series_ids: list[str], options: Options) -> list[Series]:
    """Give each series its settings: those of the first glob that it matches."""
    return [
        options.default._replace(
            **next(
                (
                    settings
                    for glob, settings in options.per_series.items()
                    if fnmatchcase(series_id, glob)
                ),
                {},
            )
        )
        for series_id in series_ids
    ]


def unmatched_globs(series_ids: list[str], options: Options) -> list[str]:
    """Name the globs of the spec that no series matches."""
    return [
        glob
        for glob in options.per_series
        if not any(fnmatchcase(series_id, glob) for series_id in series_ids)
    ]
