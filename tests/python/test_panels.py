"""What makes a panel be read again, and from which rows it is taken."""

import math

from conftest import MODEL, Silent, add, execute

from python_encoders.pipeline import encode_only
from python_encoders.scope import Scope

FACTOR_F, FACTOR_G = ("", "F", ""), ("", "G", "")
ROWS = [
    (1, "A", 0.0), (1, FACTOR_F, 0.5), (1, FACTOR_G, 0.25),
    (2, "A", 0.1), (2, FACTOR_F, 0.2), (2, FACTOR_G, 0.3),
]  # fmt: skip
KINDS = {"series_kinds": ["INSTRUMENT", "FACTOR"]}


def panels():
    return {
        scenario_id: [float(value) for value in panel]
        for scenario_id, panel in execute(
            "select scenario_id, panel from analytics.scenario_panels"
        )
    }


def built_from():
    return dict(
        execute("select scenario_id, xmin::text from analytics.int_scenario_panels")
    )


def test_values_that_change_places_or_sign_are_read_again_and_nothing_else(source, chain):
    for scenario_id in ("1", "2", "3"):
        add("S", scenario_id, ROWS)
    chain(**KINDS).run()
    assert panels() == {
        scenario_id: [0.0, 0.5, 0.25, 0.1, 0.2, 0.3] for scenario_id in "123"
    }
    before = built_from()

    # Two factors swap values on one day. A zero becomes −0.0, which equals it.
    execute(
        """
        update raw.scenario_paths set return_value = 0.75 - return_value
        where (scenario_id, horizon_index) = ('1', 1) and factor_id in ('F', 'G');
        update raw.scenario_paths set return_value = '-0.0'
        where (scenario_id, horizon_index, instrument_id) = ('2', 1, 'A')
        """
    )
    chain(**KINDS).run()

    after = panels()
    assert after["1"] == [0.0, 0.25, 0.5, 0.1, 0.2, 0.3]
    assert math.copysign(1, after["2"][0]) == -1
    now = built_from()
    assert {scenario for scenario in now if now[scenario] != before[scenario]} == {"1", "2"}


def test_a_panel_is_taken_from_its_cells_whatever_lies_around_them(source, chain):
    add("S", "plain", [row for row in ROWS if row[1] == "A"])
    # A baseline, another kind between the cells, a day beyond, one before and none at all.
    around = [(0, "A", 9.0), (3, "A", 9.0), (-1, "A", 9.0), (None, "A", 9.0)]
    add("S", "all around", [*ROWS, *around])
    add("S", "no day", [*(row for row in ROWS if row[1] == "A"), (None, "A", 9.0)])
    add("S", "no value", [(0, "A", None), *(row for row in ROWS if row[1] == "A")])

    chain().run()

    assert panels() == {
        scenario_id: [0.0, 0.1]
        for scenario_id in ("plain", "all around", "no day", "no value")
    }
    assert execute(
        """
        select count(distinct panel_fingerprint), count(distinct max_abs_return)
        from analytics.int_scenario_panels
        """
    ) == [(1, 1)]


def test_what_changes_after_the_scan_is_left_to_the_next_run(source, chain):
    for scenario_id in ("1", "2"):
        add("S", scenario_id, [row for row in ROWS if row[1] == "A"])
    chain().run()
    execute("update raw.scenario_paths set return_value = 0.7 where horizon_index = 1")
    chain()._invoke("run", "--select", "int_scenarios")
    change = """
        update raw.scenario_paths set return_value = {}
        where (scenario_id, horizon_index) = ('2', 1)
        """
    execute(change.format(0.8))

    chain()._invoke("run", "--select", "int_scenario_panels")
    assert panels() == {"1": [0.7, 0.1]}
    assert encode_only(Scope((MODEL,)), Silent()) == (1, 0)
    chain().test()

    chain().run()
    assert panels() == {"1": [0.7, 0.1], "2": [0.8, 0.1]}


def test_what_changes_during_a_run_and_back_again_is_read_as_it_is(source, chain):
    """The content hash of the next run is that of the scan before."""
    for scenario_id in ("1", "2"):
        add("S", scenario_id, [row for row in ROWS if row[1] == "A"])

    chain()._invoke("run", "--select", "+int_scenario_sets", "encoder_limits")
    execute("create table public.before as table raw.scenario_paths")
    # Another value, then half a scenario, as while a producer loads its table anew.
    execute("update raw.scenario_paths set return_value = 0.9 where scenario_id = '1'")
    execute(
        "delete from raw.scenario_paths where instrument_id = 'A' and scenario_id = '2'"
    )
    add("S", "2", [(1, "B", 0.1)])
    chain()._invoke("run", "--select", "int_scenario_series+")
    assert panels() == {}
    execute("truncate raw.scenario_paths")
    execute("insert into raw.scenario_paths table public.before")

    chain().run()
    assert panels() == {"1": [0.0, 0.1], "2": [0.0, 0.1]}


