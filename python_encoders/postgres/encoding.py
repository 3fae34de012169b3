"""Encode what is pending: panels stream in, vectors stream out, a batch at a time."""

from collections.abc import Callable

from adbc_driver_manager.dbapi import Connection

from python_encoders.arrow_encoding import vectors_of
from python_encoders.postgres import vectors
from python_encoders.postgres.locks import check_lock
from python_encoders.postgres.pending_panels import pending_panels
from python_encoders.scope import Encoded, Scope


def encode(
    connection: Connection, scope: Scope, on_progress: Callable[[int, int], None]
) -> Encoded:
    """Write the vectors that are pending in scope. Prune orphaned and outdated ones.

    Each batch is committed on its own, so the next run resumes an interrupted one.

    Parameters
    ----------
    connection : Connection
        In autocommit. It holds the encoders' locks.
    scope : Scope
    on_progress : callable
        Called after each batch with the number of vectors written, and of all pending.

    Returns
    -------
    Encoded

    Raises
    ------
    WorkFailedError
        The prune guard stops the run: nothing is written or deleted. Or the locks are
        lost: the prune and the batches before stay.
    """
    num_written = 0
    # (Clones know the types that the server had for the first. To ask takes 46 ms.)
    with connection.adbc_clone() as reading, connection.adbc_clone() as writing:
        num_pruned = vectors.prune(writing, scope)
        with pending_panels(reading, scope) as (num_pending, batches):
            if num_pending:
                vectors.create_staging(writing)
                on_progress(0, num_pending)
                for batch in batches:
                    encoded = vectors_of(scope.model_ids, batch)
                    check_lock(connection)
                    vectors.write_vectors(writing, encoded)
                    num_written += encoded.num_rows
                    on_progress(num_written, num_pending)
                vectors.analyze_vectors(writing)
    return Encoded(num_written, num_pruned)
