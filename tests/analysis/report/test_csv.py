"""The report as CSV: whole outputs, empty and 0 kept apart, times for machines, no formulas."""

import csv
import io
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from analysis.report.table_csv import COLUMNS, text, to_csv
from analysis.report.view import ReportView
from engine.core.measure import Trials, TrialsReading
from tests.analysis.report.scenario import (
    Story,
    blind,
    measured,
    promoted,
    renamed,
    rolled_back,
    three_metrics,
)
from tests.analysis.report.stories import STORIES
from tests.builders import an_experiment

DOCUMENT = Path(__file__).parents[3] / "docs" / "reference" / "report.md"
HOSTILE = '=HYPERLINK("http://x",1)'


def rows_of(view: ReportView) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(to_csv(view), newline=""), strict=True))


def short(line: str) -> str:
    """Numbers with six digits: the last ones differ between processors."""
    return re.sub(r"-?\d+\.\d+(e-?\d+)?(?=[,\r\n])", lambda number: f"{float(number[0]):.6g}", line)


@pytest.mark.parametrize("name", STORIES)
def test_csv_is_as_agreed(name: str, snapshot: SnapshotAssertion) -> None:
    assert [short(line) for line in to_csv(STORIES[name]().view()).split("\r\n")] == snapshot


@pytest.mark.parametrize("name", STORIES)
def test_there_is_a_row_per_metric_arm_and_point_and_one_in_all(name: str) -> None:
    view = STORIES[name]().view()
    rows = rows_of(view)

    parts = sum(len(each.parts) for each in view.breakdowns)
    assert len(rows) == 2 * len(view.metrics) * (len(view.points) + 1) + 2 * parts
    assert sum(row["row"] == "total" for row in rows) == 2 * len(view.metrics) + 2 * parts


def test_lines_end_as_the_standard_says() -> None:
    content = to_csv(rolled_back().view())

    assert content.endswith("\r\n")
    assert content.count("\n") == content.count("\r\n")


def test_nothing_measured_is_empty_and_not_zero() -> None:
    story = Story()
    story.observe([blind()])

    for row in rows_of(story.view()):
        assert (row["trials"], row["counted_trials"], row["counted_share"]) == ("", "", "")
        assert (row["difference_share"], row["effect"], row["effect_low"]) == ("", "", "")


def test_zero_is_zero_and_not_empty() -> None:
    story = Story(an_experiment())
    none = TrialsReading(control=Trials(bad=0, total=900), treatment=Trials(bad=0, total=0))
    story.observe([{"errors": none}])

    control, _, treatment, _ = rows_of(story.view())

    assert (control["trials"], control["counted_trials"], control["counted_share"]) == ("900", "0", "0.0")
    assert (treatment["trials"], treatment["counted_trials"]) == ("0", "0")
    assert treatment["counted_share"] == "", "no share of nothing"


def test_a_latency_without_an_objective_has_trials_but_no_count_of_slow_ones() -> None:
    _, latency, _ = three_metrics()
    story = Story(an_experiment(metrics=(replace(latency, slo_s=None, weight=1.0),)))
    story.observe([{"latency": measured(treatment=5)["latency"]}])

    for row in rows_of(story.view()):
        assert int(row["trials"]) > 0
        assert (row["counted_trials"], row["counted_share"]) == ("", "")


def test_only_the_treatment_is_compared() -> None:
    for row in rows_of(rolled_back().view()):
        assert (row["e_harm_log10"] != "") == (row["arm"] == "treatment")
        assert (row["verdict"] != "") == (row["arm"] == "treatment" and row["row"] == "total")


def test_totals_are_the_view_s_own_numbers() -> None:
    view = promoted().view()
    found = next(row for row in rows_of(view) if (row["row"], row["arm"]) == ("total", "treatment"))

    assert int(found["trials"]) == view.metrics[0].treatment.total
    assert int(found["counted_trials"]) == view.metrics[0].treatment.bad
    assert float(found["difference_share"]) == view.metrics[0].difference


def test_times_are_iso_8601_in_utc() -> None:
    view = rolled_back().view()
    first = rows_of(view)[0]

    start = datetime.fromisoformat(first["start_utc"])
    assert first["start_utc"].endswith("Z")
    assert (start.tzinfo, start.timestamp()) == (UTC, view.points[0].start_s)


def test_foreign_names_become_no_formulas() -> None:
    for row in rows_of(renamed(rolled_back(), HOSTILE).view()):
        assert row["experiment"] == f"'{HOSTILE}"


@given(st.text())
def test_no_cell_of_text_begins_like_a_formula(value: str) -> None:
    assert not text(value).startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"))


def test_a_negative_number_stays_a_number() -> None:
    story = Story(an_experiment())
    story.step(0)
    better = TrialsReading(control=Trials(bad=90, total=900), treatment=Trials(bad=1, total=100))
    story.observe([{"errors": better}] * 3)

    differences = [row["difference_share"] for row in rows_of(story.view()) if row["arm"] == "treatment"]

    assert differences
    assert all(float(each) < 0 for each in differences)


def test_every_column_is_documented_in_order() -> None:
    chapter = DOCUMENT.read_text("utf-8").partition("## CSV\n")[2]
    documented = re.findall(r"^\| `(\w+)` \|", chapter, re.MULTILINE)

    assert tuple(documented) == COLUMNS
