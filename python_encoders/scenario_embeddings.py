"""What the warehouse knows of scenarios, as pandas DataFrames."""

from types import TracebackType
from typing import Any, TypeVar

import pandas as pd
import pyarrow as pa

from python_encoders import postgres, search
from python_encoders.encoders import ENCODERS, stress_shape_v2
from python_encoders.errors import WrongUsageError
from python_encoders.scope import Scope

# The encoder that the desk's questions are answered best by: docs/desk_questions.md.
DEFAULT_MODEL = stress_shape_v2.MODEL_ID
_TYPES: dict[Any, Any] = {pa.string(): pd.StringDtype()}
_Self = TypeVar("_Self", bound="ScenarioEmbeddings")


class ScenarioEmbeddings:
    """Scenarios, their vectors and the answers to a desk's questions, as DataFrames.

    Connects as the commands do: to the server that ``PGHOST`` and libpq's other variables
    name, else to the embedded one. The schema is ``DBT_SCHEMA``. Reads only.

    Text columns have the dtype ``string``, dates ``datetime64``. Errors are one line:
    ``WrongUsageError`` for an unknown scenario, set, model or metric, ``WorkFailedError``
    where the server is out of reach or nothing is built.

    Examples
    --------
    >>> from python_encoders import ScenarioEmbeddings
    >>> scenarios = ScenarioEmbeddings()
    >>> scenarios.coverage().loc["HIST_STRESS_20D", "num_encoded"].tolist()
    [24, 24, 24, 24]
    >>> scenarios.close()

    Used in a ``with`` statement, it closes its connection itself:

    >>> with ScenarioEmbeddings() as scenarios:
    ...     scenarios.panel("HIST_STRESS_20D:17").shape
    (20, 20)
    """

    def __init__(self) -> None:
        postgres.choose_server()
        self._connection = postgres.connect(autocommit=True)

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def panel(self, entity_id: str) -> pd.DataFrame:
        """Read the panel of one scenario.

        Parameters
        ----------
        entity_id : str
            ``{scenario_set_id}:{scenario_id}``.

        Returns
        -------
        DataFrame of shape (H, N), float64
            Simple returns in decimals, divided by the scale of their series. The index
            ``day`` counts from 1, the columns are the series' ids.

        Examples
        --------
        >>> panel = scenarios.panel("HIST_STRESS_20D:17")
        >>> panel["AAPL"].head(2).round(4).tolist()
        [-0.0475, -0.0339]
        """
        set_id, _, scenario_id = entity_id.rpartition(":")
        with postgres.plain_errors():
            postgres.check_is_built(self._connection, "scenario_panels")
            found = postgres.fetch(
                self._connection,
                f"""
                select series_ids, panel from {postgres.relation("scenario_panels")}
                where scenario_set_id = $1 and scenario_id = $2
                """,
                [set_id, scenario_id],
            )
        if not found.num_rows:
            raise WrongUsageError(
                f"no panel of {entity_id!r}; an entity id is {{set}}:{{scenario}}, and "
                "rejections() says what was rejected"
            )
        series_ids = found["series_ids"][0].as_py()
        cells = found["panel"].combine_chunks().flatten().to_numpy()
        return pd.DataFrame(
            cells.reshape(-1, len(series_ids)),
            index=pd.RangeIndex(1, len(cells) // len(series_ids) + 1, name="day"),
            columns=pd.Index(series_ids, name="series_id"),
        )

    def similar(
        self,
        entity_id: str,
        model_id: str,
        top_k: int = 10,
        metric: str = "cosine",
        scenario_set_id: str | None = None,
        block: str | None = None,
    ) -> pd.DataFrame:
        """Find the scenarios that are most like one, as the command ``similar`` does.

        Parameters
        ----------
        entity_id : str
            ``{scenario_set_id}:{scenario_id}``.
        model_id : str
        top_k : int
        metric : str
            ``cosine`` for 1 − cosine, or ``l2``.
        scenario_set_id : str, optional
            Look only in this set.
        block : str, optional
            ``market`` or ``shape``: compare the values that look at no series' name alone.

        Returns
        -------
        DataFrame
            Index ``entity_id``, nearest first. Columns rank, scenario_set_id, scenario_id,
            scenario_name, scenario_class, date and distance.

        Examples
        --------
        >>> model_id = "num-scenario-stress-shape-v2"
        >>> found = scenarios.similar("HIST_STRESS_20D:17", model_id, top_k=2)
        >>> found[["scenario_name", "distance"]].round(4)
                                scenario_name  distance
        entity_id
        HIST_STRESS_20D:12  Flash crash, May 2010    0.0466
        HIST_STRESS_20D:9     Lehman, October 2008    0.0686
        """
        question = search.Question(
            entity_id, model_id, top_k, metric, scenario_set_id, block
        )
        with postgres.plain_errors():
            found = _frame(search.similar(self._connection, question), "entity_id")
        # The search gives text: Postgres has dates that pandas has not.
        found["date"] = pd.to_datetime(found["date"], errors="coerce")
        return found

    def vectors(
        self, scenario_set_id: str | None = None, model_id: str = DEFAULT_MODEL
    ) -> pd.DataFrame:
        """Read the vectors of one set, or of all sets.

        Parameters
        ----------
        scenario_set_id : str, optional
        model_id : str

        Returns
        -------
        DataFrame of shape (M, 384), float32
            Index ``entity_id``, in the order of the sets. The columns are the dimensions.

        Examples
        --------
        >>> scenarios.vectors("HIST_STRESS_20D").shape
        (24, 384)
        """
        with postgres.plain_errors():
            found = search.vectors(self._connection, model_id, scenario_set_id)
        index = pd.Index(found["entity_id"].to_pandas(types_mapper=_TYPES.get))
        return pd.DataFrame(search.as_matrix(found), index=index)

    def reduce(
        self,
        scenario_set_id: str,
        num_kept: int,
        model_id: str = DEFAULT_MODEL,
        metric: str = "l2",
        weights_table: str | None = None,
    ) -> pd.DataFrame:
        """Choose scenarios that stand for a whole set, as the command ``reduce`` does.

        Parameters
        ----------
        scenario_set_id : str
        num_kept : int
        model_id : str
        metric : str
        weights_table : str, optional
            ``schema.table`` with scenario_id and weight.

        Returns
        -------
        DataFrame
            Index ``entity_id``, one row per scenario that has a vector. Columns
            scenario_id, representative_id, distance, weight and representative_weight.

        Examples
        --------
        >>> reduced = scenarios.reduce("SET_ABC123", 6)
        >>> kept = reduced[reduced["scenario_id"] == reduced["representative_id"]]
        >>> round(float(kept["representative_weight"].sum()), 12)
        1.0
        """
        with postgres.plain_errors():
            found = search.reduce(
                self._connection, scenario_set_id, num_kept, model_id, metric, weights_table
            )
        return _frame(found, "entity_id")

    def compare(
        self,
        scenario_set_id: str,
        other_set_id: str,
        model_id: str = DEFAULT_MODEL,
        metric: str = "l2",
    ) -> pd.DataFrame:
        """Say what of another set a set covers, as the command ``compare`` does.

        Parameters
        ----------
        scenario_set_id, other_set_id : str
        model_id : str
        metric : str

        Returns
        -------
        DataFrame
            Index ``scenario_id``, one row per scenario of the other set. Columns as in
            ``search.compare``. ``attrs["summary"]`` says it in words.

        Examples
        --------
        >>> compared = scenarios.compare("SET_ABC123", "HIST_STRESS_20D")
        >>> compared.attrs["summary"].split(";")[0]
        'SET_ABC123 covers 15 of 18 CRISIS and 6 of 6 CALM scenarios of HIST_STRESS_20D'
        """
        with postgres.plain_errors():
            found = search.compare(
                self._connection, scenario_set_id, other_set_id, model_id, metric
            )
        frame = _frame(found.covered, "scenario_id")
        frame.attrs["summary"] = found.summary
        return frame

    def plausibility(
        self,
        scenario_set_id: str,
        reference_set_id: str,
        model_id: str = DEFAULT_MODEL,
        metric: str = "l2",
    ) -> pd.DataFrame:
        """Say how far each scenario is from a reference, as ``plausibility`` does.

        Parameters
        ----------
        scenario_set_id, reference_set_id : str
        model_id : str
        metric : str

        Returns
        -------
        DataFrame
            Index ``scenario_id``. Columns as in ``search.plausibility``: a ratio over 1 is
            beyond anything in the reference.

        Examples
        --------
        >>> judged = scenarios.plausibility("SET_ABC123", "HIST_STRESS_20D")
        >>> int((judged["ratio"] > 1).sum())
        34
        """
        with postgres.plain_errors():
            found = search.plausibility(
                self._connection, scenario_set_id, reference_set_id, model_id, metric
            )
        return _frame(found, "scenario_id")

    def duplicates(
        self, scenario_set_id: str | None = None, within: float = 0.01
    ) -> pd.DataFrame:
        """List the scenarios that repeat an earlier one, as ``duplicates`` does.

        Parameters
        ----------
        scenario_set_id : str, optional
        within : float
            The share of a vector's length that counts as nearly the same.

        Returns
        -------
        DataFrame
            Index ``entity_id``. Columns duplicate_of, is_identical, distance and share.

        Examples
        --------
        >>> len(scenarios.duplicates())
        0
        """
        with postgres.plain_errors():
            found = search.duplicates(self._connection, scenario_set_id, within=within)
        return _frame(found, "entity_id")

    def rejections(self) -> pd.DataFrame:
        """Read why scenarios have no vector.

        Returns
        -------
        DataFrame
            Index scenario_set_id and scenario_id. Columns model_id (missing where the
            scenario has no panel, so that no encoder takes it), reason and detail.

        Examples
        --------
        >>> scenarios.rejections()["reason"].to_dict()
        {('SET_ABC123', '37'): 'MISSING_CELLS'}
        """
        with postgres.plain_errors():
            postgres.check_is_built(
                self._connection, "scenario_rejections", "scenario_model_rejections"
            )
            rows = postgres.fetch(
                self._connection,
                f"""
                with rejections as (
                    select scenario_set_id, scenario_id, null as model_id, reason, detail
                    from {postgres.relation("scenario_rejections")}
                    union all
                    select scenario_set_id, scenario_id, model_id, reason, detail
                    from {postgres.relation("scenario_model_rejections")}
                )

                select * from rejections
                order by
                    scenario_set_id collate "C",
                    scenario_id collate "C",
                    model_id collate "C" nulls first
                """,
                [],
            )
        return _frame(rows, "scenario_set_id", "scenario_id")

    def coverage(self) -> pd.DataFrame:
        """Read what became of each set's scenarios.

        Returns
        -------
        DataFrame
            Index scenario_set_id and model_id. The columns of ``scenario_set_coverage``;
            num_encoded, num_rejected and num_pending add up to num_in_source.

        Examples
        --------
        >>> counts = scenarios.coverage().loc["SET_ABC123"]
        >>> counts["num_rejected"].unique().tolist()
        [1]
        """
        with postgres.plain_errors():
            postgres.check_is_built(self._connection, "scenario_set_coverage")
            rows = postgres.coverage(self._connection, Scope(tuple(ENCODERS)))
        return _frame(rows, "scenario_set_id", "model_id")


def _frame(table: pa.Table, *index: str) -> pd.DataFrame:
    """Make a DataFrame: ids as its index, text as ``string``, dates as ``datetime64``."""
    frame: pd.DataFrame = table.to_pandas(types_mapper=_TYPES.get, date_as_object=False)
    return frame.set_index(list(index)) if len(index) > 1 else frame.set_index(index[0])
