"""Every scenario of the source is encoded, or rejected with its reason."""

import itertools

from conftest import MODEL, Silent, add, execute, stored_vectors

from python_encoders.pipeline import encode_only
from python_encoders.scope import Scope

# One set of 2 days with the series A and B. A scenario is its rows (day, series, value).
WHOLE = [(1, "A", 0.11), (1, "B", 0.12), (2, "A", 0.21), (2, "B", 0.22)]
CASES = {
    "whole": (WHOLE, None),
    "baseline is ignored": ([(0, "A", 0), (0, "B", 0), *WHOLE], None),
    "beyond the horizon is ignored": (
        [*WHOLE, (3, "A", 9), (7, "Z", 9), (-1, "A", 9)],
        None,
    ),
    "minus zero": ([(1, "A", -0.0), *WHOLE[1:]], None),
    "first cell missing": (
        WHOLE[1:],
        ("MISSING_CELLS", "1 of 4 cells, the first: day 1, series A"),
    ),
    "last cell missing": (
        WHOLE[:-1],
        ("MISSING_CELLS", "1 of 4 cells, the first: day 2, series B"),
    ),
    "a series missing": (
        [WHOLE[0], WHOLE[2]],
        ("MISSING_CELLS", "2 of 4 cells, the first: day 1, series B"),
    ),
    "a day missing at the end": (WHOLE[:2], ("SHORT_HORIZON", "ends on day 1 of 2")),
    "a cell twice": (
        [*WHOLE, WHOLE[1]],
        ("DUPLICATE_CELLS", "1 duplicate cell, the first: day 1, series B"),
    ),
    "a cell twice, another missing": (
        [WHOLE[0], *WHOLE[:3]],
        ("DUPLICATE_CELLS", "1 duplicate cell, the first: day 1, series A"),
    ),
    "NaN": (
        [*WHOLE[:3], (2, "B", "NaN")],
        ("NON_FINITE_VALUE", "1 cell, the first: day 2, series B, value NaN"),
    ),
    "infinity": (
        [(1, "A", "-Infinity"), *WHOLE[1:]],
        ("NON_FINITE_VALUE", "1 cell, the first: day 1, series A, value -Infinity"),
    ),
    "NULL": (
        [(1, "A", None), *WHOLE[1:]],
        ("NON_FINITE_VALUE", "1 cell, the first: day 1, series A, value NULL"),
    ),
    "beyond float32": (
        [(1, "A", 1e308), *WHOLE[1:]],
        ("VALUE_OUT_OF_RANGE", "1 cell, the first: day 1, series A, value 1e+308"),
    ),
    "baseline only": (
        [(0, "A", 0), (0, "B", 0)],
        (
            "NO_SERIES_OF_KIND",
            "no row within the horizon of a series that the set's panels take",
        ),
    ),
    "two ids": (
        [*WHOLE, (1, ("A", "MKT", "__NONE__"), 0.1)],
        ("MORE_THAN_ONE_ID", "rows with more than one series id: 1"),
    ),
    "no id": (
        [*WHOLE, (1, ("", "__FACTOR__", ""), 0.1)],
        ("NO_SERIES_ID", "rows without a series id: 1"),
    ),
    "a factor beside": ([*WHOLE, (1, ("", "MKT", "__NONE__"), 0.1)], None),
    "a factor only": (
        [(1, ("", "MKT", "__NONE__"), 0.1)],
        (
            "NO_SERIES_OF_KIND",
            "no row within the horizon of a series that the set's panels take",
        ),
    ),
}


def rejections():
    return {
        (set_id, scenario_id): (reason, detail)
        for set_id, scenario_id, reason, detail in execute(
            "select * from analytics.scenario_rejections"
        )
    }


def test_each_case_is_encoded_or_rejected_as_expected(source, build_and_encode):
    for name, (rows, _) in CASES.items():
        add("S", name, rows)

    build_and_encode()

    expected = {("S", name): outcome for name, (_, outcome) in CASES.items() if outcome}
    assert rejections() == expected
    assert set(stored_vectors()) == {
        f"S:{name}" for name, (_, outcome) in CASES.items() if not outcome
    }
    assert execute("select sum(num_rows_ignored) from analytics.int_scenario_panels") == [
        (3,)
    ]


