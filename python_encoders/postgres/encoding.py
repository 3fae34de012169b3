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
    """Write the vectors that are pending in scope, and prune those of no panel.

    Each batch is committed on its own, so a run that is killed has done what it has
    written, and the next one goes on from there. The caller holds the models' locks.

    Parameters
    ----------
    scope : Scope
    on_progress : callable
        Told how many vectors are written, and of how many, after each batch.
    check_lock : callable
        Called before each batch is written; raises when the locks are lost.

    Returns
    -------
    Encoded
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
