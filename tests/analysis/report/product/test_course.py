"""How an experiment was released is told in every form, until the look and no further."""

import io
import json
from dataclasses import replace

import pytest
from jsonschema import Draft202012Validator

from analysis.report.product.course import Course, CourseStage
from analysis.report.product.document import document, json_schema, read
from analysis.report.product.markdown import markdown
from analysis.report.product.page import page
from analysis.report.product.table_csv import table_csv
from analysis.report.product.terminal import terminal
from analysis.report.product.view import NOTHING, Origin, ProductView, build_view
from engine.core.run import Phase
from tests.analysis.report.product.parts import AT_S, HOSTILE, START, course
from tests.analysis.report.product.samples import named, ship, three_variants
from tests.analysis.report.test_html import parsed

BEGAN = "The canary began 2026-03-02 00:00:00 UTC, the test at the fixed split 2026-03-04 02:00:00 UTC."
ENDED = (
    "The release ended 2026-03-12 01:00:00 UTC: promoted, decided by ann@laptop. Everybody has had short"
    " since. Why: purchase is better."
)


def of(each: Course) -> Origin:
    return Origin(course=each)


def shown(origin: Origin) -> str:
    stream = io.StringIO()
    terminal(ship(), stream, origin)
    return stream.getvalue()


def view(each: Course, at_s: float = AT_S) -> ProductView:
    return build_view(replace(ship(), at_s=at_s), of(each))


def rows(each: Course, at_s: float = AT_S) -> list[tuple[str, ...]]:
    told = view(each, at_s).course
    assert told is not None
    return [row.cells for row in told.rows]


@pytest.mark.parametrize("sentence", [BEGAN, ENDED, "canary: is it safe?"])
def test_every_form_for_people_tells_the_course(sentence: str) -> None:
    for form in (
        shown(of(course())),
        markdown(ship(), of(course())).replace("\\", ""),
        parsed(page(ship(), of(course()))).text,
    ):
        assert sentence in form


def test_without_a_release_there_is_no_section() -> None:
    for form in (shown(NOTHING), markdown(ship()), page(ship())):
        assert "released" not in form
        assert "RELEASED" not in form
    assert json.loads(document(ship()))["course"] is None


def test_each_stretch_says_since_when_what_how_much_and_how_long() -> None:
    assert rows(course()) == [
        ("2026-03-02 00:00:00 UTC", "canary: is it safe?", "96 %", "4 %", "6 h"),
        ("2026-03-02 06:00:00 UTC", "canary: is it safe?", "80 %", "20 %", "44 h"),
        ("2026-03-04 02:00:00 UTC", "test: which is better?", "50 %", "50 %", "8 d"),
    ]


def test_the_last_stretch_of_a_release_that_goes_on_lasts_so_far() -> None:
    going = course(phase=None)
    assert rows(going)[-1][-1] == "8 d so far"
    assert "goes on" in shown(of(going))


def test_a_look_into_the_past_knows_nothing_of_what_came_later() -> None:
    early_s = START.timestamp() + 7 * 3600
    assert [row[-1] for row in rows(course(), early_s)] == ["6 h", "60 min so far"]
    told = view(course(), early_s).course
    assert told is not None
    assert told.told[0].endswith("the test at the fixed split has not begun yet.")


def test_a_look_at_the_second_of_the_end_knows_of_the_end() -> None:
    ended = course().ended
    assert ended is not None
    late = replace(course(), ended=replace(ended, at_s=AT_S + 0.7))
    assert late.as_of(AT_S) == late
    assert late.as_of(AT_S - 1).ended is None


def test_a_release_that_has_not_given_traffic_has_no_rows() -> None:
    still = replace(course(phase=None), steps=())
    assert rows(still) == []
    for form in (shown(of(still)), markdown(ship(), of(still)), page(ship(), of(still))):
        assert "No traffic is given yet." in form


def test_every_variant_has_its_column() -> None:
    told = build_view(three_variants(), of(course(("control", "short", "long")))).course
    assert told is not None
    assert told.columns == ("Since", "Stage", "control", "short", "long", "Lasted")
    assert told.rows[-1].shares == ("50 %", "25 %", "25 %")


def test_charts_by_day_are_marked_where_the_test_began() -> None:
    mine = view(course())
    days = [each for detail in mine.details for each in detail.figures if each.id.endswith("-days")]
    midnight_s = START.timestamp() + 2 * 86_400
    assert days
    for each in (mine.exposure, *days):
        assert each.chart is not None
        assert [(mark.at_s, mark.text) for mark in each.chart.changes] == [(midnight_s, "test begins")]
    assert "test begins" in page(ship(), of(course()))


def test_a_test_that_began_outside_of_the_chart_has_no_mark() -> None:
    steps = tuple(replace(step, at_s=step.at_s - 30 * 86_400) for step in course().steps)
    chart = view(replace(course(), steps=steps)).exposure.chart
    assert chart is not None
    assert chart.changes == ()


def test_a_canary_alone_marks_nothing() -> None:
    canary = replace(course(), steps=course().steps[:2])
    assert canary.began_s(CourseStage.TEST) is None
    chart = view(canary).exposure.chart
    assert chart is not None
    assert chart.changes == ()


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase.ended])
def test_the_document_holds_the_course_and_keeps_its_schema(phase: Phase) -> None:
    text = document(ship(), of(course(phase=phase)))
    plain = json.loads(text)
    assert not list(Draft202012Validator(json_schema()).iter_errors(plain))
    assert plain["course"]["ended"]["phase"] == phase
    assert list(plain["course"]["steps"][0]["weights_pct"]) == ["control", "short"]
    assert read(text) == ship()


def test_the_document_of_a_look_into_the_past_holds_no_later_step() -> None:
    early = replace(ship(), at_s=START.timestamp() + 7 * 3600)
    plain = json.loads(document(early, of(course())))["course"]
    assert (len(plain["steps"]), plain["ended"]) == (2, None)


def test_effects_as_csv_are_the_same_with_and_without_a_release() -> None:
    assert "canary" not in table_csv(ship())


def test_hostile_names_in_a_course_are_text() -> None:
    spiteful = replace(course(("control", HOSTILE)), strategy=HOSTILE, run_id=HOSTILE)
    told = page(named(HOSTILE), of(spiteful))
    assert HOSTILE not in told
    assert HOSTILE.split('"')[0] in parsed(told).text
