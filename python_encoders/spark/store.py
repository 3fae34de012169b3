"""Spark's tables: checks, pending and stale vectors, and the switch of partitions.

The vectors' table has a partition for each model and set. Their files lie under
``_versions/<one per run>/number=<n>`` in the table's folder. Readers find them through the
metastore alone and list no folder. A partition is replaced in two steps: its new files are
written, then one transaction tells the metastore where they are. A run that is killed
before the second step has changed nothing.
"""

import uuid
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as f

from python_encoders.dbt_project import target_schema
from python_encoders.errors import WorkFailedError
from python_encoders.prune_guard import GONE
from python_encoders.rejections import rejection_reasons
from python_encoders.scope import ENTITY_TYPE, Scope
from python_encoders.source_tables import (
    SOURCE_COLUMNS,
    check_columns,
    no_paths,
    set_is_there_twice,
    unknown_set,
)

VECTORS = "numeric_window_embeddings"
_VERSIONS = "_versions"
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
# The key of a panel, and of a vector.
_PANEL = ["scenario_set_id", "scenario_id", "panel_fingerprint"]
_VECTOR = ["model_id", "scenario_set_id", "entity_id", "as_of_date"]


class Partition(NamedTuple):
    """A partition of the vectors' table."""

    model_id: str
    scenario_set_id: str


def quoted(identifier: str) -> str:
    """Quote an identifier of Spark SQL."""
    return "`" + identifier.replace("`", "``") + "`"


def relation(name: str) -> str:
    """Name a relation that dbt has built."""
    return f"{quoted(target_schema())}.{quoted(name)}"


