"""What a plan says agrees with the mathematics it rests on, and with what can be worked out by hand."""

from dataclasses import replace
from functools import cache
from math import exp, log

import numpy as np
import pytest
from scipy.stats import poisson

from analysis.design.outcome import walk
from analysis.design.traffic import Leg, Traffic, Truth
from analysis.planning import Flow, NoFlow, plan
from analysis.planning.absolute import Margin, promotion_times
from analysis.planning.report import POWER, MetricPlan, Quality, ReleasePlan
from analysis.planning.schedule import schedule_of
from analysis.stats import prior
from engine.core.model import Bound, MetricKind, Role
from engine.core.plan import Plan, Stage, Step
from tests.builders import a_metric, an_experiment, two_treatments

RARE = Flow(rate_per_s=5.0, base_rate=0.01)
RATIO_ONLY = a_metric(margin=Bound(relative=0.5))
ONE_STEP = Plan(strategy="canary", steps=(Step(weight_pct=10, hold_s=60, floor=100),))


@cache
def usual() -> MetricPlan:
    return _planned(RARE)


def planned(flow: Flow = RARE, **changes) -> MetricPlan:
    return _planned(flow, **changes) if changes or flow is not RARE else usual()


def _planned(flow: Flow, **changes) -> MetricPlan:
    settings = {"metrics": (RATIO_ONLY,), "plan": ONE_STEP, **changes}
    return plan(an_experiment(**settings), {"errors": flow}).metrics[0]


def release(metric: MetricPlan, quality: Quality) -> ReleasePlan:
    found = metric.release(quality)
    assert found is not None
    return found


def test_chances_are_those_of_the_exact_walk() -> None:
    metric = planned()
    traffic = Traffic(legs=(Leg(share=0.1, treatment_requests=43_200.0),), floor_requests=100.0)
    exact = walk(
        Truth(base_rate=0.01, ratio=1.5),
        traffic,
        rollback=metric.question.harm,
        promotion=metric.question.promotion,
    )

    fate = release(metric, Quality.EFFECT).fate

    assert fate.rollback.probability == pytest.approx(exact.rollback.probability, rel=1e-4)
    assert fate.promotion.probability == pytest.approx(exact.promotion.probability, rel=1e-3)
    assert fate.rollback.moment is not None
    assert fate.rollback.moment.mean_requests == pytest.approx(exact.rollback.mean_requests, rel=0.01)
    assert fate.excess == pytest.approx(exact.excess_errors, rel=0.01)
    assert fate.rollback.moment.mean_s == pytest.approx(2 * fate.rollback.moment.mean_requests)


@pytest.mark.slow
def test_rules_are_those_that_the_run_will_use() -> None:
    metric = a_metric(weight=0.25, effect=1.0, margin=Bound(relative=0.5))
    rule = planned(metrics=(metric,)).question.harm

    assert rule.log_threshold == pytest.approx(-log(0.01 * 0.25))
    assert rule.ratios == prior.alternatives(1.05, 2.0).ratios
    assert rule.null_ratio == pytest.approx(1.05)


@pytest.mark.slow
def test_error_rates_stay_below_the_promised_ones() -> None:
    metric = planned()

    assert release(metric, Quality.SAME).fate.rollback.probability <= 0.01
    assert release(metric, Quality.TOLERATED).fate.rollback.probability <= 0.01
    at_the_margin = planned(metrics=(replace(RATIO_ONLY, effect=0.8),))
    assert release(at_the_margin, Quality.MARGIN).fate.promotion.probability <= 0.05


def test_a_worse_release_is_found_sooner_and_more_often() -> None:
    metric = planned()
    once, twice = (release(metric, each).fate.rollback for each in (Quality.EFFECT, Quality.TWICE))

    assert twice.probability >= once.probability
    assert once.moment is not None
    assert twice.moment is not None
    assert twice.moment.mean_requests < once.moment.mean_requests


def test_requests_needed_give_the_power_they_say() -> None:
    step = planned().steps[0]
    assert step.rollback is not None
    needed, seconds = step.rollback
    cut = planned(horizon_s=seconds + 1.0)
    alone = walk(
        Truth(base_rate=0.01, ratio=1.5),
        Traffic(legs=(Leg(share=0.1, treatment_requests=needed),)),
        rollback=cut.question.harm,
        promotion=None,
    )

    assert alone.rollback.probability == pytest.approx(POWER, abs=0.02)
    assert seconds == pytest.approx(needed / 0.5)