def test_a_series_of_another_kind_cannot_collide_with_an_instrument(source, chain):
    rows = [(1, "MKT", 0.1), (2, "MKT", 0.2)]
    factors = [(day, ("", "MKT", "__NONE__"), value * 10) for day, _, value in rows]
    macros = [(day, ("", "", "MKT"), value * 100) for day, _, value in rows]
    add("S", "1", rows + factors + macros)

    chain(series_kinds=["INSTRUMENT", "FACTOR", "MACRO"]).run()

    # By code point, an underscore stands after the capitals.
    axis = "select series_ids from analytics.int_scenario_axes"
    assert execute(axis) == [(["MKT", "__FACTOR:MKT__", "__MACRO:MKT__"],)]
    assert execute("select panel from analytics.scenario_panels") == [
        ([0.1, 1.0, 10.0, 0.2, 2.0, 20.0],)
    ]


def test_sets_that_cannot_be_encoded(source, build_and_encode):
    execute(
        """
        insert into raw.scenario_sets values
            ('NO DATE', 2, 1, null, null), ('NO DAYS', 0, 1, now(), now()),
            ('NULL DAYS', null, 1, now(), now()), ('LONG', 1025, 1, now(), now()),
            ('EMPTY', 2, 0, now(), now())
        """
    )
    for set_id in ("NO DATE", "NO DAYS", "NULL DAYS", "LONG", "UNKNOWN", "S"):
        add(set_id, "1", WHOLE)

    build_and_encode()

    assert rejections() == {
        ("NO DATE", "1"): (
            "NO_AS_OF_DATE",
            "the set has no date, or one that cannot be read",
        ),
        ("NO DAYS", "1"): ("INVALID_HORIZON", "horizon_days is 0"),
        ("NULL DAYS", "1"): ("INVALID_HORIZON", "horizon_days is NULL or no whole number"),
        ("LONG", "1"): ("INVALID_HORIZON", "horizon_days is 1025"),
        ("UNKNOWN", "1"): ("UNKNOWN_SET", "scenario_sets has no row for this set"),
    }
    coverage = execute(
        """
        select scenario_set_id, num_in_source, num_encoded, num_rejected, num_pending
        from analytics.scenario_set_coverage
        where model_id = %s
        """,
        [MODEL],
    )
    assert sorted(coverage) == [
        ("EMPTY", 0, 0, 0, 0),
        ("LONG", 1, 0, 1, 0),
        ("NO DATE", 1, 0, 1, 0),
        ("NO DAYS", 1, 0, 1, 0),
        ("NULL DAYS", 1, 0, 1, 0),
        ("S", 1, 1, 0, 0),
        ("UNKNOWN", 1, 0, 1, 0),
    ]


STRANGE_IDS = [
    "it's",
    '"quoted"',
    "100%",
    "under_score",
    "back\\slash",
    "new\nline",
    "a:b",
    "Ünïcode – 期货 🙂",
    "'); drop schema raw cascade; --",
    "{{ 1 / 0 }}",
    "[bold]A[/b]",
    "$1",
    "x" * 64,
]


def test_strange_ids_are_ids_like_any_other(source, chain, front):

    for strange in STRANGE_IDS:
        execute(
            "insert into raw.scenario_sets values (%s, 2, 1, '2022-12-28', now())",
            [strange],
        )
        rows = [
            (day, series, value)
            for day in (1, 2)
            for series, value in ((strange, day * 0.1), ("A", day * 0.2))
        ]
        add(strange, strange, rows)
    hostile = STRANGE_IDS[8]

    chain(scenario_set_id=hostile, scenario_limit=1).run()
    assert encode_only(Scope((MODEL,), hostile, 1), Silent()) == (1, 0)
    assert set(stored_vectors()) == {f"{hostile}:{hostile}"}

    chain().run()
    encode_only(Scope((MODEL,)), Silent())

    assert set(rejections()) == {("a:b", "a:b")}
    assert set(stored_vectors()) == {
        f"{strange}:{strange}" for strange in STRANGE_IDS if strange != "a:b"
    }
    # Brackets are markup to the library that prints the table.
    done = front("encode", "--scenario-set-id", "[bold]A[/b]")
    assert done.returncode == 0, done.stderr
    assert "\n[bold]A[/b] " in done.stdout
    axes = execute(
        """
        select scenario_set_id, series_ids from analytics.int_scenario_axes
        """
    )
    assert dict(axes) == {strange: sorted(["A", strange]) for strange in STRANGE_IDS}


