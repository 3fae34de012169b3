"""Encode what is pending: panels stream in, vectors stream out, a batch at a time."""

from collections.abc import Callable

from python_encoders.arrow_encoding import vectors_of
from python_encoders.postgres import vectors
from python_encoders.postgres.connection import connect
from python_encoders.postgres.pending_panels import pending_panels
from python_encoders.scope import Encoded, Scope


def encode(
    scope: Scope,
    on_progress: Callable[[int, int], None],
    check_lock: Callable[[], None] = lambda: None,
) -> Encoded:
    """Write the vectors that are pending in scope. Prune orphaned and outdated ones.

    Each batch is committed on its own, so the next run resumes an interrupted one. The
    caller holds the models' locks.

    Parameters
    ----------
    scope : Scope
    on_progress : callable
        Called after each batch with the number of vectors written, and of all pending.
    check_lock : callable
        Called before each batch is written. Raises when the locks are lost.

    Returns
    -------
    Encoded

    Raises
    ------
    WorkFailedError
        The prune guard stops the run. Nothing is written or deleted.
    """
    num_written = 0
    with connect() as reading, connect() as writing:
        num_pruned = vectors.prune(writing, scope)
        with pending_panels(reading, scope) as (num_pending, batches):
            if num_pending:
                vectors.create_staging(writing)
                on_progress(0, num_pending)
                for batch in batches:
                    encoded = vectors_of(scope.model_ids, batch)
                    check_lock()
                    vectors.write_vectors(writing, encoded)
                    num_written += encoded.num_rows
                    on_progress(num_written, num_pending)
                vectors.analyze_vectors(writing)
    return Encoded(num_written, num_pruned)
