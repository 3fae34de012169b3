"""Divisors: who writes them, and what is said of a set that lacks one."""

from conftest import add, execute


def test_scales_are_written_by_deviation_and_taken_from_another_set(source, front, chain):
    execute("insert into raw.scenario_sets select 'T', 2, 1, '2022-12-28'")
    for set_id in ("S", "T"):
        for scenario_id, size in (("1", 1), ("2", -1)):
            values = {"A": 0.02, "B": 4.0, "C": 0.0}
            rows = [
                (day, name, size * value)
                for name, value in values.items()
                for day in (1, 2)
            ]
            add(set_id, scenario_id, rows)
    chain().run()
    scales = "select * from analytics.series_scales order by 1, 3"

    none = front("scales", "--scenario-set-id", "S", "--from", "T")
    assert none.returncode == 2
    assert "set 'T' has no divisors of its own" in none.stderr
    by_sd = front("scales", "--scenario-set-id", "S", "--by", "sd")
    assert by_sd.returncode == 0, by_sd.stderr
    # C does not vary.
    of_s = [("S", "INSTRUMENT", "A", 1.0), ("S", "INSTRUMENT", "B", 200.0)]
    assert execute(scales) == of_s
    taken = front("scales", "--scenario-set-id", "T", "--from", "S")
    assert taken.returncode == 0, taken.stderr
    assert execute(scales) == [*of_s, *(("T", *row[1:]) for row in of_s)]

    for arguments, message in (
        (("S",), "use --by sd or --from SET, not both"),
        (("S", "--by", "sd", "--from", "T"), "use --by sd or --from SET, not both"),
        (("NONE", "--by", "sd"), "unknown scenario set 'NONE'"),
    ):
        refused = front("scales", "--scenario-set-id", *arguments)
        assert (refused.returncode, message in refused.stderr) == (2, True)


def test_odd_units_are_warned_of(source, chain, build_and_encode):
    execute("insert into raw.scenario_sets select 'LEVELS', 5, 1, '2022-12-28'")
    for day in (1, 2):
        add("S", "1", [(day, "A", 0.02), (day, "B", -0.02), (day, "POINTS", 2.5 - day)])
    for day in range(1, 6):
        add("LEVELS", "1", [(day, name, 100 + day) for name in "ABC"])
    build_and_encode()

    def warned():
        warnings = chain().test().warnings
        return {line.split(":")[0]: rows for line, rows in warnings.items()}

    odd_units = {
        "assert_no_series_outweighs_the_others": [
            "scenario_set_id S, series_id POINTS, share_of_panels 1.00"
        ],
        "assert_no_set_looks_like_levels": ["scenario_set_id LEVELS, share_of_series 1.00"],
    }
    assert odd_units.items() <= warned().items()
    execute("insert into analytics.series_scales values ('S', 'INSTRUMENT', 'POINTS', 100)")
    execute("delete from raw.scenario_paths where scenario_set_id = 'LEVELS'")
    build_and_encode()
    assert not odd_units.keys() & warned().keys()
