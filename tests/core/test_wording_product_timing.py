"""Sentences on when a product experiment began and ends, how long an answer takes, how it was released."""

from dataclasses import replace

import pytest

from analysis.report.product.course import CourseStage
from engine.core.product import ProductMetric
from engine.core.run import Phase
from engine.core.wording import product_course as course
from engine.core.wording import product_method as method
from engine.core.wording import product_timing as timing
from tests.analysis.report.product.parts import LOADING, PURCHASE, REVENUE


def forecast(
    metric: ProductMetric, units: int, days: float | None, on: str = "", left_days: float | None = None
) -> str:
    return timing.forecast_told(
        metric, mde=0.02, needed=900, units=units, days=days, on=on, unit="user", left_days=left_days
    )


def test_a_forecast_says_how_many_and_how_long() -> None:
    assert forecast(PURCHASE, 1_000, None).endswith("the smallest has 1,000: that is enough.")
    assert "change of purchase by 2 %, every variant needs about 900 users" in forecast(PURCHASE, 5, None)
    assert forecast(PURCHASE, 5, None).endswith("Nobody new comes in, so it will not get there.")
    assert forecast(LOADING, 5, 1.0).startswith("To tell loading time staying within its margin,")
    assert forecast(LOADING, 5, 1.0).endswith("takes about a day more.")
    assert forecast(LOADING, 5, 2.5, "2026-04-01").endswith("about 3 days more, until 2026-04-01.")


def test_a_forecast_beyond_the_planned_end_says_what_that_means() -> None:
    assert forecast(PURCHASE, 5, 353.2, "2027-03-01", 12.1).endswith(
        "that takes about 354 days more, until 2027-03-01, which is after the planned end (about 13 days from"
        " now): by then only a larger change can be told from none."
    )
    assert "it may still be unclear" in forecast(LOADING, 5, 353.2, "2027-03-01", 12.1)
    assert "planned end" not in forecast(PURCHASE, 5, 12.0, "2026-04-01", 12.1)


def test_the_pace_names_the_slowest() -> None:
    told = "At the present pace revenue has what it needs in about 3 days"
    assert timing.pace_told("revenue", 3.0) == f"{told}."
    assert timing.pace_told("revenue", 3.0, 3.0) == f"{told}."
    assert timing.pace_told("revenue", 3.0, 2.0).startswith(f"{told}, but the planned end is about 2 days")


def test_an_end_is_planned_over_or_open() -> None:
    assert timing.end_told(None, None) == "No end is planned."
    assert timing.end_told("noon", None) == "The planned end was noon."
    assert timing.end_told("noon", 0.5) == "The planned end is noon, in less than a day."


def test_an_end_that_waits_for_the_last_to_come_says_so() -> None:
    told = timing.end_told("noon", 0.5, "Friday")
    assert told.endswith("The last to come have had all their time Friday: only then it is decided.")


def test_a_planned_look_is_named_by_its_time() -> None:
    assert timing.look_told(None, last=False) == "at the planned look"
    assert timing.look_told("noon", last=True) == "from noon on"
    assert timing.look_told("noon", last=False).startswith("at the next planned look, noon")


def test_a_status_says_since_when_and_until_when() -> None:
    assert timing.status_told(starts=None, ends=None, began=False, over=False) == "not started"
    assert "starts noon" in timing.status_told(starts="noon", ends=None, began=False, over=False)
    assert "no planned end" in timing.status_told(starts="noon", ends=None, began=True, over=False)
    assert "planned end one" in timing.status_told(starts="noon", ends="one", began=True, over=False)
    assert "over: noon to one" in timing.status_told(starts="noon", ends="one", began=True, over=True)


def test_a_release_that_has_ended_ends_the_experiment() -> None:
    ended = course.end_word("rolled_back", "Friday")
    told = timing.status_told(starts="noon", ends="one", began=True, over=False, released=ended)
    assert told == "release ended Friday: rolled back; since noon"
    assert timing.status_told(starts=None, ends=None, began=False, over=False, released=ended) == ended


def test_days_that_are_not_over_are_said_so() -> None:
    week = replace(PURCHASE, within_s=7 * 86_400.0)
    assert method.young_told(week, "user", 0, of=9) == ""
    assert method.young_told(week, "user", 1, of=9).startswith("The last day is not over (dashed): not all")
    assert method.young_told(week, "user", 3, of=9).startswith("The last 3 days are not over (dashed)")
    assert method.young_told(week, "user", 9, of=9) == "No day is over: not all users have had their 7 d yet."
    assert method.young_told(REVENUE, "user", 0, of=9) == method.NO_WITHIN
    assert "have had their 7 d yet are left out" in method.weekdays_told(week, "user")
    assert method.weekdays_told(REVENUE, "user") == method.NO_WITHIN


def test_every_stage_and_every_end_of_a_release_has_words() -> None:
    assert set(course.STAGE_WORDS) == set(CourseStage)
    assert len({course.ended_word(phase) for phase in Phase if phase.ended}) == 5


@pytest.mark.parametrize(
    ("canary", "test", "ended", "told"),
    [
        (None, None, False, "No traffic is given yet."),
        (None, None, True, "No traffic was given."),
        ("one", None, False, "The canary began one; the test at the fixed split has not begun yet."),
        ("one", None, True, "The canary began one; the test at the fixed split never began."),
        ("one", "two", False, "The canary began one, the test at the fixed split two."),
        (None, "two", True, "The test at the fixed split began two, without a canary before it."),
    ],
)
def test_a_release_says_when_its_parts_began(
    canary: str | None, test: str | None, ended: bool, told: str
) -> None:
    assert course.began_told(canary=canary, test=test, ended=ended) == told


def test_an_end_says_what_everybody_has_and_why() -> None:
    assert course.ended_told("promoted", at="noon", variant="b", reason="it is better.", by="ann") == (
        "The release ended noon: promoted, decided by ann. Everybody has had b since. Why: it is better."
    )
    assert course.ended_told("failed", at="noon", variant="", reason="", by="") == (
        "The release ended noon: failed."
    )
    assert course.runs_on_told("ab", "7f3a") == "The release (ab, run 7f3a) goes on."
    assert course.run_told("ab", "7f3a") == "By the strategy ab, run 7f3a."
