"""What the marts beside the vectors have in common: what has changed, and writing it."""

import pyarrow as pa
from adbc_driver_manager.dbapi import Connection

from python_encoders.marts.mart_vars import MartVars
from python_encoders.postgres import fetch, relation
from python_encoders.scope import ENTITY_TYPE


def delete_others(connection: Connection, mart: str, wanted: MartVars) -> list[str]:
    """Delete the rows of other encoders, or by another metric. Name what they were of.

    Parameters
    ----------
    connection : Connection
    mart : str
        Has the columns model_id and metric.
    wanted : MartVars

    Returns
    -------
    list of str
        Such as ``num-scenario-core-v1 by cosine``.
    """
    parameters: list[object] = [",".join(wanted.model_ids), wanted.metric]
    of_others = f"""
        from {relation(mart)}
        where model_id <> all(string_to_array($1, ',')) or metric <> $2
        """
    # Asked first: a delete takes a lock, and mostly there is nothing to do.
    found: list[str] = fetch(
        connection,
        f"select distinct model_id || ' by ' || metric as what {of_others} order by 1",
        parameters,
    )["what"].to_pylist()
    if found:
        fetch(connection, f"delete {of_others} returning 1 as deleted", parameters)
    return found


def compared(mart: str, metric: str, columns: str) -> str:
    """Begin a query: the CTEs newest, the vectors that a mart is of, and filled.

    Both are of the model $1. Filled has the scenarios that the mart has rows of, with the
    fingerprint of then.

    Parameters
    ----------
    mart : str
        Has the columns model_id, entity_id and panel_fingerprint.
    metric : str
    columns : str
        Further columns of filled, aggregated by scenario.
    """
    # A vector of zeros has no direction. Asked only of what the mart does not have.
    has_direction = "filled.entity_id is not null or 0 <> any(vectors.embedding)"
    return f"""
        with vectors as (
            select distinct on (entity_id)
                entity_id,
                window_spec ->> 'scenario_set_id' as scenario_set_id,
                panel_fingerprint,
                embedding
            from {relation("numeric_window_embeddings")}
            where entity_type = '{ENTITY_TYPE}' and model_id = $1
            order by entity_id, as_of_date desc
        ),

        filled as (
            select entity_id, min(panel_fingerprint) as panel_fingerprint, {columns}
            from {relation(mart)}
            where model_id = $1
            group by entity_id
        ),

        newest as (
            select
                vectors.*,
                -- (Without a fingerprint, nobody can tell.)
                (vectors.panel_fingerprint = filled.panel_fingerprint) is not true
                    as is_changed
            from vectors
            left join filled on vectors.entity_id = filled.entity_id
            where {has_direction if metric == "cosine" else "true"}
        )
        """


def replace_rows(
    connection: Connection,
    mart: str,
    model_id: str,
    metric: str,
    replaced: pa.Array,
    rows: pa.Table,
) -> None:
    """Delete the rows of some scenarios and write others.

    Parameters
    ----------
    connection : Connection
        Not in autocommit.
    mart : str
        Has the columns model_id, metric and entity_id.
    model_id : str
    metric : str
    replaced : pyarrow.Array of string
        Entity ids.
    rows : pyarrow.Table
        The mart's columns but model_id and metric.
    """
    columns = ", ".join(rows.column_names)
    with connection.cursor() as cursor:
        cursor.adbc_ingest(
            "replaced_scenarios",
            pa.table({"replaced_id": replaced}),
            mode="create",
            temporary=True,
        )
        cursor.adbc_ingest("staged_rows", rows, mode="create", temporary=True)
        cursor.execute("analyze replaced_scenarios")
        for statement in (
            f"""
            delete from {relation(mart)} using replaced_scenarios
            where model_id = $1::text and entity_id = replaced_id and $2::text = metric
            """,
            f"""
            insert into {relation(mart)} (model_id, metric, {columns})
            select $1::text, $2::text, {columns} from staged_rows
            """,
        ):
            cursor.execute(statement, [model_id, metric])
        cursor.execute("drop table replaced_scenarios")
        cursor.execute("drop table staged_rows")
