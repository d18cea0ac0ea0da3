"""What is said of the parts of a metric."""

import pytest

from engine.core import wording
from engine.core.verdict import VerdictKind
from tests.builders import a_finding, a_verdict


@pytest.mark.parametrize(
    ("verdict", "word"),
    [
        (VerdictKind.HARMFUL, "worse here"),
        (VerdictKind.UNDECIDED, "not shown to be worse"),
        (VerdictKind.NO_DATA, "no data"),
        (VerdictKind.UNTRUSTWORTHY, "not to be trusted"),
    ],
)
def test_a_part_is_worse_or_it_is_not_shown_or_nothing_can_be_said(verdict: VerdictKind, word: str) -> None:
    assert wording.part_says(verdict)[1] == word


def test_values_that_are_worse_are_named_with_what_that_is_worth() -> None:
    assert wording.parts_told("route", ["/pay", "/cart"], of=5, alpha=0.05) == (
        "Worse where route is /pay, /cart: 2 of 5 values. Of values named like this at most 5 % are wrong on"
        " average, whenever one looks. This decides nothing."
    )


def test_nothing_shown_is_not_nothing_there() -> None:
    assert wording.parts_told("route", [], of=5, alpha=0.05) == (
        "None of the 5 values of route is shown to be worse, which is no evidence that none is."
    )


def test_the_method_names_its_rate_and_what_intervals_hold_for() -> None:
    told = wording.parts_method(0.05)
    assert "false discovery rate of 5 %" in told
    assert "hold for each value on its own" in told


def test_a_part_that_cannot_be_trusted_distrusts_nothing_else() -> None:
    part = a_finding(metric="errors (route=/pay)", family="errors", distrust="swings last")
    assert wording.distrust(a_verdict(findings=(a_finding(distrust="resets"), part))) == "errors: resets"
