"""Each scenario that a producer writes is encoded, or rejected with its reason."""

import json
from collections import Counter

import bad_inputs
import psycopg2.extras
import pytest
from bad_inputs import CASES, Case, Row, days
from conftest import Silent, add, as_float8, connected, execute, stored_bytes
from plain_encoders import CORE, PLAIN

from python_encoders.encoders import ENCODERS
from python_encoders.errors import WorkFailedError
from python_encoders.pipeline import encode_only
from python_encoders.scope import Scope

SENTINELS = "__INSTRUMENT__", "__NONE__"
KINDS = "INSTRUMENT", "FACTOR", "MACRO"


def load() -> None:
    """Write all cases into the source tables, which have no keys."""
    sets = [
        (case.set, case.horizon_days, case.num_paths, case.base_date_end)
        for case in CASES
        if case.is_in_sets
    ]
    paths = [
        (
            *(case.set, scenario_id, day),
            *(series if isinstance(series, tuple) else (series, *SENTINELS)),
            as_float8(value),
        )
        for case, scenario_id, rows in bad_inputs.scenarios()
        for day, series, value in rows
    ]
    with connected() as cursor:
        cursor.execute("truncate raw.scenario_sets")
        for table, rows, template in (
            ("scenario_sets", sets, None),
            ("scenario_paths", paths, f"({'%s, ' * 6} %s::float8)"),
        ):
            insert = f"insert into raw.{table} values %s"
            psycopg2.extras.execute_values(cursor, insert, rows, template, page_size=5000)


# What metadata may say of scenarios, in free JSON.
LABELS = {
    "1": {"first_day": "2021-02-29", "last_day": "2020-02-29", "name": {"a": ["b"]}},
    "2": {"first_day": "soon", "last_day": -1},
    "3": ["no", "mapping"],
}


def label(labels: dict[str, object]) -> None:
    execute("alter table raw.scenario_sets add metadata jsonb")
    execute(
        "update raw.scenario_sets set metadata = %s where scenario_set_id = 'zeros'",
        [json.dumps({"scenarios": labels})],
    )
    execute(
        """
        update raw.scenario_sets set metadata = '[{"scenarios": 1}]'
        where scenario_set_id = 'total loss'
        """
    )


def outcomes(model_id: str) -> dict[tuple[str, str], list[str | None]]:
    """Give each scenario's reasons of rejection, and None for a vector."""
    found: dict[tuple[str, str], list[str | None]] = {}
    for set_id, scenario_id, reason in execute(
        """
        select scenario_set_id, scenario_id, reason from analytics.scenario_rejections
        union all
        select scenario_set_id, scenario_id, reason
        from analytics.scenario_model_rejections where model_id = %(model_id)s
        union all
        select window_spec ->> 'scenario_set_id', window_spec ->> 'scenario_id', null
        from analytics.numeric_window_embeddings where model_id = %(model_id)s
        """,
        {"model_id": model_id},
    ):
        found.setdefault((set_id, scenario_id), []).append(reason)
    return found


def expected_outcomes(model_id: str) -> dict[tuple[str, str], list[str | None]]:
    return {
        (case.set, scenario_id): [reason_expected(case, scenario_id, model_id)]
        for case, scenario_id, _ in bad_inputs.scenarios()
    }


def reason_expected(case: Case, scenario_id: str, model_id: str) -> str | None:
    if scenario_id == "beside":
        return None
    return case.expected.core if model_id == CORE else case.expected.sketches


def plain_panel(case: Case, rows: list[Row]) -> tuple[list[list[float]], list[str]]:
    """Order a valid scenario's rows without any database, by day and series id."""
    instruments, others = {}, {}
    for day, stored, value in rows:
        ids_of_row = stored if isinstance(stored, tuple) else (stored, *SENTINELS)
        names = [
            (kind, name)
            for kind, name in zip(KINDS, ids_of_row, strict=True)
            if name not in {*SENTINELS, "__FACTOR__", "", None}
        ]
        if len(names) == 1 and day is not None and 1 <= day <= case.horizon_days:
            [(kind, name)] = names
            if kind == "INSTRUMENT":
                instruments[day, name] = value
            else:
                others[day, f"__{kind}:{name}__"] = value
    cells = instruments or others
    ids = sorted({series for _, series in cells})
    return [
        [cells[day, series] for series in ids] for day in range(1, case.horizon_days + 1)
    ], ids