@pytest.mark.slow
def test_dispersion_stretches_what_is_needed() -> None:
    once, thrice = (
        planned(metrics=(replace(RATIO_ONLY, dispersion=phi),)).steps[0].rollback for phi in (1.0, 3.0)
    )

    assert once is not None
    assert thrice is not None
    assert thrice[0] == pytest.approx(3.0 * once[0], rel=0.02)


@pytest.mark.slow
def test_an_unknown_dispersion_costs_half_as_much_again() -> None:
    assert planned(metrics=(replace(RATIO_ONLY, dispersion=None),)).question.dispersion == 1.5


def test_an_error_free_service_is_shown_to_be_good_within_the_closed_form() -> None:
    traffic = Traffic(legs=(Leg(share=0.1, treatment_requests=10_000.0),))
    margin = Margin(base_rate=1e-9, gap=0.001, ratio=1.5, log_threshold=log(20.0))

    requests, chances = promotion_times(Truth(base_rate=1e-9, ratio=1.0), traffic, margin)

    assert chances.max() == pytest.approx(1.0, abs=1e-4)
    assert requests[chances.argmax()] == pytest.approx(log(20.0) / 0.001 / 0.95, rel=0.03)


def test_promotion_by_an_absolute_margin_is_a_poisson_walk() -> None:
    """Simulated: the same line crossed by the same arrivals, control at its expectation."""
    traffic = Traffic(legs=(Leg(share=0.1, treatment_requests=20_000.0),))
    margin = Margin(base_rate=0.0005, gap=0.001, ratio=1.5, log_threshold=log(20.0))
    truth = Truth(base_rate=0.0005, ratio=1.5)
    requests, chances = promotion_times(truth, traffic, margin)
    rng = np.random.default_rng(7)
    arrivals = rng.poisson(np.diff(requests, prepend=0.0) * 0.00075, size=(4000, len(requests)))
    most = _most_errors(traffic, margin, requests)

    promoted = (np.cumsum(arrivals, axis=1) <= most).any(axis=1).mean()

    assert chances.sum() == pytest.approx(promoted, abs=4 * np.sqrt(promoted * (1 - promoted) / 4000))


def _most_errors(traffic: Traffic, margin: Margin, requests: np.ndarray) -> np.ndarray:
    """The line, from which of Poisson's certain arrivals are promoted at each look."""
    share = traffic.legs[0].share
    base, gap = margin.base_rate, margin.gap
    b = gap - base
    theta_c = 0.5 * (np.sqrt(b * b + 4 * (1 - share) * base * gap) - b)
    theta_t = theta_c + gap
    per_error = log(base / theta_t)
    controls = (1 - share) / share
    gained = theta_t - base + controls * (theta_c - base + base * log(base / theta_c))
    return np.floor((margin.log_threshold / 0.95 - gained * requests) / per_error + 1e-9)


def test_a_good_release_with_few_errors_is_promoted_and_one_at_the_margin_is_not() -> None:
    metric = planned(Flow(rate_per_s=50.0, base_rate=0.0005), metrics=(a_metric(),))

    assert metric.question.gap == 0.001
    assert release(metric, Quality.SAME).fate.promotion.probability > 0.95
    assert release(metric, Quality.MARGIN).fate.promotion.probability <= 0.05


@pytest.mark.slow
def test_more_is_better_turns_the_arms_round() -> None:
    """As many good trials fewer is found as surely as the walk of control against treatment says."""
    metric = replace(RATIO_ONLY, higher_is_better=True, effect=0.5)
    turned = planned(metrics=(metric,))
    found = release(turned, Quality.EFFECT)
    exact = walk(
        Truth(base_rate=0.01 / 1.5, ratio=1.5),
        Traffic(legs=(Leg(share=0.9, treatment_requests=388_800.0),), floor_requests=900.0),
        rollback=turned.question.harm,
        promotion=turned.question.promotion,
    )

    assert found.rate == pytest.approx(0.01 / 1.5)
    assert found.fate.rollback.probability == pytest.approx(exact.rollback.probability, rel=1e-6)
    assert found.fate.excess > 0.0


@pytest.mark.slow
def test_an_ab_test_promotes_what_is_better_and_hardly_what_is_the_same() -> None:
    objective = replace(RATIO_ONLY, higher_is_better=True, role=Role.OBJECTIVE, effect=0.5)
    ab = Plan(
        strategy="ab", needs_better=True, steps=(Step(weight_pct=50, hold_s=60, floor=100, shares=(50,)),)
    )
    metric = planned(Flow(rate_per_s=20.0, base_rate=0.02), metrics=(objective,), plan=ab)

    assert release(metric, Quality.BETTER).fate.promotion.probability > 0.9
    assert release(metric, Quality.SAME).fate.promotion.probability <= 0.05
    assert release(metric, Quality.EFFECT).fate.promotion.probability < 1e-3


