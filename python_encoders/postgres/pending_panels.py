"""The panels that lack a vector, as a stream.

A streamed query takes no parameters, because COPY takes none. It finds its values in
settings of its session.
"""

import contextlib
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
from adbc_driver_manager.dbapi import Connection
from adbc_driver_postgresql import StatementOptions

from python_encoders.errors import WorkFailedError
from python_encoders.postgres.connection import first_line
from python_encoders.postgres.sql import fetch, relation, scope_parameters
from python_encoders.scope import ENTITY_TYPE, Scope

# Three batches are in hand at a time. Larger ones need more memory and are no faster.
BATCH_BYTES = 4 * 1024**2


def _pending(scope: Scope) -> str:
    """Select the keys of the panels that lack a vector, and for which models they do."""
    limited = f"and scenarios.scenario_rank <= {scope.limit}" if scope.limit else ""
    return f"""
        select
            expected.scenario_set_id,
            expected.scenario_id,
            expected.panel_fingerprint,
            array_agg(expected.model_id) as model_ids
        from {relation("int_expected_embeddings")} as expected
        inner join {relation("int_scenarios")} as scenarios
            on
                expected.scenario_set_id = scenarios.scenario_set_id
                and expected.scenario_id = scenarios.scenario_id
                {limited}
        left join {relation("numeric_window_embeddings")} as embeddings
            on
                embeddings.entity_type = '{ENTITY_TYPE}'
                and expected.entity_id = embeddings.entity_id
                and expected.as_of_date = embeddings.as_of_date
                and expected.model_id = embeddings.model_id
                and expected.panel_fingerprint = embeddings.panel_fingerprint
        where
            embeddings.entity_id is null
            and expected.is_supported
            and expected.model_id = any(
                string_to_array(current_setting('scenario_embeddings.model_ids'), ',')
            )
            and current_setting('scenario_embeddings.scenario_set_id')
            in ('', expected.scenario_set_id)
        group by
            expected.scenario_set_id, expected.scenario_id, expected.panel_fingerprint
        """


@contextlib.contextmanager
def pending_panels(
    connection: Connection, scope: Scope
) -> Iterator[tuple[int, Iterator[pa.RecordBatch]]]:
    """Stream the panels that lack a vector of their present fingerprint, each once.

    The keys of the pending panels go into a temporary table first. The stream lasts as long
    as the writing, and would otherwise hold a lock on the vectors' table. A session that
    alters that table would wait for the stream, the writing for that session, and the
    stream for the writing: a deadlock.

    Yields
    ------
    int
        The number of pending vectors, over all models.
    iterator of pyarrow.RecordBatch
        With scenario_set_id, scenario_id, as_of_date, horizon_days, num_series, series_ids
        (list of text), divisors (list of float64, or NULL), panel (list of float64,
        row-major H·N), panel_fingerprint and
        is_pending (list of bool, in the order of the scope's models). Batches of about
        ``BATCH_BYTES``.

    Raises
    ------
    WorkFailedError
        While the batches are read, for instance when the connection is lost.
    """
    fetch(
        connection,
        """
        select
            set_config('scenario_embeddings.model_ids', $1, false),
            set_config('scenario_embeddings.scenario_set_id', $2, false)
        """,
        scope_parameters(scope),
    )
    with connection.cursor() as cursor:
        cursor.execute(f"create temporary table pending_panels as {_pending(scope)}")
    counted = fetch(
        connection,
        """
        select coalesce(sum(cardinality(model_ids)), 0)::bigint as num_pending
        from pg_temp.pending_panels
        """,
        [],
    )
    connection.commit()
    with connection.cursor() as cursor:
        cursor.adbc_statement.set_options(
            **{StatementOptions.BATCH_SIZE_HINT_BYTES.value: BATCH_BYTES}
        )
        cursor.execute(
            f"""
            select
                panels.*,
                array(
                    select models.model_id = any(pending.model_ids)
                    from string_to_array(
                        current_setting('scenario_embeddings.model_ids'), ','
                    ) as model_ids
                    cross join unnest(model_ids) with ordinality as models (model_id, place)
                    order by models.place
                ) as is_pending
            from {relation("scenario_panels")} as panels
            inner join pg_temp.pending_panels as pending
                on
                    panels.scenario_set_id = pending.scenario_set_id
                    and panels.scenario_id = pending.scenario_id
                    and panels.panel_fingerprint = pending.panel_fingerprint
            """
        )
        batches = _batches(cursor.fetch_record_batch())
        with contextlib.closing(_read_ahead(batches)) as batches_ahead:
            yield counted["num_pending"][0].as_py(), batches_ahead


def _read_ahead(batches: Iterator[pa.RecordBatch]) -> Generator[pa.RecordBatch]:
    # Server and driver work on the next batch while the last one is encoded and written.
    with ThreadPoolExecutor(max_workers=1) as reader:
        following = reader.submit(next, batches, None)
        while (batch := following.result()) is not None:
            following = reader.submit(next, batches, None)
            yield batch


def _batches(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    # An error amid the stream is one of Arrow, not of the driver.
    try:
        yield from reader
    except (pa.ArrowException, OSError) as error:
        raise WorkFailedError(f"Postgres: {first_line(error)}") from error