def _literal(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def check_is_built(session: SparkSession, *names: str) -> None:
    """Check that dbt has built these relations.

    Raises
    ------
    WorkFailedError
        Names the relation that is missing.
    """
    for name in names:
        if not session.catalog.tableExists(relation(name)):
            raise WorkFailedError(
                f"schema {target_schema()} has no {name}; build it with "
                "`dbt run --target spark` first"
            )


def check_source(session: SparkSession, schema: str) -> None:
    """Check that the source tables are there, with the columns that staging reads.

    Raises
    ------
    WorkFailedError
        Names the schema, the table and the columns that are missing. Also where
        there are no paths, or a set is there twice.
    """
    names = {table: f"{quoted(schema)}.{quoted(table)}" for table in SOURCE_COLUMNS}
    columns = {
        table: set(session.table(name).columns)
        if session.catalog.tableExists(name)
        else set()
        for table, name in names.items()
    }
    check_columns(schema, columns, "Spark's metastore", "dbt seed --target spark")
    if session.table(names["scenario_paths"]).isEmpty():
        raise no_paths(schema)
    sets = session.table(names["scenario_sets"]).where("scenario_set_id <> ''")
    if twice := sets.groupBy("scenario_set_id").count().where("count > 1").first():
        raise set_is_there_twice(schema, twice["scenario_set_id"])


def check_set_in_source(session: SparkSession, schema: str, set_id: str) -> None:
    """Check that the source knows the set.

    Raises
    ------
    WrongUsageError
        Says which sets exist.
    """
    sets, paths = (f"{quoted(schema)}.{quoted(table)}" for table in SOURCE_COLUMNS)
    _check_set(session, [sets, paths], set_id)


def check_set_is_built(session: SparkSession, set_id: str) -> None:
    """Check that dbt has built the set's panels.

    Raises
    ------
    WrongUsageError
        Says which sets have been built.
    """
    _check_set(session, [relation("int_scenario_panels")], set_id)


def _check_set(session: SparkSession, relations: list[str], set_id: str) -> None:
    for name in relations:
        if session.table(name).where(_is("scenario_set_id", set_id)).take(1):
            return
    found = session.table(relations[0]).selectExpr("string(scenario_set_id)").distinct()
    known = [set_id for (set_id,) in found.orderBy("scenario_set_id").limit(21).collect()]
    raise unknown_set(set_id, known)


def _is(column: str, value: str) -> Column:
    """Compare in Spark: the metastore cannot take text with both kinds of quotes."""
    return f.concat(f.col(column).cast("string"), f.lit("")) == value


def _in_scope(frame: DataFrame, scope: Scope) -> DataFrame:
    if scope.scenario_set_id is not None:
        frame = frame.where(_is("scenario_set_id", scope.scenario_set_id))
    return frame


def _scenarios(session: SparkSession, limit: int | None) -> DataFrame:
    """Give the scenarios that the last run saw, or the first ones of each set.

    Returns
    -------
    DataFrame
        scenario_set_id, scenario_id, entity_id.
    """
    scenarios = session.table(relation("int_scenarios"))
    if limit:
        scenarios = scenarios.where(f.col("scenario_rank") <= limit)
    return scenarios.select("scenario_set_id", "scenario_id", _entity_id())


def _entity_id() -> Column:
    return f.concat_ws(":", "scenario_set_id", "scenario_id").alias("entity_id")


def _stored(session: SparkSession) -> DataFrame:
    """Give the scenario vectors' keys and fingerprints."""
    vectors = session.table(relation(VECTORS)).where(f.col("entity_type") == ENTITY_TYPE)
    return vectors.select(*_VECTOR, "panel_fingerprint")


def _expected(session: SparkSession) -> DataFrame:
    """Give the vectors that there should be, of all models."""
    return session.table(relation("int_expected_embeddings")).where("is_supported")


def pending(session: SparkSession, scope: Scope) -> DataFrame:
    """Find the vectors in scope that no panel's present fingerprint has yet.

    Returns
    -------
    DataFrame
        model_id, scenario_set_id, scenario_id, entity_id, as_of_date, panel_fingerprint.
    """
    expected = _in_scope(_expected(session), scope)
    expected = expected.where(f.col("model_id").isin(*scope.model_ids))
    scenarios = _scenarios(session, scope.limit).drop("entity_id")
    expected = expected.join(scenarios, ["scenario_set_id", "scenario_id"], "left_semi")
    key = [*_VECTOR, "panel_fingerprint"]
    stored = _in_scope(_stored(session), scope)
    return expected.join(stored, key, "left_anti").select("scenario_id", *key)


def stale(session: SparkSession, scope: Scope) -> DataFrame:
    """Find the orphaned and outdated vectors in scope.

    A vector is orphaned where its scenario has gone, is rejected, or has another date. It
    is outdated where its panel has changed since. Those of the scope's own models are left
    out, because this run writes them anew. The vector of a scenario or set that is in the
    source and that no run of dbt has judged yet is left out too.

    Returns
    -------
    DataFrame
        model_id, scenario_set_id, entity_id, as_of_date.
    """
    expected = _in_scope(_expected(session), scope)
    in_run = f.col("model_id").isin(*scope.model_ids)
    models = session.table(relation("encoder_limits")).select("model_id")
    candidates = (
        _in_scope(_stored(session), scope)
        .join(f.broadcast(models), "model_id", "left_semi")
        .join(expected.where(in_run), _VECTOR, "left_anti")
        .join(expected.where(~in_run), [*_VECTOR, "panel_fingerprint"], "left_anti")
        .select(*_VECTOR)
    )
    scenario = ["scenario_set_id", "entity_id"]
    if scope.limit:
        first = _scenarios(session, scope.limit)
        candidates = candidates.join(first, scenario, "left_semi")
    sets, paths = (
        session.table(relation(name)).select("scenario_set_id")
        for name in ("int_scenario_sets", "stg_prometheus__scenario_paths")
    )
    # Mostly there is none, and then the source is not scanned.
    unseen = candidates.join(sets, "scenario_set_id", "left_anti")
    unseen = f.broadcast(unseen.select("scenario_set_id").distinct())
    unseen = f.broadcast(paths.join(unseen, "scenario_set_id", "left_semi").distinct())
    judged = session.table(relation("int_scenario_panels")).where(
        "content_hash is not null"
    )
    judged = judged.select("scenario_set_id", _entity_id())
    not_judged = _scenarios(session, None).join(judged, scenario, "left_anti")
    return candidates.join(_in_scope(not_judged, scope), scenario, "left_anti").join(
        unseen, "scenario_set_id", "left_anti"
    )


def num_scenarios_by_loss(
    session: SparkSession, scope: Scope, stale: DataFrame
) -> dict[str | None, int]:
    """Count the scenarios in scope that have a vector, by why they would be left without.

    Parameters
    ----------
    session : SparkSession
    scope : Scope
    stale : DataFrame
        What the run would delete, as ``stale`` gives it.

    Returns
    -------
    dict
        The cause is None where the run keeps a vector of the scenario, or writes one.
    """
    scenario = ["scenario_set_id", "entity_id"]
    models = session.table(relation("encoder_limits")).select("model_id")
    stored = _in_scope(_stored(session), scope).join(models, "model_id", "left_semi")
    if scope.limit:
        stored = stored.join(_scenarios(session, scope.limit), scenario, "left_semi")
    expected = session.table(relation("int_expected_embeddings")).where(
        f.col("model_id").isin(*scope.model_ids)
    )
    kept = stored.join(stale, _VECTOR, "left_anti").select(*scenario)
    kept = kept.union(expected.where("is_supported").select(*scenario)).distinct()
    reasons = expected.groupBy(*scenario).agg(
        f.min("rejection_reason").alias("reason_of_model")
    )
    panels = session.table(relation("int_scenario_panels"))
    panels = panels.select("scenario_set_id", _entity_id(), "rejection_reason")
    counted = (
        stored.select(*scenario)
        .distinct()
        .join(kept.withColumn("is_kept", f.lit(True)), scenario, "left")
        .join(panels, scenario, "left")
        .join(reasons, scenario, "left")
        .withColumn("cause", f.coalesce("rejection_reason", "reason_of_model", f.lit(GONE)))
        .groupBy(f.when(f.col("is_kept").isNull(), f.col("cause")).alias("cause"))
        .count()
    )
    return {row["cause"]: row["count"] for row in counted.collect()}


def panels_of(session: SparkSession, pending: DataFrame, scope: Scope) -> DataFrame:
    """Give the panels of pending vectors, each once.

    Returns
    -------
    DataFrame
        The columns of ``scenario_panels``, and is_pending (array of boolean, in the order
        of the scope's models).
    """
    lacks = [f.bool_or(f.col("model_id") == model_id) for model_id in scope.model_ids]
    lacking = pending.groupBy(*_PANEL).agg(f.array(*lacks).alias("is_pending"))
    return session.table(relation("scenario_panels")).join(lacking, _PANEL)


def kept(
    session: SparkSession,
    partitions: Iterable[Partition],
    *replaced: DataFrame,
) -> DataFrame:
    """Give the rows of these partitions, without the scenario vectors to replace.

    Parameters
    ----------
    partitions : iterable of Partition
    *replaced : DataFrame
        With the columns model_id, scenario_set_id, entity_id, as_of_date.
    """
    # As one text, which the metastore does not see. Spark prunes partitions by it.
    name = f.concat_ws("/", "model_id", "scenario_set_id")
    rows = session.table(relation(VECTORS)).where(
        name.isin(["/".join(partition) for partition in partitions])
    )
    for keys in replaced:
        theirs = keys.select(*_VECTOR, f.lit(ENTITY_TYPE).alias("entity_type"))
        rows = rows.join(theirs, ["entity_type", *_VECTOR], "left_anti")
    return rows


class VectorsTable:
    """The files and partitions of the vectors' table, as the metastore has them."""

    def __init__(self, session: SparkSession) -> None:
        self._session = session
        jvm_session = session._jsparkSession
        self._metastore = jvm_session.sessionState().catalog().externalCatalog()
        table = self._metastore.getTable(target_schema(), VECTORS)
        home = self._path(table.location())
        self._home = str(home.toString())
        self._files = home.getFileSystem(jvm_session.sessionState().newHadoopConf())

    def _path(self, location: Any) -> Any:
        # Takes a text, or a java.net.URI, in which some letters are escaped.
        return self._session._jvm.org.apache.hadoop.fs.Path(location)

    def _qualified(self, path: Any) -> str:
        return str(self._files.makeQualified(path).toString())

    def _children(self, folder: Any) -> Iterator[Any]:
        if self._files.exists(folder):
            for status in self._files.listStatus(folder):
                yield status.getPath()

    def locations(self) -> dict[Partition, str]:
        """Read from the metastore where the files of each partition are."""
        found = self._metastore.listPartitions(
            target_schema(), VECTORS, self._session._jvm.scala.Option.empty()
        ).iterator()
        locations = {}
        while found.hasNext():
            partition = found.next()
            values = partition.spec()
            key = Partition(values.apply("model_id"), values.apply("scenario_set_id"))
            locations[key] = self._qualified(self._path(partition.location()))
        return locations

    def remove_leftovers(self) -> None:
        """Delete files of no partition, which killed or overtaken runs have left.

        Call this before a run, not after it: readers may still be at the old files then.
        """
        locations = self.locations()
        in_use = set(locations.values())
        # The folder where Spark itself puts a partition at its first write.
        name_of = self._session._jvm.org.apache.spark.sql.catalyst.catalog
        name_of = name_of.ExternalCatalogUtils.getPartitionPathString
        overtaken = [
            self._path("/".join([self._home, *map(name_of, Partition._fields, partition)]))
            for partition in locations
        ]
        for version in self._children(self._path(f"{self._home}/{_VERSIONS}")):
            folders = list(self._children(version))
            unused = [path for path in folders if self._qualified(path) not in in_use]
            overtaken += [version] if unused == folders else unused
        for path in overtaken:
            if self._qualified(path) not in in_use:
                self._files.delete(path, True)

    def replace(self, rows: DataFrame, partitions: list[Partition]) -> None:
        """Replace all rows of these partitions.

        Parameters
        ----------
        rows : DataFrame
            With the table's columns. May be made from the table itself.
        partitions : list of Partition
            A partition that gets no rows is dropped.

        Raises
        ------
        WorkFailedError
            The metastore cannot tell the names of two partitions apart.
        """
        known = self.locations()
        _check_names(partitions, known)
        schema = self._session.table(relation(VECTORS)).schema
        numbers = self._session.createDataFrame(
            [(*partition, number) for number, partition in enumerate(partitions)],
            "model_id string, scenario_set_id string, number int",
        )
        version = f"{self._home}/{_VERSIONS}/{uuid.uuid4().hex}"
        columns = [field.name for field in schema if field.name not in Partition._fields]
        (
            rows.join(f.broadcast(numbers), list(Partition._fields))
            .select("number", *columns)
            .write.partitionBy("number")
            .option("mapreduce.fileoutputcommitter.marksuccessfuljobs", "false")
            .parquet(version)
        )
        written = {path.getName() for path in self._children(self._path(version))}
        for number, partition in enumerate(partitions):
            spec, folder = _spec(partition), f"number={number}"
            location = _literal(f"{version}/{folder}")
            if folder not in written:
                self._alter(f"drop if exists {spec}")
            elif partition in known:
                self._alter(f"{spec} set location {location}")
            else:
                self._alter(f"add {spec} location {location}")

    def _alter(self, what: str) -> None:
        self._session.sql(f"alter table {relation(VECTORS)} {what}")


def _check_names(partitions: Iterable[Partition], known: Iterable[Partition]) -> None:
    """Check that the metastore can name each partition, and tell it from all others."""
    for _, set_id in partitions:
        if set_id in ("", _NO_VALUE):
            raise WorkFailedError(
                f"the scenario set id {set_id!r} stands for no value in a partition's name"
            )
    # Databases ignore blanks at the end of a name.
    names: dict[Partition, str] = {}
    for model_id, set_id in {*partitions, *known}:
        other = names.setdefault(Partition(model_id, set_id.rstrip(" ")), set_id)
        if other != set_id:
            raise WorkFailedError(
                f"the scenario set ids {other!r} and {set_id!r} differ in blanks at the "
                "end alone: no metastore can tell their partitions apart"
            )


def _spec(partition: Partition) -> str:
    values = zip(Partition._fields, partition, strict=True)
    return f"partition ({', '.join(f'{name} = {_literal(it)}' for name, it in values)})"


def coverage(session: SparkSession, scope: Scope) -> pa.Table:
    """Read ``scenario_set_coverage`` for the models, for one set or all."""
    rows = _in_scope(session.table(relation("scenario_set_coverage")), scope)
    rows = rows.where(f.col("model_id").isin(*scope.model_ids))
    return rows.orderBy("scenario_set_id", "model_id").toArrow()


def rejections(session: SparkSession, scope: Scope) -> pa.Table:
    """Read why scenarios of the sets in scope have no vector: `rejection_reasons`."""
    rows = _in_scope(session.sql(rejection_reasons(relation)), scope)
    of_run = f.col("model_id").isNull() | f.col("model_id").isin(*scope.model_ids)
    return rows.where(of_run).orderBy("scenario_set_id", "model_id", "reason").toArrow()
