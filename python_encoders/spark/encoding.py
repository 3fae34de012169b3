"""Encode what is pending on Spark: one job, then a switch of each partition."""

import functools
import itertools
import math
from collections.abc import Callable
from typing import NamedTuple

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

from python_encoders.arrow_encoding import stream_vectors
from python_encoders.prune_guard import check_prune
from python_encoders.scope import ENTITY_TYPE, Encoded, Scope
from python_encoders.spark import store
from python_encoders.spark.store import Partition, VectorsTable

# The size of a batch that a worker gets, and of all batches of a task.
BATCH_BYTES = 16 * 1024**2
TASK_BYTES = 64 * 1024**2
TASKS_PER_CORE = 4
_BYTES_PER_CELL = 8
_MAX_BATCH_ROWS = 4096

_VECTORS_SCHEMA = """
    scenario_set_id string, scenario_id string, as_of_date date, horizon_days int,
    num_series int, panel_fingerprint string, is_scaled boolean, model_id string,
    cells_dropped int, squared_return_dropped double, embedding array<float>
"""


class _Work(NamedTuple):
    """The pending work of one set: panels, cells, and vectors of each model in scope."""

    scenario_set_id: str
    num_panels: int
    num_cells: int
    max_cells: int
    num_vectors: list[int]


def _work(panels: DataFrame, scope: Scope) -> list[_Work]:
    cells = f.col("horizon_days").cast("long") * f.col("num_series")
    lacking = [f.col("is_pending")[place] for place in range(len(scope.model_ids))]
    found = (
        panels.groupBy("scenario_set_id")
        .agg(
            f.count("*"),
            f.sum(cells),
            f.max(cells),
            f.array(*(f.count_if(is_lacking) for is_lacking in lacking)),
        )
        .orderBy("scenario_set_id")
        .collect()
    )
    return [_Work(*row) for row in found]


def _dealt_out(panels: DataFrame, work: list[_Work]) -> DataFrame:
    """Deal panels out to tasks of about the same size, sets one after the other in each.

    The sets are laid end to end by their size, and the line is cut into tasks. Panels of
    one set lie together then: the encoders get them as one array, and a task writes few
    partitions. Adaptive execution leaves an explicit number of tasks alone.
    """
    session = panels.sparkSession
    total = sum(of_set.num_cells for of_set in work)
    num_tasks = max(
        math.ceil(total * _BYTES_PER_CELL / TASK_BYTES),
        min(
            TASKS_PER_CORE * session.sparkContext.defaultParallelism,
            sum(of_set.num_panels for of_set in work),
        ),
    )
    ends = itertools.accumulate(of_set.num_cells for of_set in work)
    sets = session.createDataFrame(
        [
            (of_set.scenario_set_id, (end - of_set.num_cells) / total, end / total)
            for of_set, end in zip(work, ends, strict=True)
        ],
        "scenario_set_id string, first double, end double",
    )
    place_in_set = f.pmod(f.xxhash64("scenario_id"), f.lit(2**20)) / 2**20
    place = f.col("first") + place_in_set * (f.col("end") - f.col("first"))
    task = f.least(f.floor(place * num_tasks), f.lit(num_tasks - 1)).cast("int")
    return (
        panels.join(f.broadcast(sets), "scenario_set_id")
        .repartitionById(num_tasks, task)
        .sortWithinPartitions("scenario_set_id")
        .select(
            "scenario_set_id",
            "scenario_id",
            "as_of_date",
            "horizon_days",
            "num_series",
            "series_ids",
            "divisors",
            "panel",
            "panel_fingerprint",
            "is_pending",
        )
    )


def _vectors(panels: DataFrame, scope: Scope) -> DataFrame:
    """Encode panels into rows of the vectors' table."""
    window_spec = f.struct(
        f.lit(ENTITY_TYPE).alias("entity_type"),
        "scenario_set_id",
        "scenario_id",
        f.col("horizon_days").alias("window_days"),
        "num_series",
        "cells_dropped",
        "squared_return_dropped",
        # (NULL is left out.)
        f.when(f.col("is_scaled"), True).alias("scaled"),
    )
    encode_batches = functools.partial(stream_vectors, scope.model_ids)
    return panels.mapInArrow(encode_batches, _VECTORS_SCHEMA).select(
        f.lit(ENTITY_TYPE).alias("entity_type"),
        f.concat_ws(":", "scenario_set_id", "scenario_id").alias("entity_id"),
        f.to_json(window_spec).alias("window_spec"),
        "as_of_date",
        "panel_fingerprint",
        "embedding",
        f.current_timestamp().alias("created_at"),
        "model_id",
        "scenario_set_id",
    )


def encode(
    session: SparkSession, scope: Scope, on_progress: Callable[[int, int], None]
) -> Encoded:
    """Write the vectors that are pending in scope. Prune orphaned and outdated ones.

    A run that fails or is killed leaves each partition either old or new, and the next run
    does the rest.

    Parameters
    ----------
    session : SparkSession
    scope : Scope
    on_progress : callable
        Called with the number of vectors written, and of all pending.

    Returns
    -------
    Encoded

    Raises
    ------
    WorkFailedError
        The prune guard stops the run. Nothing is written or deleted.
    """
    table = VectorsTable(session)
    table.remove_leftovers()
    pending = store.pending(session, scope).persist()
    stale = store.stale(session, scope).persist()
    panels = store.panels_of(session, pending, scope)
    work = _work(panels, scope)
    num_pending = sum(sum(of_set.num_vectors) for of_set in work)
    num_stale = {
        Partition(row["model_id"], row["scenario_set_id"]): row["count"]
        for row in stale.groupBy(*Partition._fields).count().collect()
    }
    if num_stale:
        check_prune(store.num_scenarios_by_loss(session, scope, stale), scope.max_prune)
    changed = set(num_stale) | {
        Partition(model_id, of_set.scenario_set_id)
        for of_set in work
        for model_id, num_vectors in zip(scope.model_ids, of_set.num_vectors, strict=True)
        if num_vectors
    }
    if changed:
        rows = store.kept(session, changed, pending, stale)
        if num_pending:
            on_progress(0, num_pending)
            widest = max(of_set.max_cells for of_set in work) * _BYTES_PER_CELL
            # Spark limits a batch by its rows, both where it reads and where it sends them
            # to Python. The default is thousands: gigabytes of wide panels.
            batch_rows = min(max(BATCH_BYTES // widest, 1), _MAX_BATCH_ROWS)
            session.conf.set("spark.sql.parquet.columnarReaderBatchSize", batch_rows)
            session.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", batch_rows)
            vectors = _vectors(_dealt_out(panels, work), scope)
            rows = rows.unionByName(vectors)
        table.replace(rows, sorted(changed))
        if num_pending:
            on_progress(num_pending, num_pending)
    stale.unpersist()
    pending.unpersist()
    return Encoded(num_pending, sum(num_stale.values()))
