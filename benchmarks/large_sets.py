"""Large scenario sets, drawn in SQL from the days of the shipped windows."""

# The days of the shipped stress windows: 480 days by 20 series. More series repeat these
# some days later, under other ids.
_DAYS = """
    drop table if exists raw.days;
    create unlogged table raw.days as
    select
        ((scenario_id - 1) * 20 + horizon_index - 1)::int as day_number,
        dense_rank() over (order by instrument_id collate "C")::int - 1 as series_number,
        instrument_id, factor_id, macro_id, return_value
    from raw.scenario_paths
    where scenario_set_id = 'HIST_STRESS_20D' and horizon_index > 0;
    alter table raw.days add primary key (day_number, series_number);
"""


def grow(num_scenarios: int, num_days: int = 20, num_series: int = 20) -> str:
    """Give the SQL that replaces the paths by one set, BIG, with baseline rows.

    Parameters
    ----------
    num_scenarios : int
    num_days : int
        Horizon.
    num_series : int
        A multiple of 20.
    """
    return f"""
        set maintenance_work_mem = '1GB';
        {_DAYS}
        create unlogged table raw.grown as
        select
            'BIG'::varchar(64) as scenario_set_id,
            scenario_id,
            horizon_index,
            (
                days.instrument_id
                || case when copy > 0 then '_' || lpad(copy::text, 3, '0') else '' end
            )::varchar(64) as instrument_id,
            days.factor_id,
            days.macro_id,
            case when horizon_index = 0 then 0 else days.return_value end as return_value
        from generate_series(1, {num_scenarios}) as scenario_id
        cross join generate_series(0, {num_days}) as horizon_index
        cross join generate_series(0, {num_series} / 20 - 1) as copy
        inner join raw.days as days
            on days.day_number = (
                scenario_id::bigint * 7919 + horizon_index * 104729 + copy * 31
            ) % 480
        order by scenario_id, horizon_index;
        drop table raw.scenario_paths;
        alter table raw.grown rename to scenario_paths;
        alter table raw.scenario_paths alter return_value set not null;
        alter table raw.scenario_paths add primary key (
            scenario_set_id, scenario_id, horizon_index, instrument_id, factor_id, macro_id
        );
        create index on raw.scenario_paths (scenario_set_id, scenario_id);
        analyze raw.scenario_paths;
        delete from raw.scenario_sets;
        insert into raw.scenario_sets (
            scenario_set_id, horizon_days, num_paths, base_date_end
        )
        values ('BIG', {num_days}, {num_scenarios}, '2022-12-28')
        """