def expected_bytes(model_id: str) -> dict[str, bytes]:
    return {
        f"{case.set}:{scenario_id}": PLAIN[model_id](*plain_panel(case, rows))
        for case, scenario_id, rows in bad_inputs.scenarios()
        if reason_expected(case, scenario_id, model_id) is None
    }


def counts_by_coverage(model_id: str) -> dict[str, tuple[int, int, int, int]]:
    return {
        row[0]: row[1:]
        for row in execute(
            """
            select scenario_set_id, num_in_source, num_encoded, num_rejected, num_pending
            from analytics.scenario_set_coverage where model_id = %s
            """,
            [model_id],
        )
    }


def expected_counts(model_id: str) -> dict[str, tuple[int, int, int, int]]:
    counts = {case.set: (0, 0, 0, 0) for case in CASES}
    for case, scenario_id, _ in bad_inputs.scenarios():
        is_rejected = reason_expected(case, scenario_id, model_id) is not None
        source, encoded, rejected, pending = counts[case.set]
        counts[case.set] = (
            source + 1,
            encoded + (not is_rejected),
            rejected + is_rejected,
            pending,
        )
    return counts


def warnings_expected() -> set[str]:
    in_source = Counter(case.set for case, _, _ in bad_inputs.scenarios())
    lies = sum(
        case.is_in_sets
        and case.num_paths is not None
        and case.num_paths != in_source[case.set]
        for case in CASES
    )
    ignored = sum(case.ignored for case in CASES)
    return {
        "assert_no_path_rows_lie_outside_the_horizon: "
        f"Got {ignored} results, configured to warn if != 0",
        "assert_num_paths_is_the_number_of_scenarios: "
        f"Got {lies} results, configured to warn if != 0",
        # Metadata of one case are a list.
        "assert_labels_can_be_read: Got 1 result, configured to warn if != 0",
    }


def test_the_table_has_many_cases_and_each_its_own_name_and_set():
    assert len(CASES) >= 60
    assert len({case.name for case in CASES}) == len(CASES)
    assert len({case.set for case in CASES}) == len(CASES)


def test_every_case_is_encoded_or_rejected_as_the_table_says(
    bare_source, chain, front, tmp_path
):
    load()
    label(LABELS)

    dbt = chain(encoded_model_ids=list(ENCODERS))
    dbt.run()
    encode_only(Scope(tuple(ENCODERS)), Silent())
    tested = dbt.test()

    for model_id in ENCODERS:
        assert outcomes(model_id) == expected_outcomes(model_id)
        assert stored_bytes(model_id) == expected_bytes(model_id)
        assert counts_by_coverage(model_id) == expected_counts(model_id)
    assert set(tested.warnings) == warnings_expected()
    assert execute(
        "select scenario_id, first_day::text, last_day::text from analytics.scenario_labels"
    ) == [("1", None, "2020-02-29"), ("2", None, None), ("3", None, None)]
    # What one producer wrote stops no reader.
    asked = ("--entity-id", "it's:it's", "--top-k", "1000", "--metric", "l2")
    for output in "table", "csv", "json":
        found = front("similar", *asked, "--format", output)
        assert found.returncode == 0, found.stderr
        assert "end of time" in found.stdout, output + found.stdout[-2000:]
        assert "infinity" in found.stdout, output
        assert "0044-03-15 BC" in found.stdout, output
    page = tmp_path / "report.html"
    for model_id in ENCODERS:
        assert front("report", "--output", page, "--model-id", model_id).returncode == 0


def test_a_set_that_stands_twice_stops_the_run_and_changes_nothing(source, chain):
    chain().run()
    add("S", "1", days([0.1], [0.2]))
    execute("insert into raw.scenario_sets select * from raw.scenario_sets")

    with pytest.raises(WorkFailedError, match=r"\(scenario_set_id\)=\(S\)"):
        chain().run()

    assert execute("select * from analytics.int_scenario_panels") == []
