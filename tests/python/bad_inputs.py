"""What a producer may write into the source tables, and the result that is expected.

Pure data, one case a line: name | rows | expectation. Each case is its own scenario set, so
all cases fit into one database and one run, on either engine. By default a set has the
case's name, two days, a date, and the scenario "1".
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

NAN, INFINITY, NULL = math.nan, math.inf, None
FLOAT32_MAX = 3.4028234663852886e38
UNIT = 2.0**-24  # what the sketches count in

# Day, series (an instrument, or instrument, factor and macro id as stored), return.
Row = tuple[Any, Any, Any]


class Expected(NamedTuple):
    """The reasons of num-scenario-core-v1 and of the sketches. None: it is encoded."""

    core: str | None
    sketches: str | None


ENCODED = Expected(None, None)


def rejected(reason: str) -> Expected:
    """By every model."""
    return Expected(reason, reason)


def only_sketches_reject(reason: str) -> Expected:
    return Expected(None, reason)


class Case(NamedTuple):
    name: str
    rows: list[Row]
    expected: Expected
    set_id: str | None = None
    scenario_id: str = "1"
    horizon_days: int | None = 2
    is_in_sets: bool = True
    num_paths: int | None = 1
    base_date_end: str | None = "2022-12-28"
    beside: list[Row] | None = None  # of a second, valid scenario of the set
    ignored: int = 0  # what the warning counts

    @property
    def set(self) -> str:
        return self.name if self.set_id is None else self.set_id


def days(*returns: list[Any], series: Sequence[str] = "AB") -> list[Row]:
    """Give the rows of a grid: a line a day, from day 1, a column a series."""
    return [
        (day, series[place], value)
        for day, line in enumerate(returns, start=1)
        for place, value in enumerate(line)
        if value is not GAP
    ]


GAP = object()
WHOLE = days([0.11, 0.12], [0.21, 0.22])


def wide(num_days: int, num_series: int) -> list[Row]:
    """Give a whole panel with small returns that are all different."""
    return [
        (day, f"S{place:04}", (day * num_series + place) / 65536 - 0.5)
        for day in range(1, num_days + 1)
        for place in range(num_series)
    ]


def of_kind(kind: str, rows: list[Row]) -> list[Row]:
    """Give the rows with their series as factors or macro series."""
    before, after = {"FACTOR": ([""], ["__NONE__"]), "MACRO": (["", ""], [])}[kind]
    return [(day, (*before, series, *after), value) for day, series, value in rows]


# Each is the id of a set, of its scenario and of a series beside A, all at once.
IDS = {
    "single quote": "it's",
    "two single quotes": "''",
    "double quote": '"quoted"',
    "dollar quotes": "$$ $1 $tag$",
    "percent": "100%",
    "placeholder of Python": "%s %(x)s {0} {x}",
    "backslash": "back\\slash",
    "backslash at the end": "back\\",
    "escape of a string": "\\x00 \\u0000 \\n",
    "newline": "new\nline",
    "carriage return": "carriage\rreturn",
    "tab": "a\tb",
    "row end of COPY": "\\.",
    "blank": " ",
    "blanks around": " blanks ",
    "no-break space": "\u00a0",
    "64 characters": "x" * 64,
    "64 characters of four bytes": "🙂" * 64,
    "emoji of several code points": "👩‍👩‍👧‍👦 🏴‍☠️",
    "letters beyond ASCII": "Ünïcode – 期货",
    "right to left": "‮סיכון مخاطر",
    "nothing to see": "​\ufeff",
    "code point beyond the BMP": "𝔄",
    "last code point": "\U0010ffff",
    "control characters": "\x01\x08\x1b[31m\x7f",
    "colon": ":",
    "colons": "::a:",
    "comma": "a,b",
    "semicolon and comment": "; --",
    "comment": "/* a */",
    "statement": "'); drop schema raw cascade; --",
    "Jinja": "{{ 1 / 0 }}{% raw %}",
    "markup of the console": "[bold]A[/b]",
    "markup of a page": "<script>alert(1)</script>&amp;",
    "null in words": "NULL",
    "NaN in words": "NaN",
    "true in words": "true",
    "array": "{a,b}",
    "JSON": '{"a": ["b"]}',
    "underscore first": "_A",
    "half a sentinel": "__A",
    "wildcards of LIKE": "_%_",
    "small letter beside the capital": "a",
    "decimal": "1.5",
    "number beyond bigint": "99999999999999999999",
    "zero with a sign": "-0",
    "digits of another script": "١٢",
}


def in_all_three_places(name: str, strange: str) -> Case:
    rows = [
        (day, series, value)
        for day in (1, 2)
        for series, value in ((strange, day / 10), ("A", day / 20))
    ]
    expected = rejected("COLON_IN_SCENARIO_ID") if ":" in strange else ENCODED
    return Case(f"id: {name}", rows, expected, set_id=strange, scenario_id=strange)


# fmt: off
CASES = [
    # ids
    *(in_all_three_places(*entry) for entry in IDS.items()),
    Case("set without a name", WHOLE, rejected("EMPTY_SET_ID"), set_id=""),
    Case("scenario without a name", WHOLE, ENCODED, scenario_id=""),
    Case("number with zeros before", WHOLE, ENCODED, scenario_id="007", beside=WHOLE),
    Case("two ways to write one letter", days([0.1, 0.2], [0.3, 0.4],
        series=("\u00e9", "e\u0301")), ENCODED),
    Case("ids that differ by a blank", days([0.1, 0.2, 0.3], [0.4, 0.5, 0.6],
        series=("A", "A ", " A")), ENCODED),
    Case("unit separator in the set's id", WHOLE, ENCODED, set_id="a\x1fb"),
    Case("unit separator in the scenario's id", WHOLE, ENCODED, scenario_id="a\x1fb"),
    Case("unit separator in a series id", [(1, "A\x1fB", 0.1), (2, "A\x1fB", 0.2)],
        only_sketches_reject("SEPARATOR_IN_SERIES_ID")),
    Case("one entity id out of two sets", WHOLE, rejected("COLON_IN_SCENARIO_ID"),
        set_id="P", scenario_id="Q:1"),
    Case("one entity id out of two sets, the other", WHOLE, ENCODED,
        set_id="P:Q", scenario_id="1"),

    # numbers
    Case("NaN, first cell", days([NAN, 0.12], [0.21, 0.22]), rejected("NON_FINITE_VALUE")),
    Case("NaN, last cell", days([0.11, 0.12], [0.21, NAN]), rejected("NON_FINITE_VALUE")),
    Case("NaN everywhere", days([NAN, NAN], [NAN, NAN]), rejected("NON_FINITE_VALUE")),
    Case("Infinity", days([0.11, INFINITY], [0.21, 0.22]), rejected("NON_FINITE_VALUE")),
    Case("−Infinity", days([0.11, -INFINITY], [0.21, 0.22]), rejected("NON_FINITE_VALUE")),
    Case("NULL value", days([0.11, 0.12], [NULL, 0.22]), rejected("NON_FINITE_VALUE")),
    Case("1e308", days([1e308, 0.12], [0.21, 0.22]), rejected("VALUE_OUT_OF_RANGE")),
    Case("−1e308", days([0.11, 0.12], [-1e308, 0.22]), rejected("VALUE_OUT_OF_RANGE")),
    Case("NaN and 1e308: the first counts", days([NAN, 1e308], [0.21, 0.22]),
        rejected("NON_FINITE_VALUE")),
    Case("largest float32", days([FLOAT32_MAX, 0.12], [0.21, -FLOAT32_MAX]),
        only_sketches_reject("VALUE_OUT_OF_RANGE")),
    Case("one step beyond float32", days([math.nextafter(FLOAT32_MAX, INFINITY), 0.12],
        [0.21, 0.22]), rejected("VALUE_OUT_OF_RANGE")),
    Case("±4", days([4.0, -4.0], [0.21, 0.22]), ENCODED),
    Case("one step beyond 4", days([math.nextafter(4, 5), 0.12], [0.21, 0.22]),
        only_sketches_reject("VALUE_OUT_OF_RANGE")),
    Case("percent taken for decimals", days([-5.2, 3.1], [1.4, 7.7]),
        only_sketches_reject("VALUE_OUT_OF_RANGE")),
    Case("total loss", days([-1.0, -1.0], [0.0, 0.0]), ENCODED),
    Case("zeros", days([0.0, 0.0], [0.0, 0.0]), ENCODED),
    Case("−0.0", days([-0.0, 0.12], [0.21, -0.0]), ENCODED),
    Case("subnormal", days([5e-324, -5e-324], [2.2e-308, 0.22]), ENCODED),
    Case("subnormal as float32", days([1e-45, -1e-40], [7e-46, 0.22]), ENCODED),
    Case("half a unit, to even", days([UNIT / 2, 3 * UNIT / 2], [-UNIT / 2, 0.0]), ENCODED),
    Case("half a step of float32, to even", days([1 + UNIT, 1 + 3 * UNIT], [0.1 + 0.2,
        1 / 3]),
        ENCODED),

    # shapes
    Case("no series: baseline alone", [(0, "A", 0.0), (0, "B", 0.0)],
        rejected("NO_SERIES_OF_KIND")),
    Case("no series: all beyond the horizon", [(3, "A", 0.1), (4, "A", 0.2)],
        rejected("NO_SERIES_OF_KIND"), ignored=2),
    Case("one series, one day", days([0.11]), ENCODED, horizon_days=1),
    Case("one series", days([0.11], [0.21]), ENCODED),
    Case("one day", days([0.11, 0.12]), ENCODED, horizon_days=1),
    Case("64 days: all that the sketch keeps of the market", wide(64, 2), ENCODED,
        horizon_days=64),
    Case("65 days", wide(65, 2), ENCODED, horizon_days=65),
    Case("384 cells: all that core keeps", wide(12, 32), ENCODED, horizon_days=12),
    Case("385 cells", wide(11, 35), ENCODED, horizon_days=11),
    Case("1024 days", wide(1024, 1), ENCODED, horizon_days=1024),
    Case("1025 days", wide(1025, 1), rejected("INVALID_HORIZON"), horizon_days=1025),
    Case("2048 series", wide(1, 2048), ENCODED, horizon_days=1),
    Case("2049 series", wide(1, 2049), only_sketches_reject("TOO_MANY_SERIES"),
        horizon_days=1),

    # gaps
    Case("gap: first cell", days([GAP, 0.12], [0.21, 0.22], [0.31, 0.32]),
        rejected("MISSING_CELLS"), horizon_days=3),
    Case("gap: a cell in the middle", days([0.11, 0.12], [0.21, GAP], [0.31, 0.32]),
        rejected("MISSING_CELLS"), horizon_days=3),
    Case("gap: last cell", days([0.11, 0.12], [0.21, 0.22], [0.31, GAP]),
        rejected("MISSING_CELLS"), horizon_days=3),
    Case("gap: first day", days([], [0.21, 0.22], [0.31, 0.32]),
        rejected("MISSING_CELLS"), horizon_days=3),
    Case("gap: a day in the middle", days([0.11, 0.12], [], [0.31, 0.32]),
        rejected("MISSING_CELLS"), horizon_days=3),
    Case("gap: last day", days([0.11, 0.12], [0.21, 0.22]),
        rejected("SHORT_HORIZON"), horizon_days=3),
    Case("gap: a series that another scenario has", days([0.11], [0.21]),
        rejected("MISSING_CELLS"), beside=WHOLE, num_paths=2),
    Case("gap and NaN: the gap counts", days([GAP, NAN], [0.21, 0.22]),
        rejected("MISSING_CELLS")),

    # duplicates
    Case("cell twice, equal", [*WHOLE, (1, "A", 0.11)], rejected("DUPLICATE_CELLS")),
    Case("cell twice, different", [*WHOLE, (1, "A", 0.99)], rejected("DUPLICATE_CELLS")),
    Case("cell twice, 0 and −0", [*days([0.0, 0.12], [0.21, 0.22]), (1, "A", -0.0)],
        rejected("DUPLICATE_CELLS")),
    Case("cell twice, another missing", [*WHOLE[:3], (1, "A", 0.11)],
        rejected("DUPLICATE_CELLS")),
    Case("cell three times", [*WHOLE, (2, "B", 0.22), (2, "B", 0.22)],
        rejected("DUPLICATE_CELLS")),
    Case("every row twice", [*WHOLE, *WHOLE], rejected("DUPLICATE_CELLS")),
    Case("cell twice, under other sentinels", [*WHOLE, (1, ("A", "", ""), 0.11)],
        rejected("DUPLICATE_CELLS")),
    Case("cell twice, one of them NaN", [*WHOLE, (1, "A", NAN)],
        rejected("DUPLICATE_CELLS")),
    Case("baseline twice", [(0, "A", 0.0), (0, "A", 0.0), *WHOLE], ENCODED),

    # kinds
    Case("NULL instead of sentinels", [(d, (s, NULL, NULL), v) for d, s, v in WHOLE],
        ENCODED),
    Case("factors beside instruments", [*WHOLE, *of_kind("FACTOR", WHOLE)], ENCODED),
    Case("macro series beside instruments", [*WHOLE, *of_kind("MACRO", WHOLE)], ENCODED),
    Case("factors alone", of_kind("FACTOR", WHOLE), ENCODED),
    Case("macro series alone", of_kind("MACRO", WHOLE), ENCODED),
    Case("factors beside macro series",
        [*of_kind("FACTOR", WHOLE), *of_kind("MACRO", WHOLE)], ENCODED),
    Case("factors in a set of instruments", of_kind("FACTOR", WHOLE),
        rejected("NO_SERIES_OF_KIND"), beside=WHOLE, num_paths=2),
    Case("factor with a gap and NaN", [*WHOLE, *of_kind("FACTOR", days([NAN]))], ENCODED),
    Case("row with two ids", [*WHOLE, (1, ("A", "MKT", "__NONE__"), 0.1)],
        rejected("MORE_THAN_ONE_ID")),
    Case("row with three ids", [*WHOLE, (1, ("A", "MKT", "GDP"), 0.1)],
        rejected("MORE_THAN_ONE_ID")),
    Case("row without id", [*WHOLE, (1, ("", "__FACTOR__", "__NONE__"), 0.1)],
        rejected("NO_SERIES_ID")),
    Case("row with NULL ids", [*WHOLE, (1, (NULL, NULL, NULL), 0.1)],
        rejected("NO_SERIES_ID")),
    Case("instrument like a sentinel", [*WHOLE, (1, "__CASH__", 0.1)],
        rejected("NO_SERIES_ID")),
    Case("instrument of underscores", [*WHOLE, (1, "____", 0.1)], rejected("NO_SERIES_ID")),
    Case("two ids beyond the horizon", [*WHOLE, (3, ("A", "MKT", "__NONE__"), 0.1)],
        ENCODED,
        ignored=1),

    # days
    Case("days in no order", WHOLE[::-1], ENCODED),
    Case("baseline of zeros", [(0, "A", 0.0), (0, "B", 0.0), *WHOLE], ENCODED),
    Case("baseline with a return", [(0, "A", 9.0), *WHOLE], ENCODED),
    Case("extra days", [*WHOLE, (3, "A", 0.3), (3, "B", 0.3)], ENCODED, ignored=2),
    Case("extra days with a series of their own", [*WHOLE, (3, "Z", 0.3)], ENCODED,
        ignored=1),
    Case("extra days with NaN", [*WHOLE, (3, "A", NAN)], ENCODED, ignored=1),
    Case("negative day", [(-1, "A", 0.3), *WHOLE], ENCODED, ignored=1),
    Case("series of negative days alone", [(-1, "Z", 0.3), *WHOLE], ENCODED,
        ignored=1),
    Case("largest day there is", [*WHOLE, (2**31 - 1, "A", 0.3)], ENCODED, ignored=1),
    Case("smallest day there is", [*WHOLE, (-(2**31), "A", 0.3)], ENCODED, ignored=1),
    Case("row without a day", [*WHOLE, (NULL, "A", 0.3)], ENCODED, ignored=1),
    Case("rows without a day alone", [(NULL, "A", 0.3)], rejected("NO_SERIES_OF_KIND"),
        ignored=1),
    Case("days from 0", [(0, "A", 0.1), (1, "A", 0.2)], rejected("SHORT_HORIZON")),

    # rows that cancel each other out, or look alike, in two scenarios of one set
    Case("a cell three times, and a baseline twice", [*WHOLE, (1, "A", 0.5), (1, "A", 0.6)],
        rejected("DUPLICATE_CELLS"), beside=[(0, "A", 0.0), (0, "A", 0.0), *WHOLE]),
    Case("a baseline twice, and a day beyond twice", [(0, "A", 0.0), (0, "A", 0.0), *WHOLE],
        ENCODED, beside=[*WHOLE, (9, "A", 8.8), (9, "A", 7.7)], ignored=2),
    Case("rows without a day twice", [*WHOLE, (NULL, "A", 0.3), (NULL, "A", 0.3)], ENCODED,
        beside=[*WHOLE, (0, "A", 0.3), (0, "A", 0.3)], ignored=2),
    Case("factors with NULL, and with empty text",
        [*WHOLE, *((day, (NULL, "A", NULL), 9.9) for day in (1, 2))], ENCODED,
        beside=[*WHOLE, *((day, ("", "A", NULL), 9.9) for day in (1, 2))]),

    # sets
    Case("set unknown", WHOLE, rejected("UNKNOWN_SET"), is_in_sets=False, ignored=4),
    Case("set empty", [], ENCODED, num_paths=0),
    Case("set without dates", WHOLE, rejected("NO_AS_OF_DATE"), base_date_end=NULL),
    Case("horizon 0", WHOLE, rejected("INVALID_HORIZON"), horizon_days=0, ignored=4),
    Case("horizon negative", WHOLE, rejected("INVALID_HORIZON"), horizon_days=-2,
        ignored=4),
    Case("horizon NULL", WHOLE, rejected("INVALID_HORIZON"), horizon_days=NULL,
        ignored=4),
    Case("horizon of 2³¹ − 1 days", WHOLE, rejected("INVALID_HORIZON"),
        horizon_days=2**31 - 1),
    Case("horizon 0, no dates, NaN: the first counts", days([NAN]),
        rejected("INVALID_HORIZON"), horizon_days=0, base_date_end=NULL, ignored=1),
    Case("num_paths too large", WHOLE, ENCODED, num_paths=1000),
    Case("num_paths 0", WHOLE, ENCODED, num_paths=0),
    Case("num_paths negative", WHOLE, ENCODED, num_paths=-1),
    Case("num_paths NULL", WHOLE, ENCODED, num_paths=NULL),
    Case("before Christ", WHOLE, ENCODED, base_date_end="0044-03-15 BC"),
    Case("year 9999", WHOLE, ENCODED, base_date_end="9999-12-31"),
    Case("end of time", WHOLE, ENCODED, base_date_end="infinity"),
]
# fmt: on


def scenarios() -> Iterator[tuple[Case, str, list[Row]]]:
    """Yield each case's scenarios: the case, the scenario's id and rows."""
    for case in CASES:
        if case.rows:
            yield case, case.scenario_id, case.rows
        if case.beside:
            yield case, "beside", case.beside
