"""The workflow's chain: build the panels, encode what is pending, test the result."""

import contextlib
import gc
import re
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa
from adbc_driver_manager.dbapi import Connection

from python_encoders import store
from python_encoders.connection import connect
from python_encoders.encoders import check_models
from python_encoders.encoding import Encoded, encode
from python_encoders.search import check_index_metric

if TYPE_CHECKING:
    from python_encoders.dbt_chain import DbtChain


class Reporter(Protocol):
    """What the chain tells while it works."""

    def say(self, text: str) -> None:
        """Say one line."""

    def progress(self, done: int, total: int) -> None:
        """Say how many vectors are written, and of how many."""


def _waiting(reporter: Reporter, what: str) -> Callable[[str], None]:
    return lambda holder: reporter.say(f"waiting for {what}: held by {holder}")


@contextlib.contextmanager
def _locked(
    connection: Connection, model_ids: Sequence[str], reporter: Reporter
) -> Iterator[None]:
    with contextlib.ExitStack() as locks:
        # In one order for everyone: nobody waits for someone who waits for them.
        for model_id in sorted(model_ids):
            locks.enter_context(
                store.lock(connection, model_id, _waiting(reporter, model_id))
            )
        yield


def verbatim(value: Any) -> Any:
    """Write a dbt var so that dbt takes it as it is.

    dbt renders a var that is a text as Jinja: of a set whose id is ``{{ run_query(…) }}``,
    it would run the query. (And it reads vars as YAML, where the JSON of a letter beyond
    the BMP is two halves of one.)

    Parameters
    ----------
    value : text, or anything else, which dbt does not render

    Returns
    -------
    The value; a text as a literal of Jinja, unless there is nothing in it to render.
    """
    if not isinstance(value, str) or re.fullmatch(r"[\w .:-]*", value, re.ASCII):
        return value
    characters = "".join(f"\\U{ord(character):08x}" for character in value)
    return f'{{{{ "{characters}" }}}}'


def encode_only(scope: store.Scope, reporter: Reporter) -> Encoded:
    """Encode what is pending over panels that dbt has built.

    Raises
    ------
    WrongUsageError
        Unknown model or set.
    WorkFailedError
        Nothing is built yet, or the server is out of reach.
    """
    check_models(scope.model_ids)
    with connect(autocommit=True) as connection:
        store.check_is_built(
            connection,
            "scenario_panels",
            "int_scenarios",
            "int_expected_embeddings",
            "numeric_window_embeddings",
        )
        if scope.scenario_set_id is not None:
            store.check_set_is_built(connection, scope.scenario_set_id)
        with _locked(connection, scope.model_ids, reporter):
            return encode(scope, reporter.progress, lambda: store.check_lock(connection))


def backfill(
    scope: store.Scope, variables: dict[str, Any], reporter: Reporter
) -> tuple[Encoded, pa.Table]:
    """Build the panels with dbt, encode what is pending, test the result with dbt.

    Parameters
    ----------
    scope : store.Scope
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
        The server is out of reach, source tables are missing, or a model or test fails.
    """
    check_models(scope.model_ids)
    with connect(autocommit=True) as connection:
        schema = str(store.dbt_var("source_schema", variables))
        store.check_source(connection, schema)
        if scope.scenario_set_id is not None:
            store.check_set_in_source(connection, schema, scope.scenario_set_id)
        index_metric = store.dbt_var("vector_index_metric", variables)
        if index_metric is not None:
            check_index_metric(connection, index_metric)
        # dbt takes a second to import; what is wrong without it has been said by now.
        with _locked(connection, scope.model_ids, reporter):
            encoded = build_and_test(
                start_dbt(variables_of(scope, variables)),
                lambda: encode(
                    scope, reporter.progress, lambda: store.check_lock(connection)
                ),
                reporter,
                store.lock(connection, "panels", _waiting(reporter, "the panels")),
                has_index=index_metric is not None,
            )
        return encoded, store.coverage(connection, scope)


def variables_of(scope: store.Scope, variables: dict[str, Any]) -> dict[str, Any]:
    """Give the dbt vars of a run, such that dbt takes them as they are."""
    all_variables = variables | {
        "scenario_set_id": scope.scenario_set_id,
        "scenario_limit": scope.limit,
        "encoded_model_ids": list(scope.model_ids),
    }
    return {name: verbatim(value) for name, value in all_variables.items()}


def start_dbt(variables: dict[str, Any], target: str | None = None) -> "DbtChain":
    """Import dbt and parse the project, with the arguments of ``DbtChain``.

    What that makes, half a million objects, stays until the process ends. Python would look
    for garbage among them time and again, for a sixth of a small run's time.
    """
    gc.disable()
    try:
        with _interruptible():
            from python_encoders.dbt_chain import DbtChain

            return DbtChain(variables, target)
    finally:
        gc.freeze()
        gc.enable()


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """End in KeyboardInterrupt after Ctrl-C, whatever has caught it on the way.

    Code that dbt's libraries generate catches all that is raised while it reads what dbt
    remembers of the project, and dbt then parses it anew.
    """
    # (Threads get no signals, and who has chosen what Ctrl-C does keeps it.)
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    ):
        yield
        return
    interrupts = []

    def interrupt(*_: object) -> None:
        interrupts.append(True)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if interrupts:
            raise KeyboardInterrupt


def build_and_test(
    chain: "DbtChain",
    encode_pending: Callable[[], Encoded],
    reporter: Reporter,
    panels_lock: contextlib.AbstractContextManager[None] | None = None,
    *,
    has_index: bool = False,
) -> Encoded:
    """Run dbt, then the encoder, then dbt's tests; say what each did.

    Parameters
    ----------
    chain : DbtChain
    encode_pending : callable
    reporter : Reporter
    panels_lock : context manager, optional
        Held while the panels are built.
    has_index : bool
        Whether there is an index on the vectors to build.
    """
    with panels_lock or contextlib.nullcontext():
        num_models = chain.run()
    reporter.say(f"panels: {num_models} dbt models built")
    encoded = encode_pending()
    reporter.say(f"vectors: {encoded.num_written} written, {encoded.num_pruned} pruned")
    if has_index:
        chain.build_vector_index()
    tested = chain.test()
    reporter.say(f"tests: {tested.num_passed} passed, {len(tested.warnings)} warned")
    for warning in tested.warnings:
        reporter.say(f"  warning: {warning}")
    return encoded
