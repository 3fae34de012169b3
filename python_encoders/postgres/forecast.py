"""What a backfill of all sets would change, as far as it can be told without building."""

from typing import NamedTuple

from adbc_driver_manager.dbapi import Connection

from python_encoders.postgres.sql import fetch, relation
from python_encoders.postgres.vectors import num_orphaned, num_scenarios_by_loss
from python_encoders.prune_guard import GONE
from python_encoders.scope import ENTITY_TYPE, Scope


class Forecast(NamedTuple):
    """What a backfill would change. It does not tell rows that have changed.

    Attributes
    ----------
    num_new : int
        Scenarios of the source, by their ids, that the last run has not seen.
    num_gone : int
        Scenarios that the last run has seen and the source does not have any more.
    num_pruned : int
        Vectors that are orphaned already, and those of the scenarios that have gone.
    num_scenarios_by_loss : dict of str or None to int
        As ``check_prune`` takes it.
    """

    num_new: int
    num_gone: int
    num_pruned: int
    num_scenarios_by_loss: dict[str | None, int]


def forecast(connection: Connection, scope: Scope) -> Forecast:
    """Compare the vectors with the panels of the last run, and those with the source.

    It reads the ids of all path rows once, and writes nothing.
    """
    [since] = fetch(
        connection,
        f"""
        with source as (
            select distinct scenario_set_id, scenario_id
            from {relation("stg_prometheus__scenario_paths")}
        ),

        compared as (
            select
                scenario_set_id,
                scenario_id,
                seen.raw_scenario_id is null as is_new,
                source is null as is_gone
            from source
            full join {relation("int_scenarios")} as seen
                using (scenario_set_id, scenario_id)
        ),

        of_gone as (
            select embeddings.entity_id
            from compared
            inner join {relation("int_expected_embeddings")} as expected
                using (scenario_set_id, scenario_id)
            inner join {relation("numeric_window_embeddings")} as embeddings
                on
                    embeddings.entity_type = '{ENTITY_TYPE}'
                    and expected.entity_id = embeddings.entity_id
                    and expected.as_of_date = embeddings.as_of_date
                    and expected.model_id = embeddings.model_id
            where compared.is_gone and expected.is_supported
        )

        select
            count(*) filter (where is_new) as num_new,
            count(*) filter (where is_gone) as num_gone,
            (select count(*) from of_gone) as num_vectors,
            (select count(distinct entity_id) from of_gone) as num_losses
        from compared
        """,
        [],
    ).to_pylist()
    losses = num_scenarios_by_loss(connection, scope)
    if since["num_losses"]:
        losses[GONE] = losses.get(GONE, 0) + since["num_losses"]
        losses[None] -= since["num_losses"]
    return Forecast(
        since["num_new"],
        since["num_gone"],
        num_orphaned(connection, scope) + since["num_vectors"],
        losses,
    )
