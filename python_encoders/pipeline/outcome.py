"""The state that a run leaves its sets in, on either engine.

A run imports its own engine alone: the other one need not be installed.
"""

from typing import NamedTuple

import pyarrow as pa

from python_encoders.scope import Scope


class Outcome(NamedTuple):
    """The state of the sets in scope.

    Attributes
    ----------
    coverage : pyarrow.Table
        Rows of ``scenario_set_coverage``.
    rejections : pyarrow.Table
        A row per set, encoder and reason, as ``rejection_reasons`` gives it.
    """

    coverage: pa.Table
    rejections: pa.Table


def outcome(scope: Scope, target: str = "postgres") -> Outcome:
    """Read the state of the sets in scope, which a run has just worked on.

    Parameters
    ----------
    scope : Scope
    target : str
        The engine, ``postgres`` or ``spark``.

    Returns
    -------
    Outcome

    Raises
    ------
    WorkFailedError
        The engine is out of reach.
    """
    if target == "spark":
        from python_encoders.spark import session as spark_session
        from python_encoders.spark import store

        with spark_session.open_session() as session:
            return Outcome(store.coverage(session, scope), store.rejections(session, scope))
    from python_encoders import postgres

    with postgres.plain_errors(), postgres.connect() as connection:
        return Outcome(
            postgres.coverage(connection, scope), postgres.rejections(connection, scope)
        )