def test_every_treatment_is_planned_against_control_with_its_own_share() -> None:
    report = plan(two_treatments(horizon_s=7200.0), {"errors": RARE})

    assert [each.metric.name for each in report.metrics] == ["errors@v2", "errors@v3"]
    assert report.metrics[0].schedule.phases[0].share == pytest.approx(1 / 3)


def test_the_steps_take_their_hold_or_their_floor() -> None:
    schedule = schedule_of(an_experiment(), 1.0)

    assert [phase.seconds for phase in schedule.phases] == [2000.0, 500.0, 86_400.0 - 2500.0]
    assert schedule.treatment_by(np.array([2000.0])).tolist() == [100.0]
    assert schedule.complete


def test_a_horizon_before_the_last_step_promotes_nothing() -> None:
    metric = planned(plan=an_experiment().plan, horizon_s=100.0)

    assert not metric.schedule.complete
    assert release(metric, Quality.SAME).fate.promotion.probability == 0.0


def test_a_calibrated_threshold_is_lower_and_its_error_rate_is_the_promised_one() -> None:
    metric = planned()
    assert metric.calibrated_log_threshold is not None
    assert 0.0 < metric.calibrated_log_threshold < metric.question.harm.log_threshold
    lower = replace(metric.question.harm, log_threshold=metric.calibrated_log_threshold)
    traffic = metric.schedule.traffic(0.01, 15.0)

    ended = walk(Truth(base_rate=0.01, ratio=1.05), traffic, rollback=lower, promotion=None)

    assert ended.rollback.probability == pytest.approx(0.01, rel=0.02)


def test_a_year_has_no_more_false_rollbacks_than_promised() -> None:
    report = plan(an_experiment(plan=ONE_STEP, horizon_s=7200.0), {"errors": RARE}, releases_per_year=500)

    assert report.promised == 5.0
    assert 0.0 < report.false_rollbacks <= report.promised


def test_what_is_no_share_or_has_no_traffic_is_said_to_be_unplanned() -> None:
    metrics = (
        a_metric(name="delay", kind=MetricKind.MEAN, weight=0.5),
        a_metric(name="gone", weight=0.5),
        a_metric(name="shown", role=Role.QUALITY, weight=0.0),
    )
    report = plan(an_experiment(metrics=metrics), {"gone": NoFlow(reason="no series: x")})

    assert [(each.metric.name, each.reason) for each in report.unplanned] == [
        ("delay", "plans are of shares of bad trials while both variants serve; this is mean, split"),
        ("gone", "no series: x"),
    ]


def test_a_declared_effect_can_be_replaced() -> None:
    report = plan(an_experiment(plan=ONE_STEP, horizon_s=7200.0), {"errors": RARE}, effect=1.0)

    assert release(report.metrics[0], Quality.EFFECT).ratio == 2.0


def test_nothing_can_be_planned_without_a_split() -> None:
    settle = Plan(
        strategy="blue_green", steps=(Step(weight_pct=100, hold_s=60, floor=1, stage=Stage.SETTLE),)
    )
    with pytest.raises(ValueError, match="no step gives both variants traffic"):
        plan(an_experiment(plan=settle), {"errors": RARE})


def test_much_traffic_is_planned_no_further_than_it_takes() -> None:
    metric = planned(Flow(rate_per_s=20_000.0, base_rate=0.02), plan=an_experiment().plan)

    assert metric.schedule.seconds < 86_400.0
    assert release(metric, Quality.SAME).fate.promotion.probability > 0.99
    assert release(metric, Quality.EFFECT).fate.rollback.probability > 0.99


@pytest.mark.parametrize(
    "flow", [{"rate_per_s": 0.0, "base_rate": 0.1}, {"rate_per_s": 1.0, "base_rate": 1.0}]
)
def test_impossible_traffic_is_refused(flow: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"a rate above 0|a share of bad trials"):
        Flow(**flow)


def test_power_is_a_probability_of_poisson_arrivals_too() -> None:
    """An independent bound: nobody can find harm before its errors have come."""
    step = planned().steps[0]
    assert step.rollback is not None
    fewest_errors = log(100.0) / log(prior.alternatives(1.05, 1.5).ratios[-1] / 1.05)
    expected = step.rollback[0] * 0.015

    assert poisson.sf(fewest_errors, expected) > POWER
    assert exp(planned().question.harm.log_threshold) == pytest.approx(100.0)
