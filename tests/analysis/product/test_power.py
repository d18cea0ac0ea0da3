"""How many units and days an answer takes, before the start and while it runs."""

from math import sqrt
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm
from statsmodels.stats.power import NormalIndPower

from analysis.product.anytime import half_width, precision_of
from analysis.product.forecast import forecasts
from analysis.product.planning import Baseline, Need, plan_for
from analysis.product.power import error_for, error_of, level, smallest_found, sought, units_for
from analysis.product.result import Effect, Forecast
from engine.core.model import Bound, Role
from engine.core.product import Method, ProductPlan, Share
from tests.analysis.product.values import (
    DAY_S,
    START_S,
    a_product_metric,
    a_product_plan,
    an_effect,
    counted,
    per_day,
    three_variants,
    totals,
)

NOW_S = START_S + 4 * DAY_S
DAYS = counted(days=per_day((100, 100), (500, 500), (500, 500), (10, 10)))
FIXED = a_product_plan(method=Method.FIXED)
GUARDRAIL = a_product_metric(name="errors", role=Role.GUARDRAIL, margin=Bound(relative=0.1))


def test_objectives_share_alpha_and_guardrails_do_not() -> None:
    metrics = (a_product_metric(), a_product_metric(name="revenue"), GUARDRAIL)
    plan = three_variants(metrics=metrics)
    assert [level(plan, metric) for metric in metrics] == pytest.approx([0.0125, 0.0125, 0.1])


def test_a_plan_without_objectives_still_has_a_level_for_what_it_shows() -> None:
    quality = a_product_metric(role=Role.QUALITY)
    assert level(a_product_plan(metrics=(quality,)), quality) == 0.05


def test_what_is_sought_is_the_effect_of_interest_or_the_margin() -> None:
    assert sought(a_product_plan(mde=0.02), a_product_metric(), -0.5) == pytest.approx(0.01)
    assert sought(a_product_plan(), GUARDRAIL, 0.5) == pytest.approx(0.05)


@pytest.mark.parametrize("method", list(Method))
def test_the_error_for_a_difference_finds_just_that(method: Method) -> None:
    plan = a_product_plan(method=method, looks=4)
    for difference in (0.001, 0.02, 3.0):
        error = error_for(plan, difference, 1.0, 0.05)
        assert smallest_found(plan, error, 1.0, 0.05) == pytest.approx(difference)


def test_an_anytime_test_finds_the_difference_with_the_plans_power() -> None:
    plan = a_product_plan(mde=0.05, power=0.8)
    error = error_for(plan, 0.05, 1.0, 0.05)
    estimates = np.random.default_rng(7).normal(0.05, error, 200_000)
    bound = half_width(error, 1.0, precision_of(0.05, 0.8, 0.05), 0.05)
    assert float((estimates > bound).mean()) == pytest.approx(0.8, abs=4 * sqrt(0.16 / 200_000))


def test_looking_at_any_time_costs_more_than_planned_looks_and_these_more_than_one() -> None:
    once, planned, always = (
        error_for(a_product_plan(method=method, looks=5), 0.02, 1.0, 0.05)
        for method in (Method.FIXED, Method.GROUP_SEQUENTIAL, Method.ANYTIME)
    )
    assert always < planned < once
    assert (once / planned) ** 2 < 1.1
    assert (once / always) ** 2 < 2.5


def test_the_treatment_with_the_smallest_share_needs_most() -> None:
    shares = (("control", 0.5), ("long", 0.4), ("short", 0.1))
    plan = a_product_plan(shares=tuple(Share(variant=name, share=share) for name, share in shares))
    assert units_for(plan, 4.0, 0.1) == 4 * 100 * 12
    assert error_of(plan, 4.0, 4800) == pytest.approx(0.1)


def forecast(*effects: Effect, plan: ProductPlan = FIXED, **changes: Any) -> Forecast:
    units = {"control": 1_210, "short": 1_210, "long": 1_210}
    (found,) = forecasts(plan, totals(units, counted=DAYS, **changes), effects, NOW_S)
    return found


def measured(rate: float = 0.1, units: int = 1_210, **changes: Any) -> Effect:
    error = sqrt(2 * rate * (1 - rate) / units)
    values = {"control": rate, "standard_error": error, "units_control": units, "units_treatment": units}
    return an_effect(**{**values, **changes})


def test_the_units_of_one_look_agree_with_statsmodels() -> None:
    found = forecast(measured(0.1), plan=a_product_plan(method=Method.FIXED, mde=0.1))
    size = 0.01 / sqrt(0.09)
    expected = NormalIndPower().solve_power(effect_size=size, alpha=0.05, power=0.8)
    assert found.needed == pytest.approx(expected, rel=1e-3)


