from math import sqrt

import pytest

from analysis.product.margins import margin_of, shifted, standing
from analysis.product.means import Arm, Contrast
from analysis.product.result import Interval, Standing
from analysis.product.told import Told
from engine.core.model import Bound, Role
from tests.analysis.product.totalling import a_metric

HALF = Bound(relative=0.5, absolute=1.0)


def guardrail(margin: Bound = HALF, *, higher_is_better: bool = True) -> object:
    return a_metric(role=Role.GUARDRAIL, margin=margin, higher_is_better=higher_is_better)


def contrast(control: float, treatment: float) -> Contrast:
    arms = [
        Arm(units=100, measured=mean, mean=mean, variance=variance, plain_variance=variance)
        for mean, variance in ((control, 4.0), (treatment, 9.0))
    ]
    return Contrast(control=arms[0], treatment=arms[1])


def told(low: float, high: float, relative: Interval | None = None) -> Told:
    return Told(interval=Interval(low=low, high=high), relative_interval=relative, p_value=0.5)


def test_the_larger_part_of_a_margin_counts_in_the_bad_direction() -> None:
    assert margin_of(guardrail(), 10.0) == -5.0
    assert margin_of(guardrail(), 1.0) == -1.0
    assert margin_of(guardrail(higher_is_better=False), 10.0) == 5.0
    assert margin_of(guardrail(Bound()), 10.0) == 0.0
    assert margin_of(guardrail(), -10.0) == -5.0
    assert margin_of(a_metric(margin=HALF), 10.0) is None


@pytest.mark.parametrize(
    ("control", "higher_is_better", "at_margin", "variance_of_control"),
    [
        (10.0, True, 5.0, 0.25 * 4),
        (10.0, False, 15.0, 2.25 * 4),
        (1.0, True, 0.0, 4.0),
        (1.0, False, 2.0, 4.0),
        (-10.0, True, -15.0, 2.25 * 4),
        (-10.0, False, -5.0, 0.25 * 4),
    ],
)
def test_a_shifted_contrast_is_zero_where_the_margin_ends(
    control: float, higher_is_better: bool, at_margin: float, variance_of_control: float
) -> None:
    metric = guardrail(higher_is_better=higher_is_better)
    good = 1.0 if higher_is_better else -1.0
    at_end = shifted(metric, contrast(control, at_margin))
    assert at_end.difference == pytest.approx(0.0)
    assert at_end.standard_error == pytest.approx(sqrt((variance_of_control + 9.0) / 100))
    assert shifted(metric, contrast(control, at_margin + good)).difference == pytest.approx(1.0)


def test_standings_of_objectives_follow_the_interval_and_the_direction() -> None:
    more, less = a_metric(), a_metric(higher_is_better=False)
    assert standing(more, told(0.1, 0.2), 1.0) is Standing.BETTER
    assert standing(less, told(0.1, 0.2), 1.0) is Standing.WORSE
    assert standing(more, told(-0.2, -0.1), 1.0) is Standing.WORSE
    assert standing(less, told(-0.2, -0.1), 1.0) is Standing.BETTER
    assert standing(more, told(-0.2, 0.1), 1.0) is Standing.UNCLEAR


def test_a_guardrail_is_not_worse_when_all_of_its_interval_is_inside_the_margin() -> None:
    assert standing(guardrail(), told(0.1, 0.2), 10.0) is Standing.BETTER
    assert standing(guardrail(), told(-4.9, 0.2), 10.0) is Standing.NOT_WORSE
    assert standing(guardrail(), told(-4.9, -0.2), 10.0) is Standing.NOT_WORSE
    assert standing(guardrail(), told(-5.1, 0.2), 10.0) is Standing.UNCLEAR
    assert standing(guardrail(), told(-5.1, -4.0), 10.0) is Standing.WORSE
    lower = guardrail(higher_is_better=False)
    assert standing(lower, told(-9.0, 4.9), 10.0) is Standing.NOT_WORSE
    assert standing(lower, told(-9.0, 5.1), 10.0) is Standing.UNCLEAR


def test_a_relative_margin_is_judged_by_the_relative_interval() -> None:
    """Which knows that control's value is uncertain too."""
    wide, narrow = Interval(low=-0.51, high=0.1), Interval(low=-0.49, high=0.1)
    assert standing(guardrail(), told(-4.9, 1.0, wide), 10.0) is Standing.UNCLEAR
    assert standing(guardrail(), told(-5.1, 1.0, narrow), 10.0) is Standing.NOT_WORSE
    assert standing(guardrail(), told(-0.9, 1.0, wide), 1.0) is Standing.NOT_WORSE
