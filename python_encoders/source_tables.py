"""The source tables, and the errors of their checks: the same words on both engines."""

from python_encoders.errors import WorkFailedError, WrongUsageError

# The columns that staging cannot do without.
SOURCE_COLUMNS = {
    "scenario_sets": {"scenario_set_id", "horizon_days"},
    "scenario_paths": {
        "scenario_set_id",
        "scenario_id",
        "horizon_index",
        "instrument_id",
        "factor_id",
        "macro_id",
        "return_value",
    },
}


def check_columns(
    schema: str, columns: dict[str, set[str]], home: str, seed_command: str
) -> None:
    """Check that the source tables have the columns that staging reads.

    Parameters
    ----------
    schema : str
    columns : dict
        The columns of each source table. A missing table has none.
    home : str
        The database or catalogue of the schema.
    seed_command : str
        The command that loads the demonstration data there.

    Raises
    ------
    WorkFailedError
        Names the schema, the table and the columns that are missing.
    """
    for table, needed in SOURCE_COLUMNS.items():
        if not columns[table]:
            raise WorkFailedError(
                f"no table {table} in schema {schema} of {home}; the dbt var source_schema "
                f"says which schema holds the scenario tables, `{seed_command}` loads the "
                "demonstration data"
            )
        if missing := sorted(needed - columns[table]):
            raise WorkFailedError(
                f"{schema}.{table} has no column {', '.join(missing)}; add the "
                "column, or put a view in front"
            )


def no_paths(schema: str) -> WorkFailedError:
    """Make the error of an empty source, which is more likely in loading than gone."""
    return WorkFailedError(
        f"{schema}.scenario_paths is empty, so nothing was built and no vector was pruned; "
        "load it and run again"
    )


def set_is_there_twice(schema: str, set_id: str) -> WorkFailedError:
    """Make the error of a set with two rows, which give it two horizons or two dates."""
    return WorkFailedError(f"{schema}.scenario_sets has set {set_id!r} more than once")


def unknown_set(set_id: str, known: list[str]) -> WrongUsageError:
    """Make the error of an unknown set. It names the first 20 sets there are."""
    names = ", ".join(known[:20]) + (", …" if len(known) > 20 else "")
    return WrongUsageError(f"unknown scenario set {set_id!r}; there are: {names or 'none'}")