def test_days_are_what_is_missing_at_the_present_rate() -> None:
    found = forecast(measured())
    assert found.units == 1_210
    assert found.days == pytest.approx((found.needed - 1_210) / 500)
    assert found.days is not None
    assert found.at_s == NOW_S + found.days * DAY_S


def test_enough_units_take_no_more_days() -> None:
    found = forecast(measured(), plan=a_product_plan(method=Method.FIXED, mde=2.0))
    assert (found.days, found.at_s) == (0.0, NOW_S)


@pytest.mark.parametrize("found", [counted(days=per_day((9, 9), (0, 0), (0, 0))), counted(first_s=None)])
def test_when_nobody_comes_no_day_is_named(found: Any) -> None:
    (told,) = forecasts(FIXED, totals({"control": 9, "short": 9}, counted=found), [measured()], NOW_S)
    assert (told.days, told.at_s) == (None, None)


def test_of_several_treatments_the_slowest_is_told() -> None:
    plan = three_variants(method=Method.FIXED)
    calm, wild = measured(), measured(variant="long", standard_error=0.05)
    assert forecast(calm, wild, plan=plan).needed == forecast(wild, calm, plan=plan).needed
    assert forecast(calm, wild, plan=plan).needed > forecast(calm, plan=plan).needed


def test_guardrails_are_told_by_their_margin() -> None:
    plan = a_product_plan(metrics=(GUARDRAIL,), method=Method.FIXED, power=0.8)
    found = forecast(measured(metric="errors"), plan=plan)
    expected = 2 * 0.09 * ((norm.isf(0.05) + norm.isf(0.2)) / 0.01) ** 2
    assert found.needed == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("changes", [{"control": None}, {"control": 0.0}, {"standard_error": None}])
def test_what_cannot_be_told_is_left_out(changes: dict[str, Any]) -> None:
    assert forecasts(FIXED, totals({"control": 9}, counted=DAYS), [measured(**changes)], NOW_S) == ()


def test_quality_metrics_are_not_waited_for() -> None:
    plan = a_product_plan(metrics=(a_product_metric(role=Role.QUALITY),))
    assert forecasts(plan, totals({"control": 9}, counted=DAYS), [measured()], NOW_S) == ()


def needs(baseline: Baseline, rate: float = 1_000.0, **changes: Any) -> dict[Method, Need]:
    found = plan_for(a_product_plan(looks=4, **changes), rate, {"bought": baseline})
    assert found.units_per_day == rate
    return {need.method: need for need in found.needs}


def test_all_methods_are_planned_side_by_side() -> None:
    found = needs(Baseline.of_rate(0.1))
    assert list(found) == list(Method)
    units = {method: need.units or 0 for method, need in found.items()}
    assert units[Method.FIXED] < units[Method.GROUP_SEQUENTIAL] < units[Method.ANYTIME]


def test_days_are_units_over_those_of_a_day() -> None:
    need = needs(Baseline.of_rate(0.1), 2_000.0)[Method.ANYTIME]
    assert need.units is not None
    assert need.days == need.units / 2_000.0


def test_what_is_found_after_as_long_as_needed_is_the_effect_of_interest() -> None:
    units = needs(Baseline(mean=5.0, deviation=20.0))[Method.ANYTIME].units
    assert units is not None
    two_weeks = needs(Baseline(mean=5.0, deviation=20.0), units / 14.0)[Method.ANYTIME].smallest[1]
    assert two_weeks.weeks == 2
    assert two_weeks.relative == pytest.approx(0.02, rel=1e-4)
    assert two_weeks.difference == pytest.approx(0.1, rel=1e-4)


def test_more_weeks_find_less() -> None:
    for need in needs(Baseline.of_rate(0.1)).values():
        found = [each.difference for each in need.smallest]
        assert found == sorted(found, reverse=True)


def test_what_earlier_behaviour_explains_is_saved() -> None:
    plain, adjusted = (
        needs(Baseline.of_rate(0.1, explained))[Method.FIXED].units for explained in (0.0, 0.5)
    )
    assert plain is not None
    assert adjusted == pytest.approx(plain / 2, abs=1)


def test_without_units_per_day_only_units_are_told() -> None:
    need = needs(Baseline.of_rate(0.1), 0.0)[Method.FIXED]
    assert need.units is not None
    assert (need.days, need.smallest) == (None, ())


def test_around_a_mean_of_zero_no_relative_effect_is_sought() -> None:
    need = needs(Baseline(mean=0.0, deviation=1.0))[Method.FIXED]
    assert (need.units, need.days) == (None, None)
    assert [each.relative for each in need.smallest] == [None] * 3


def test_metrics_without_a_baseline_are_left_out() -> None:
    assert plan_for(a_product_plan(), 1_000.0, {}).needs == ()
