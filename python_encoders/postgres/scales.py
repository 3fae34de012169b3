"""The divisors of a set's series: by their standard deviation, or those of another set."""

import pyarrow as pa
from adbc_driver_manager.dbapi import Connection

from python_encoders.errors import WrongUsageError
from python_encoders.postgres.checks import check_set_is_built
from python_encoders.postgres.sql import fetch, relation

# The daily standard deviation of a stock, about.
STOCK_SD = 0.02


def scale_by_sd(connection: Connection, scenario_set_id: str) -> pa.Table:
    """Give each series of a set the weight of a stock: its divisor is σ / ``STOCK_SD``.

    σ is the population standard deviation of the series' returns within the horizon, over
    all scenarios of the set, rejected ones too. It is summed in Postgres' numeric, so that
    the order of the rows does not matter. A series that does not vary gets no divisor.

    Parameters
    ----------
    connection : Connection
        Not in autocommit.
    scenario_set_id : str

    Returns
    -------
    pyarrow.Table
        series_kind, series_id and divisor (float64), as they are stored now.

    Raises
    ------
    WrongUsageError
        The set has not been built, or none of its series varies.
    """
    check_set_is_built(connection, scenario_set_id)
    divisors = f"""
        select
            series.series_kind,
            case series.series_kind
                when 'INSTRUMENT' then series.instrument_id
                when 'FACTOR' then series.factor_id
                when 'MACRO' then series.macro_id
            end as series_id,
            (deviations.deviation / {STOCK_SD})::float8 as divisor
        from (
            select distinct on (series_position) *
            from {relation("int_scenario_series")}
            where scenario_set_id = $1
            order by series_position
        ) as series
        inner join (
            select series_position, stddev_pop(return_value::numeric) as deviation
            from {relation("int_scenario_cells")}
            where
                scenario_set_id = $1
                and raw_scenario_set_id = (
                    select raw_scenario_set_id from {relation("int_scenario_sets")}
                    where scenario_set_id = $1
                )
                and cell_index is not null
                and abs(return_value) < 'Infinity'
            group by series_position
        ) as deviations on series.series_position = deviations.series_position
        where deviations.deviation > 0
        """
    nothing = f"no series of set {scenario_set_id!r} varies"
    return _replace(connection, divisors, [scenario_set_id], nothing)


def scale_as(connection: Connection, scenario_set_id: str, other_set_id: str) -> pa.Table:
    """Give a set the divisors of another one, so that the two can be compared.

    Parameters
    ----------
    connection : Connection
        Not in autocommit.
    scenario_set_id, other_set_id : str

    Returns
    -------
    pyarrow.Table
        series_kind, series_id and divisor (float64), as they are stored now.

    Raises
    ------
    WrongUsageError
        The other set has no divisors, or one of the sets has not been built.
    """
    check_set_is_built(connection, scenario_set_id)
    check_set_is_built(connection, other_set_id)
    divisors = f"""
        select series_kind, series_id, divisor from {relation("series_scales")}
        where scenario_set_id = $2
        """
    nothing = f"set {other_set_id!r} has no divisors of its own"
    return _replace(connection, divisors, [scenario_set_id, other_set_id], nothing)


def _replace(
    connection: Connection, divisors: str, parameters: list[object], nothing: str
) -> pa.Table:
    """Store what a query gives in place of the divisors of the set $1.

    Raises
    ------
    WrongUsageError
        The query gives none: ``nothing`` says why.
    """
    scales = relation("series_scales")
    written = fetch(
        connection,
        f"""
        with made as materialized ({divisors}),

        gone as (
            delete from {scales} as existing
            where
                existing.scenario_set_id = $1
                and not exists (
                    select 1 from made
                    where
                        made.series_kind = existing.series_kind
                        and made.series_id = existing.series_id
                )
        ),

        written as (
            insert into {scales} (scenario_set_id, series_kind, series_id, divisor)
            select $1, made.series_kind, made.series_id, made.divisor from made
            on conflict (scenario_set_id, series_kind, series_id)
            do update set divisor = excluded.divisor
            returning series_kind, series_id, divisor
        )

        select * from written
        order by series_kind collate "C", series_id collate "C"
        """,
        parameters,
    )
    if not written.num_rows:
        connection.rollback()
        raise WrongUsageError(f"there are no divisors to write: {nothing}")
    connection.commit()
    return written
