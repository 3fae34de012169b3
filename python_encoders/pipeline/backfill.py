"""The workflow's chain, on either engine: dbt run, encode, dbt test.

A run imports its own engine alone: the other one need not be installed.
"""

import contextlib
import functools
from collections.abc import Callable
from typing import Any

from python_encoders.dbt_project import dbt_var
from python_encoders.encoders import check_models
from python_encoders.errors import WorkFailedError, WrongUsageError
from python_encoders.pipeline.dbt_chain import DbtChain, start_dbt, verbatim_vars
from python_encoders.pipeline.encode import (
    check_no_marts,
    encode_and_fill,
    encoder_locks,
    say_row_security,
    tell_holder,
)
from python_encoders.pipeline.reporter import Reporter
from python_encoders.scope import Encoded, Scope


def backfill(
    scope: Scope,
    variables: dict[str, Any],
    reporter: Reporter,
    target: str = "postgres",
) -> None:
    """Build the panels with dbt, encode what is pending, test the result with dbt.

    Parameters
    ----------
    scope : Scope
    variables : dict
        Further dbt vars, such as source_schema.
    reporter : Reporter
    target : str
        The engine, ``postgres`` or ``spark``.

    Raises
    ------
    WrongUsageError
        Unknown model or set.
    WorkFailedError
        The engine is out of reach, source tables are missing, the prune guard stops the
        run, or a model or test fails.
    """
    check_models(scope.model_ids)
    if target == "spark":
        _backfill_on_spark(scope, variables, reporter)
    else:
        _backfill_on_postgres(scope, variables, reporter)


def _backfill_on_postgres(
    scope: Scope, variables: dict[str, Any], reporter: Reporter
) -> None:
    from python_encoders import postgres
    from python_encoders.marts import VectorMarts
    from python_encoders.search import check_index_metric

    marts = VectorMarts.read(variables)
    postgres.choose_server()
    with postgres.plain_errors(), postgres.connect(autocommit=True) as connection:
        schema = str(dbt_var("source_schema", variables))
        postgres.check_source(connection, schema)
        if scope.scenario_set_id is not None:
            postgres.check_set_in_source(connection, schema, scope.scenario_set_id)
        if statement := postgres.index_to_create(connection, schema):
            reporter.say(
                f"{schema}.scenario_paths has no index on set and scenario, so each "
                f"scenario takes a scan of the whole table; to create it: {statement}"
            )
        say_row_security(connection, schema, reporter)
        index_metric = dbt_var("vector_index_metric", variables)
        if index_metric is not None:
            check_index_metric(connection, index_metric)
        postgres.check_target_is_ours(connection)
        # dbt takes a second to import, so the checks that need no dbt come first.
        panels_lock = functools.partial(
            postgres.lock, connection, "panels", tell_holder(reporter, "the panels")
        )
        with encoder_locks(connection, scope.model_ids, reporter):
            build_and_test(
                start_dbt(variables_of(scope, variables)),
                lambda: encode_and_fill(connection, scope, marts, reporter),
                reporter,
                panels_lock,
                has_index=index_metric is not None,
            )


def _backfill_on_spark(scope: Scope, variables: dict[str, Any], reporter: Reporter) -> None:
    from python_encoders.spark import session as spark_session

    check_no_marts(variables)
    spark_session.check_installed()
    from python_encoders.spark import encoding, store

    if dbt_var("vector_index_metric", variables) is not None:
        raise WrongUsageError(
            "the var vector_index_metric is for Postgres: Spark has no index"
        )
    with spark_session.open_session() as session:
        schema = str(dbt_var("source_schema", variables))
        store.check_source(session, schema)
        if scope.scenario_set_id is not None:
            store.check_set_in_source(session, schema, scope.scenario_set_id)
        build_and_test(
            start_dbt(variables_of(scope, variables), target="spark"),
            lambda: encoding.encode(session, scope, reporter.progress),
            reporter,
        )


def create_scales(variables: dict[str, Any]) -> None:
    """Have dbt create the table of divisors on Postgres, where it is missing.

    Parameters
    ----------
    variables : dict
        The dbt vars, as the user gave them.

    Raises
    ------
    WrongUsageError
        A var means nothing.
    WorkFailedError
        It cannot be created.
    """
    start_dbt(verbatim_vars(variables)).build_scales()


def variables_of(scope: Scope, variables: dict[str, Any]) -> dict[str, Any]:
    """Give the dbt vars of a run, written so that dbt does not render them."""
    all_variables = variables | {
        "scenario_set_id": scope.scenario_set_id,
        "scenario_limit": scope.limit,
        "encoded_model_ids": list(scope.model_ids),
    }
    return verbatim_vars(all_variables)


def build_and_test(
    chain: DbtChain,
    encode_pending: Callable[[], Encoded],
    reporter: Reporter,
    panels_lock: Callable[..., contextlib.AbstractContextManager[None]] | None = None,
    *,
    has_index: bool = False,
) -> None:
    """Run dbt, then the encoder, then dbt's tests. Say what each did.

    Where the tests fail, or what is encoded just before them, all of it is done once more
    with the panels locked: a run that was killed meanwhile may have left them half-built.

    Parameters
    ----------
    chain : DbtChain
    encode_pending : callable
    reporter : Reporter
    panels_lock : callable, optional
        Makes the lock that is held while the panels are built, and shared with other runs
        (``is_shared``) while they are tested. Nothing holds it during the encoding, so
        another run may rebuild panels then.
    has_index : bool
        Whether there is an index on the vectors to build.
    """
    with panels_lock() if panels_lock else contextlib.nullcontext():
        num_models = chain.run()
    reporter.say(f"panels: {num_models} dbt models built")
    _say_encoded(encode_pending(), reporter)
    if has_index:
        chain.build_vector_index()
    try:
        with panels_lock(is_shared=True) if panels_lock else contextlib.nullcontext():
            # The tests compare with the panels as they are now, not as they were encoded.
            if panels_lock and (anew := encode_pending().num_written):
                reporter.say(
                    f"vectors: {anew} more written; another run rebuilt their panels"
                )
            tested = chain.test()
    except WorkFailedError as error:
        if panels_lock is None:
            raise
        reporter.say(f"{error}\nbuilding, encoding and testing once more")
        with panels_lock():
            chain.run()
            _say_encoded(encode_pending(), reporter)
            tested = chain.test()
    reporter.say(f"tests: {tested.num_passed} passed, {len(tested.warnings)} warned")
    for warning, rows in tested.warnings.items():
        reporter.say(f"  warning: {warning}")
        for row in rows:
            reporter.say(f"    {row}")


def _say_encoded(encoded: Encoded, reporter: Reporter) -> None:
    reporter.say(f"vectors: {encoded.num_written} written, {encoded.num_pruned} pruned")