def test_a_new_series_in_one_scenario_makes_its_set_stale_and_no_other(source, chain):
    execute("insert into raw.scenario_sets values ('T', 2, 2, '2022-12-28', now())")
    for set_id in ("S", "T"):
        for scenario_id in ("1", "2"):
            add(set_id, scenario_id, [row for row in ROWS if row[1] == "A"])
    chain().run()
    made = "select scenario_set_id, scenario_id, xmin::text from analytics.{}"
    panels_before = set(execute(made.format("int_scenario_panels")))
    series_before = execute(
        "select xmin::text from analytics.int_scenario_series where scenario_set_id = 'T'"
    )

    add("S", "1", [(1, "B", 0.1), (2, "B", 0.2)])
    chain().run()

    panels_after = set(execute(made.format("int_scenario_panels")))
    assert {row[:2] for row in panels_after - panels_before} == {("S", "1"), ("S", "2")}
    assert series_before == execute(
        "select xmin::text from analytics.int_scenario_series where scenario_set_id = 'T'"
    )
    # The other scenario of the set lacks the series now.
    assert execute(
        "select scenario_set_id, scenario_id, reason, detail"
        " from analytics.scenario_rejections"
    ) == [("S", "2", "MISSING_CELLS", "2 of 4 cells, the first: day 1, series B")]


def test_ids_that_are_one_in_32_bits_are_two(source, chain):
    """Postgres hashes a bigint by 32 bits: a seed that is hashed as a value loses half."""
    add("S", "1", [(day, ("X1392", None, None), 0.1) for day in (1, 2)])
    chain().run()
    execute(
        "update raw.scenario_paths set instrument_id = 'X161499' where horizon_index = 1"
    )

    chain().run()

    assert execute("select scenario_id, reason from analytics.scenario_rejections") == [
        ("1", "MISSING_CELLS")
    ]


def test_two_hundred_thousand_rows_have_as_many_hashes(source, chain):
    """Of 32-bit hashes, some five pairs would be equal."""
    execute(
        """
        insert into raw.scenario_paths
        select 'S', '1', day, 'X' || number, null, null, 0.1
        from generate_series(1, 10) as day cross join generate_series(1, 20000) as number
        """
    )
    chain()._invoke("run", "--select", "stg_prometheus__scenario_paths")

    assert execute(
        "select count(distinct row_hash) from analytics.stg_prometheus__scenario_paths"
    ) == [(200_000,)]


def test_each_path_row_is_one_cell_row_whatever_sets_share_its_series(source, chain):
    execute("insert into raw.scenario_sets values ('T', 2, 1, '2022-12-28', now())")
    for set_id in ("S", "T"):
        add(set_id, "1", ROWS)

    chain().run()

    assert execute("select count(*) from analytics.int_scenario_cells") == [(12,)]


def test_a_limited_run_does_not_name_cells_by_an_axis_of_another_day(source, chain):
    rows = [(1, "B", 0.1), (2, "B", 0.2), (1, "C", 0.3), (2, "C", 0.4)]
    add("S", "1", rows)
    add("S", "2", rows[:3])
    chain().run()
    details = "select scenario_id, detail from analytics.scenario_rejections"
    assert execute(details) == [("2", "1 of 4 cells, the first: day 2, series C")]

    add("S", "1", [(1, "A", 0.5), (2, "A", 0.6)])
    chain(scenario_limit=1).run()

    assert execute(details) == [
        ("2", "the rows or the set have changed since; the next run judges them")
    ]


def test_a_panel_of_a_scenario_that_has_gone_gets_no_vector(source, chain):
    """A limited run leaves the panel where it is."""
    for scenario_id in ("1", "2", "3"):
        add("S", scenario_id, [row for row in ROWS if row[1] == "A"])
    chain().run()
    execute("delete from raw.scenario_paths where scenario_id = '3'")
    chain(scenario_limit=1).run()

    assert encode_only(Scope((MODEL,)), Silent()) == (2, 0)


def test_a_date_that_has_a_time_is_its_day_in_utc(bare_source, chain, monkeypatch):
    monkeypatch.setenv("PGTZ", "America/New_York")
    execute(
        """
        alter table raw.scenario_sets alter base_date_end type timestamptz
        using timestamptz '2022-12-28 02:00+00'
        """
    )
    add("S", "1", [row for row in ROWS if row[1] == "A"])

    chain().run()

    assert execute("select as_of_date::text from analytics.scenario_panels") == [
        ("2022-12-28",)
    ]
