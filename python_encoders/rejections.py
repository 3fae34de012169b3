"""Why scenarios have no vector: the query that both engines read, and its worst case."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from python_encoders.errors import WorkFailedError


def rejection_reasons(relation: Callable[[str], str]) -> str:
    """Write the query for the reasons of each set.

    Parameters
    ----------
    relation : callable
        Names a relation of dbt's in the engine's SQL.

    Returns
    -------
    str
        A query for one row per set, encoder and reason: scenario_set_id, model_id (NULL:
        no encoder gets a panel), reason, num_scenarios, and the first scenario's
        scenario_id and detail (NULL where one encoder rejects: the detail would read every
        panel).
    """
    reason = "scenario_set_id, model_id, reason"
    return f"""
        with rejected as (
            select
                scenario_set_id, scenario_id, cast(null as varchar(64)) as model_id,
                reason, detail
            from {relation("scenario_rejections")}
            union all
            select
                scenario_set_id, scenario_id, model_id,
                rejection_reason as reason, null as detail
            from {relation("int_expected_embeddings")}
            where not is_supported
        ),

        ranked as (
            select
                rejected.*,
                count(*) over (partition by {reason}) as num_scenarios,
                row_number() over (partition by {reason} order by scenario_rank) as place
            from rejected
            inner join {relation("int_scenarios")} as scenarios
                using (scenario_set_id, scenario_id)
        )

        select {reason}, num_scenarios, scenario_id, detail
        from ranked
        where place = 1
        """


def check_some_are_taken(coverage: Iterable[Mapping[str, Any]]) -> None:
    """Check that a run has not rejected all of its scenarios.

    Parameters
    ----------
    coverage : iterable of mapping
        The rows of ``scenario_set_coverage`` for the sets and encoders of the run. With a
        limit, vectors that an earlier run has written beyond it count.

    Raises
    ------
    WorkFailedError
        There are scenarios, and each encoder of the run rejects all of them.
    """
    rows = list(coverage)
    if any(row["num_rejected"] for row in rows) and not any(
        row["num_encoded"] for row in rows
    ):
        raise WorkFailedError(
            "every encoder of the run rejects every scenario in scope; docs/rejections.md "
            "says what to do about each reason"
        )
