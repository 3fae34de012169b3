"""Fill the marts after the vectors."""

from adbc_driver_manager.dbapi import Connection

from python_encoders.marts import scenario_neighbors, scenario_representatives
from python_encoders.marts.mart_rows import delete_others
from python_encoders.marts.mart_vars import VectorMarts
from python_encoders.postgres import check_is_built
from python_encoders.wording import counted


def fill_marts(connection: Connection, wanted: VectorMarts) -> list[str]:
    """Bring the marts of all sets up to date. Say what was deleted and written.

    Where nothing has changed, only fingerprints are read. Rows of encoders that the vars do
    not name, or by another metric, are deleted.

    Parameters
    ----------
    connection : Connection
        Not in autocommit. The caller holds the lock ``marts``.
    wanted : VectorMarts

    Returns
    -------
    list of str
        A line each. None where nothing has changed.

    Raises
    ------
    WorkFailedError
        dbt has not built the marts.
    """
    said = []
    for filling, kind, its_vars, of_what in (
        (scenario_neighbors, "neighbor", wanted.neighbors, "scenario"),
        (scenario_representatives, "representative", wanted.representatives, "set"),
    ):
        check_is_built(connection, "numeric_window_embeddings", filling.MART)
        if others := delete_others(connection, filling.MART, its_vars):
            said.append(
                f"{filling.MART}: deleted the rows of {', '.join(others)}, which the vars "
                f"{kind}_model_ids and {kind}_metric of this run do not name; keep them in "
                "dbt_project.yml, or give each backfill and encode the same --vars"
            )
        connection.commit()
        num_written = 0
        for model_id in its_vars.model_ids:
            num_written += filling.update(connection, model_id, its_vars)
            connection.commit()
        if num_written:
            said.append(f"{filling.MART}: written for {counted(num_written, of_what)}")
    return said
