"""Encode what is pending: panels stream in, vectors stream out, a batch at a time."""

from collections.abc import Callable
from typing import NamedTuple

from python_encoders import store
from python_encoders.connection import connect
from python_encoders.vectors import vectors_of


class Encoded(NamedTuple):
    """What an encoder run did: how many vectors it wrote, and how many it pruned."""

    num_written: int
    num_pruned: int


def encode(
    scope: store.Scope,
    on_progress: Callable[[int, int], None],
    check_lock: Callable[[], None] = lambda: None,
) -> Encoded:
    """Write the vectors that are pending in scope, and prune those of no panel.

    Each batch is committed on its own, so a run that is killed has done what it has
    written, and the next one goes on from there. The caller holds the models' locks.

    Parameters
    ----------
    scope : store.Scope
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
        num_pruned = store.prune(writing, scope)
        with store.pending_panels(reading, scope) as (num_pending, batches):
            if num_pending:
                store.create_staging(writing)
                on_progress(0, num_pending)
                for batch in batches:
                    vectors = vectors_of(scope.model_ids, batch)
                    check_lock()
                    store.write_vectors(writing, vectors)
                    num_written += vectors.num_rows
                    on_progress(num_written, num_pending)
                store.analyze_vectors(writing)
    return Encoded(num_written, num_pruned)
