from dataclasses import replace
from math import exp, log

import pytest
from scipy.special import logsumexp
from scipy.stats import betabinom, binom

from analysis.stats import split
from analysis.stats.split import CONCENTRATIONS, SplitEvidence
from engine.core.measure import Observation
from engine.core.model import Bound, MetricKind
from engine.core.plan import Stage
from engine.core.target import Weights
from tests.analysis.evaluating import GONE, trials, window
from tests.builders import a_metric, an_experiment

VISITORS = a_metric(name="visitors", kind=MetricKind.ASSIGNMENT, bad=None)
TOLERANCE = Bound(relative=0.1, absolute=0.01)
HALF = Weights.of(50)


def seen(treatment: int, control: int, weights: Weights | None = HALF, **changes: object) -> Observation:
    return replace(window(0, visitors=trials(0, treatment, 0, control)), weights=weights, **changes)


def after(*observations: Observation, tolerance: Bound = TOLERANCE) -> SplitEvidence:
    state = SplitEvidence()
    for observation in observations:
        state = split.with_window(VISITORS, state, observation, tolerance)
    return state


@pytest.mark.parametrize(("treatment", "control"), [(0, 7), (12, 3), (480, 520), (90, 10)])
@pytest.mark.parametrize("share", [0.01, 0.25, 0.5])
def test_without_tolerance_it_is_the_beta_binomial_over_the_binomial(
    treatment: int, control: int, share: float
) -> None:
    n = treatment + control
    marginal = [betabinom.logpmf(treatment, n, k * share, k * (1 - share)) for k in CONCENTRATIONS]
    expected = logsumexp(marginal) - log(3) - binom.logpmf(treatment, n, share)
    assert split.log_e(treatment, control, share, 0.0) == pytest.approx(expected, rel=1e-6, abs=1e-7)


@pytest.mark.parametrize("tolerance", [0.0, 0.02, 0.3])
@pytest.mark.parametrize("share", [0.01, 0.3, 0.5])
def test_it_expects_at_most_one_for_every_share_within_tolerance(share: float, tolerance: float) -> None:
    n = 60
    for true in (max(0.0, share - tolerance), share, share + tolerance / 2, share + tolerance):
        total = sum(
            float(binom.pmf(k, n, true)) * exp(split.log_e(k, n - k, share, tolerance)) for k in range(n + 1)
        )
        assert total <= 1 + 1e-9


def test_a_share_within_tolerance_gives_no_evidence_however_many_visitors() -> None:
    assert split.log_e(508_000, 492_000, 0.5, 0.01) < 0
    assert split.log_e(530_000, 470_000, 0.5, 0.01) > 100


def test_no_visitors_say_nothing() -> None:
    assert split.log_e(0, 0, 0.5, 0.01) == 0


@pytest.mark.parametrize(("share", "allowed"), [(0.5, 0.05), (0.99, 0.01), (0.02, 0.01), (0.8, 0.02)])
def test_tolerated_is_the_larger_of_a_point_and_a_tenth_of_the_smaller_arm(
    share: float, allowed: float
) -> None:
    assert split.tolerated(share, TOLERANCE) == pytest.approx(allowed)
    assert split.tolerated(share, Bound()) == 0


def test_a_window_with_visitors_in_one_arm_only_counts() -> None:
    state = after(*[seen(0, 40)] * 10)
    assert (state.control, state.treatment, state.windows) == (400, 0, 10)
    assert state.alarm


def test_a_split_as_planned_raises_no_alarm() -> None:
    state = after(*[seen(480, 520)] * 100)
    assert not state.alarm
    assert state.log_e < 0


def test_an_alarm_stays_when_the_split_recovers() -> None:
    state = after(*[seen(30, 70)] * 10, *[seen(510, 490)] * 100)
    assert state.log_e < split.LOG_ALARM
    assert state.alarm


@pytest.mark.parametrize(
    "left_out",
    [
        seen(0, 900, None),
        seen(0, 900, Weights.of(0)),
        seen(900, 0, Weights.of(100)),
        seen(0, 900, warm_up=True),
        seen(0, 900, stage=Stage.SETTLE),
        replace(window(0, visitors=GONE), weights=HALF),
        replace(window(0), weights=HALF),
    ],
)
def test_windows_that_cannot_tell_are_left_out(left_out: Observation) -> None:
    before = after(seen(50, 50))
    assert split.with_window(VISITORS, before, left_out, TOLERANCE) is before


def test_evidence_of_earlier_weights_is_banked() -> None:
    first, second = (12, 20), (31, 30)
    state = after(seen(*first, Weights.of(20)), seen(*second, HALF), tolerance=Bound())
    expected = split.log_e(*first, 0.2, 0.0) + split.log_e(*second, 0.5, 0.0)
    assert state.log_e == pytest.approx(expected)
    assert state.share == 0.5


def test_planned_is_weighted_by_visitors_over_all_weights() -> None:
    state = after(seen(30, 70, Weights.of(20)), seen(140, 160, HALF))
    found = split.finding(an_experiment(), VISITORS, state)
    assert found.planned == pytest.approx((100 * 0.2 + 300 * 0.5) / 400)
    assert found.seen == pytest.approx(170 / 400)
    assert (found.treatment, found.windows) == ("v2", 2)


def test_of_several_treatments_each_is_held_against_control_alone() -> None:
    second = replace(VISITORS, treatment_index=1)
    state = split.with_window(second, SplitEvidence(), seen(10, 30, Weights.of(40, 15)), TOLERANCE)
    assert state.share == pytest.approx(15 / (15 + 45))


def test_before_the_first_window_nothing_is_planned_or_seen() -> None:
    found = split.finding(an_experiment(), VISITORS, SplitEvidence())
    assert found.planned is None
    assert found.seen is None
    assert not found.alarm
