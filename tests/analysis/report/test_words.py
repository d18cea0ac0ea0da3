"""Numbers, moments and names of the view as people read them."""

from dataclasses import replace

import pytest

from analysis.report import words
from engine.core.decision import Rule
from tests.analysis.report.scenario import rolled_back

NOON_S = 1_700_049_600.0


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (Rule.HARM, "for harm"),
        (Rule.EVIDENCE, "on evidence"),
        (Rule.GATE_CLOSED, "by the flag"),
        (Rule.BLIND_TOO_LONG, "for lack of data"),
    ],
)
def test_the_end_is_told_in_words_and_not_as_a_rule_id(rule: Rule, why: str) -> None:
    assert words.decided(replace(rolled_back().view(), ended_by=rule)) == f"after 3 min 30 s, {why}"


def test_a_date_is_said_once_when_the_run_fell_on_one_day() -> None:
    view = replace(rolled_back().view(), launched_s=NOON_S, ended_s=NOON_S + 60)
    over_night = replace(view, ended_s=NOON_S + 86_400)

    assert (words.time_column(view), words.time_of_day(view, NOON_S)) == (
        "Time (UTC, 2023-11-15)",
        "12:00:00",
    )
    assert words.time_column(over_night) == "Time (UTC)"
    assert words.time_of_day(over_night, NOON_S) == "2023-11-15 12:00:00"


def test_a_target_key_has_no_doubled_slashes() -> None:
    assert words.target(replace(rolled_back().view(), target="local//srv/main/shop")) == "local/srv/main/shop"
