"""What effects mean: for a Bayesian, and per day at full traffic."""

from typing import Any

import numpy as np
import pytest

from analysis.product.bayes import bayes
from analysis.product.impact import impacts
from analysis.product.rates import began, current_rate, whole_rate
from analysis.product.result import Interval
from analysis.product.totals import ALL, Totals
from engine.core.product import Aggregate, Measure
from tests.analysis.product.values import (
    DAY_S,
    START_S,
    a_product_metric,
    a_product_plan,
    an_effect,
    counted,
    day,
    moments_of,
    per_day,
    totals,
)

DAYS = per_day((100, 100), (500, 500), (600, 600), (10, 10))
"""The first and the last are not whole."""


def found(**changes: Any) -> Totals:
    return totals({"control": 1210, "short": 1210}, counted=counted(days=DAYS), **changes)


def test_chance_and_loss_are_those_of_a_normal_posterior() -> None:
    draws = np.random.default_rng(5).normal(0.02, 0.015, 1_000_000)
    (view,) = bayes(a_product_plan(), [an_effect(difference=0.02, standard_error=0.015)])
    assert view.chance == pytest.approx(float((draws > 0).mean()), abs=0.002)
    assert view.loss == pytest.approx(float(np.maximum(-draws, 0.0).mean()), rel=0.02)


def test_where_lower_is_better_a_decrease_wins() -> None:
    plan = a_product_plan(metrics=(a_product_metric(higher_is_better=False),))
    up, down = bayes(plan, [an_effect(difference=0.02), an_effect(difference=-0.02)])
    assert up.chance == pytest.approx(1.0 - down.chance)
    assert up.loss > down.loss


def test_a_sure_winner_loses_nothing() -> None:
    (view,) = bayes(a_product_plan(), [an_effect(difference=5.0, standard_error=0.001)])
    assert (view.chance, view.loss) == (1.0, 0.0)


@pytest.mark.parametrize("changes", [{"difference": None}, {"standard_error": None}, {"standard_error": 0.0}])
def test_without_an_error_there_is_no_posterior(changes: dict[str, float | None]) -> None:
    assert bayes(a_product_plan(), [an_effect(**changes)]) == ()


def test_rates_are_of_whole_days() -> None:
    assert whole_rate(counted(days=DAYS)) == 1100.0
    assert current_rate(counted(days=DAYS)) == 1100.0


def test_the_current_rate_is_that_of_the_last_week() -> None:
    days = per_day(*[(900, 900)] * 3, *[(50, 50)] * 8)
    assert current_rate(counted(days=days)) == 100.0
    assert whole_rate(counted(days=days)) == (2 * 1800 + 7 * 100) / 9


def test_days_after_the_last_new_unit_count_for_the_present_only() -> None:
    days = per_day((300, 300), *[(500, 500)] * 3, (100, 100), *[(0, 0)] * 8)
    assert current_rate(counted(days=days)) == 0.0
    assert whole_rate(counted(days=days)) == 1000.0


def test_a_part_of_a_day_is_taken_as_it_is() -> None:
    young = counted(days=per_day((60, 40)), last_s=START_S + DAY_S / 4)
    assert whole_rate(young) == current_rate(young) == 400.0


def test_a_day_alone_is_no_longer_than_a_day_however_late_events_come() -> None:
    young = counted(days=per_day((60, 40)), last_s=START_S + 9 * DAY_S)
    assert whole_rate(young) == 100.0


LONG_AGO = {"2001-01-01": {"control": 1, "short": 0}}
EMPTY = {f"2001-01-{at:02d}": {"control": 0, "short": 0} for at in range(2, 32)}


@pytest.mark.parametrize("strays", [{}, {**LONG_AGO, **EMPTY}])
def test_a_stray_row_of_long_ago_changes_no_average(strays: dict[str, dict[str, int]]) -> None:
    found = counted(days={**strays, **DAYS}, first_s=978_307_200.0 if strays else START_S)
    assert began(found) == day(0)
    assert whole_rate(found) == current_rate(found) == 1100.0
    first_day = counted(
        days={**strays, **per_day((60, 40))}, first_s=found.first_s, last_s=START_S + DAY_S / 4
    )
    assert whole_rate(first_day) == 400.0


def test_an_experiment_begins_after_a_long_pause_that_few_units_precede() -> None:
    for before, pause, start in ((9, 7, 8), (9, 6, 0), (10, 7, 0)):
        days = per_day((before, 0), *[(0, 0)] * pause, *[(40, 40)] * 3)
        assert began(counted(days=days)) == day(start)
    assert began(counted(days=per_day((8, 0), *[(0, 0)] * 7, (1, 0), *[(0, 0)] * 8, (500, 500)))) == day(17)
    assert began(counted(days=per_day((20, 0), *[(0, 0)] * 7, (1_000, 1_000)))) == day(8)
    assert began(counted()) is None


@pytest.mark.parametrize("last_s", [START_S + 60.0, None])
def test_a_minute_says_nothing_of_a_day(last_s: float | None) -> None:
    assert current_rate(counted(days=per_day((60, 40)), last_s=last_s)) is None
    assert current_rate(counted(days=per_day((60, 40)), first_s=None)) is None


def test_impact_is_the_difference_times_the_units_of_a_day() -> None:
    effect = an_effect(difference=0.02, interval=Interval(low=0.01, high=0.03))
    (impact,) = impacts(a_product_plan(), found(), [effect])
    assert impact.per_day == pytest.approx(22.0)
    assert impact.interval is not None
    assert (impact.interval.low, impact.interval.high) == pytest.approx((11.0, 33.0))
    assert impact.units_per_day == 1100.0


def test_impact_without_an_interval_has_none() -> None:
    (impact,) = impacts(a_product_plan(), found(), [an_effect(difference=0.02)])
    assert impact.interval is None


def test_without_a_difference_or_a_rate_there_is_no_impact() -> None:
    assert impacts(a_product_plan(), found(), [an_effect(difference=None)]) == ()
    assert impacts(a_product_plan(), totals({}, counted=counted(first_s=None)), [an_effect()]) == ()


def test_quantiles_do_not_add_up() -> None:
    plan = a_product_plan(metrics=(a_product_metric(aggregate=Aggregate.QUANTILE, quantile=0.9),))
    assert impacts(plan, found(), [an_effect()]) == ()


def test_the_impact_of_a_ratio_counts_its_denominators() -> None:
    ratio = a_product_metric(aggregate=Aggregate.RATIO, per=Measure(event="visit"))
    plan = a_product_plan(metrics=(ratio,))
    visits = {("control", ALL, "bought"): moments_of(y=[1, 0, 2, 1], d=[3, 2, 4, 3])}
    (impact,) = impacts(plan, found(moments=visits), [an_effect(difference=0.02)])
    assert impact.per_day == pytest.approx(0.02 * 3.0 * 1100.0)


def test_a_ratio_without_units_of_control_has_no_impact() -> None:
    plan = a_product_plan(metrics=(a_product_metric(aggregate=Aggregate.RATIO, per=Measure(event="visit")),))
    assert impacts(plan, found(), [an_effect()]) == ()
    nobody = {("control", ALL, "bought"): moments_of(y=[], d=[])}
    assert impacts(plan, found(moments=nobody), [an_effect()]) == ()