def test_two_scenarios_never_share_an_entity_id(source, build_and_encode):
    execute(
        """
        insert into raw.scenario_sets values
            ('A', 2, 1, '2022-12-28', now()), ('A:B', 2, 1, '2022-12-28', now())
        """
    )
    for set_id, scenario_id in (("A", "B:C"), ("A:B", "C"), ("A", "C"), ("A:B", "B")):
        add(set_id, scenario_id, WHOLE)

    build_and_encode()

    assert rejections() == {
        ("A", "B:C"): (
            "COLON_IN_SCENARIO_ID",
            "an entity_id is {set}:{scenario}, divided by its last colon",
        )
    }
    assert set(stored_vectors()) == {"A:C", "A:B:B", "A:B:C"}


def test_what_is_repaired_beyond_the_limit_is_not_judged_yet(source, chain):
    for scenario_id in ("1", "2", "3", "4"):
        add("S", scenario_id, WHOLE if scenario_id in "14" else WHOLE[:3])
    chain(encoded_model_ids=[MODEL]).run()
    encode_only(Scope((MODEL,)), Silent())
    assert set(rejections()) == {("S", "2"), ("S", "3")}
    add("S", "2", WHOLE[3:])
    execute("update raw.scenario_paths set return_value = 0.5 where scenario_id = '4'")

    limited = chain(scenario_limit=1, encoded_model_ids=[MODEL])
    limited.run()
    limited.test()
    chain(encoded_model_ids=[MODEL]).test()

    assert set(rejections()) == {("S", "3")}
    [counts] = execute(
        """
        select num_in_source, num_encoded, num_rejected, num_pending
        from analytics.scenario_set_coverage where model_id = %s
        """,
        [MODEL],
    )
    assert counts == (4, 1, 1, 2)


def test_what_changes_for_the_set_beyond_the_limit_leaves_nothing_encoded_there(
    source, chain
):
    """Change a horizon, an axis and a divisor. One set does not change."""
    set_ids = ("S", "AXIS", "DIVISOR", "SAME")
    for set_id in set_ids[1:]:
        execute(f"insert into raw.scenario_sets values ('{set_id}', 2, 3, '2022-12-28')")
    for set_id, scenario_id in itertools.product(set_ids, "123"):
        add(set_id, scenario_id, WHOLE)
    chain().run()
    encode_only(Scope((MODEL,)), Silent())
    execute("update raw.scenario_sets set horizon_days = 1 where scenario_set_id = 'S'")
    add("AXIS", "1", [(1, "NEW", 0.1), (2, "NEW", 0.2)])
    execute(
        "insert into analytics.series_scales values ('DIVISOR', 'INSTRUMENT', %s, 100)",
        [WHOLE[0][1]],
    )

    chain(scenario_limit=1).run()
    encode_only(Scope((MODEL,), None, 1), Silent())

    counts = """
        select scenario_set_id, num_in_source, num_encoded, num_rejected, num_pending
        from analytics.scenario_set_coverage where model_id = %s
    """
    assert set(execute(counts, [MODEL])) == {
        ("S", 3, 1, 0, 2),
        ("AXIS", 3, 1, 0, 2),
        ("DIVISOR", 3, 1, 0, 2),
        ("SAME", 3, 3, 0, 0),
    }


def test_scenario_ids_count_along_as_numbers_then_text(source, chain):

    for scenario_id in ("10", "9", "b", "B", "2", "-1"):
        add("S", scenario_id, WHOLE)

    encoded = []
    for limit in (1, 3, 5):
        chain(scenario_limit=limit).run()
        encode_only(Scope((MODEL,), None, limit), Silent())
        encoded.append(sorted(stored_vectors()))

    assert encoded == [
        ["S:-1"],
        ["S:-1", "S:2", "S:9"],
        ["S:-1", "S:10", "S:2", "S:9", "S:B"],
    ]
