"""The workflow's chain on Spark."""

from typing import Any

import pyarrow as pa

from python_encoders import spark_store as store
from python_encoders.encoders import check_models
from python_encoders.encoding import Encoded
from python_encoders.errors import WrongUsageError
from python_encoders.spark_encoding import encode
from python_encoders.spark_session import open_session
from python_encoders.store import Scope, dbt_var
from python_encoders.workflow import Reporter, build_and_test, start_dbt, variables_of


def encode_only(scope: Scope, reporter: Reporter) -> Encoded:
    """Encode what is pending over panels that dbt has built.

    Raises
    ------
    WrongUsageError
        Unknown model or set.
    WorkFailedError
        Nothing is built yet, or there is no Spark.
    """
    check_models(scope.model_ids)
    with open_session() as session:
        store.check_is_built(
            session,
            "scenario_panels",
            "int_scenarios",
            "int_expected_embeddings",
            "numeric_window_embeddings",
        )
        if scope.scenario_set_id is not None:
            store.check_set_is_built(session, scope.scenario_set_id)
        return encode(session, scope, reporter.progress)


def backfill(
    scope: Scope, variables: dict[str, Any], reporter: Reporter
) -> tuple[Encoded, pa.Table]:
    """Build the panels with dbt, encode what is pending, test the result with dbt.

    Parameters
    ----------
    scope : Scope
    variables : dict
        Further dbt vars, such as source_schema.
    reporter : Reporter

    Returns
    -------
    Encoded
    pyarrow.Table
        The coverage of the sets in scope.

    Raises
    ------
    WrongUsageError
        Unknown model or set.
    WorkFailedError
        There is no Spark, source tables are missing, or a model or test fails.
    """
    check_models(scope.model_ids)
    if dbt_var("vector_index_metric", variables) is not None:
        raise WrongUsageError(
            "the var vector_index_metric is for Postgres: Spark has no index"
        )
    with open_session() as session:
        schema = str(dbt_var("source_schema", variables))
        store.check_source(session, schema)
        if scope.scenario_set_id is not None:
            store.check_set_in_source(session, schema, scope.scenario_set_id)
        encoded = build_and_test(
            start_dbt(variables_of(scope, variables), target="spark"),
            lambda: encode(session, scope, reporter.progress),
            reporter,
        )
        return encoded, store.coverage(session, scope)
