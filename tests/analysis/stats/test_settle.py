from dataclasses import replace
from math import exp, log

import numpy as np
import pytest
from scipy.stats import binom

from analysis.stats import one_sample, settle
from analysis.stats.evidence import MetricEvidence, log_e_promote
from analysis.stats.interval import share_interval
from analysis.stats.starts import AT_CHANGE, FIRST
from engine.core.measure import (
    EventsReading,
    MissingReason,
    Observation,
    Quotient,
    QuotientReading,
    Reading,
    Trials,
)
from engine.core.model import Bound, Metric, MetricKind
from engine.core.plan import Stage
from tests.analysis.evaluating import GONE, buckets, trials, window
from tests.builders import a_metric

ALPHA = 0.01
CHECK = a_metric(name="check", stage=Stage.SETTLE)
LATENCY = a_metric(name="check", stage=Stage.SETTLE, kind=MetricKind.DISTRIBUTION, slo_s=0.5)
GOOD = a_metric(name="check", stage=Stage.SETTLE, higher_is_better=True)
WEIGHTS = np.array([0.2, 0.4, 0.3, 0.1])


def at(stage: Stage, reading: Reading, **changes: object) -> Observation:
    return replace(window(0, check=reading), stage=stage, **changes)


def after(metric: Metric, *observations: Observation) -> MetricEvidence:
    state = settle.nothing_yet(metric)
    for observation in observations:
        state = settle.with_window(metric, state, observation, ALPHA)
    return state


def before(bad: int = 100, total: int = 10_000) -> Observation:
    return at(Stage.SPLIT, trials(0, 0, bad, total))


def now(bad: int, total: int = 1000) -> Observation:
    return at(Stage.SETTLE, trials(bad, total, 0, 0))


def test_control_counts_before_the_switch_and_the_treatment_after_it() -> None:
    preview = at(Stage.PREVIEW, trials(5, 7, 30, 1000))
    bridge = at(Stage.SPLIT, trials(5, 7, 40, 2000))
    settled = at(Stage.SETTLE, trials(11, 500, 1, 3))
    state = after(CHECK, preview, bridge, settled)
    assert (state.control.bad, state.control.total) == (70, 3000)
    assert (state.treatment.bad, state.treatment.total) == (11, 500)


def test_warm_up_and_gaps_before_the_switch_are_left_out_and_miss_nothing() -> None:
    state = after(
        CHECK,
        at(Stage.SPLIT, trials(0, 0, 30, 1000), warm_up=True),
        at(Stage.PREVIEW, GONE),
        at(Stage.SPLIT, trials(1, 9, 0, 0)),
        at(Stage.SPLIT, buckets((9, 9, 9, 9), (0, 0, 0, 0))),
    )
    assert state.control.total == 0
    assert state.missing is None
    assert state.distrust == ""
    assert state.windows == state.missing_windows == 0


def test_the_bound_and_the_test_spend_half_of_the_metrics_alpha_each() -> None:
    metric = replace(CHECK, weight=0.25)
    state = settle.with_window(metric, settle.nothing_yet(metric), before(), ALPHA)
    found = settle.with_window(metric, state, now(30), ALPHA)
    upper = share_interval(100, 10_000, ALPHA * 0.25 / 2)[1]
    limit = metric.tolerance.limit_for(upper)
    logs, _ = one_sample.log_ratios(np.array(30.0), np.array(1000.0), limit)
    from_run_start = float(WEIGHTS @ np.exp(logs))
    assert found.log_e_harm == pytest.approx(log(FIRST * from_run_start + 1 - FIRST) - log(2))


def test_without_harm_the_halved_evidence_does_not_erode_with_every_window() -> None:
    once, often = after(CHECK, before(), now(0, 1)), after(CHECK, before(), *[now(0, 1)] * 50)
    assert once.log_e_harm == pytest.approx(log(0.5), abs=0.01)
    assert often.log_e_harm == pytest.approx(log(0.5), abs=0.4)
    assert often.log_e_harm_max == 0.0


def test_a_worse_treatment_is_harm() -> None:
    assert after(CHECK, before(), now(60)).log_e_harm_max > log(1 / ALPHA)
    assert after(CHECK, before(), *[now(10)] * 20).log_e_harm_max < log(1 / ALPHA)


def test_the_same_rate_after_the_switch_expects_less_than_its_half() -> None:
    """Summed over every outcome of the treatment, at the tolerance above the bound itself."""
    limit = settle.limit(CHECK, Trials(bad=20, total=1000), 0.005)
    e_values = [exp(after(CHECK, before(20, 1000), now(bad, 60)).log_e_harm) for bad in range(61)]
    expected = sum(float(binom.pmf(bad, 60, limit)) * e for bad, e in enumerate(e_values))
    assert expected <= 0.5 + 1e-9
    assert expected == pytest.approx(0.5, abs=1e-6)


def test_latency_is_compared_by_the_share_above_its_objective() -> None:
    state = after(
        LATENCY,
        at(Stage.SPLIT, buckets((900, 80, 15, 5), (0, 0, 0, 0))),
        at(Stage.SETTLE, buckets((0, 0, 0, 0), (800, 100, 60, 40))),
    )
    assert (state.control.bad, state.treatment.bad) == (20, 100)
    assert state.log_e_harm_max > 0


@pytest.mark.parametrize("tolerance", [Bound(relative=0.05), Bound(absolute=0.02), Bound()])
def test_higher_is_better_looks_for_fewer_good_trials(tolerance: Bound) -> None:
    metric = replace(GOOD, tolerance=tolerance)
    assert after(metric, before(3000), *[now(300)] * 20).log_e_harm_max == 0.0
    assert after(metric, before(3000), *[now(400)] * 20).log_e_harm_max == 0.0
    assert after(metric, before(3000), *[now(220)] * 3).log_e_harm_max > log(1 / ALPHA)


def test_trials_that_vary_more_widen_the_bound_and_weaken_the_test() -> None:
    steady, varying = (replace(CHECK, dispersion=dispersion) for dispersion in (1.0, 4.0))
    counted = Trials(bad=100, total=10_000)
    assert settle.limit(CHECK, counted, 0.01, 4.0) == pytest.approx(
        settle.limit(CHECK, Trials(bad=25, total=2500), 0.01)
    )
    found = [after(metric, before(), now(60)).log_e_harm for metric in (steady, varying)]
    assert found[0] > found[1] > log(0.5)


def test_good_trials_are_not_taken_for_bad_ones_when_dispersion_is_estimated() -> None:
    """Nine of ten trials are good, before and after; turned round, one of ten is bad."""
    turned, plain = replace(GOOD, dispersion=None), replace(CHECK, dispersion=None)
    good = after(turned, before(9000), *[now(900)] * 30)
    bad = after(plain, before(1000), *[now(100)] * 30)
    assert good.sums.dispersion == pytest.approx(bad.sums.dispersion)
    assert good.treatment.bad == 27_000


def test_nothing_is_claimed_in_the_treatments_favour() -> None:
    state = after(CHECK, before(), *[now(0)] * 50)
    assert log_e_promote(CHECK, state) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(
    "metric", [CHECK, LATENCY, replace(CHECK, tolerance=Bound(relative=0.1, absolute=0.01))]
)
def test_harm_may_begin_at_any_start_point_after_the_switch(metric: Metric) -> None:
    """Healthy windows sink the first bet; a start that is opened then finds what begins afterwards sooner."""
    latency = metric.kind is MetricKind.DISTRIBUTION

    def seen(stage: Stage, bad: int) -> Observation:
        if latency:
            counts = (1000 - bad, 0, bad, 0)
            return at(stage, buckets(counts, counts))
        return at(stage, trials(bad, 1000, bad, 1000))

    past = after(metric, *[seen(Stage.SPLIT, 100)] * 20, *[seen(Stage.SETTLE, 80)] * 30)
    worse = [seen(Stage.SETTLE, 160)] * 4
    found = []
    for begun in (past, settle.at_new_start(metric, past, AT_CHANGE)):
        state = begun
        for observation in worse:
            state = settle.with_window(metric, state, observation, ALPHA)
        found.append(state.log_e_harm)
    assert found[1] > found[0] + 1.0


@pytest.mark.parametrize("kind", [MetricKind.MEAN, MetricKind.COUNT, MetricKind.RATIO, MetricKind.GAUGE])
def test_what_is_no_share_is_not_compared_with_before(kind: MetricKind) -> None:
    metric = replace(CHECK, kind=kind)
    level = QuotientReading(
        control=Quotient(numerator=1.0, denominator=1.0), treatment=Quotient(numerator=1.0, denominator=1.0)
    )
    state = after(metric, at(Stage.SPLIT, level), at(Stage.SETTLE, level))
    assert "share of trials" in state.distrust
    assert state.windows == 0


def test_the_limit_is_the_tolerance_beyond_the_bound() -> None:
    counted = Trials(bad=3000, total=10_000)
    low, high = share_interval(3000, 10_000, 0.01)
    assert settle.limit(CHECK, counted, 0.01) == pytest.approx(high * 1.05)
    assert settle.limit(GOOD, counted, 0.01) == pytest.approx(1 - low / 1.05)
    by_points = replace(GOOD, tolerance=Bound(absolute=0.1))
    assert settle.limit(by_points, counted, 0.01) == pytest.approx(1 - (low - 0.1))


def test_where_everything_is_tolerated_nothing_is_harm() -> None:
    always_bad = replace(CHECK, tolerance=Bound(relative=0.5))
    assert after(always_bad, before(900, 1000), *[now(1000)] * 3).log_e_harm == pytest.approx(log(0.5))
    few_good = replace(GOOD, tolerance=Bound(absolute=0.1))
    assert after(few_good, before(5, 1000), *[now(0)] * 3).log_e_harm == pytest.approx(log(0.5))


def test_without_control_before_the_switch_there_is_no_comparison() -> None:
    state = after(CHECK, now(0))
    assert state.missing is not None
    assert "before the switch" in state.missing.detail
    assert state.missing.arm is None
    assert (state.windows, state.missing_windows) == (0, 1)


def test_after_the_switch_a_window_without_the_treatment_is_missing() -> None:
    idle = after(CHECK, before(), now(0, 0)).missing
    assert idle is not None
    assert idle.reason is MissingReason.NO_TRAFFIC
    assert after(CHECK, before(), at(Stage.SETTLE, GONE)).missing == GONE


def test_after_the_switch_warm_up_is_no_evidence() -> None:
    state = after(CHECK, before(), replace(now(900), warm_up=True))
    assert state.log_e_harm_max == 0.0
    assert (state.windows, state.warm_up_windows) == (0, 1)


def test_after_the_switch_impossible_counts_are_distrusted_and_good_ones_mend_it() -> None:
    broken = after(CHECK, before(), now(2000))
    assert "impossible" in broken.distrust
    assert settle.with_window(CHECK, broken, now(1), ALPHA).distrust == ""


def test_the_effect_is_the_ratio_of_after_and_before() -> None:
    found = settle.effect(after(CHECK, before(), now(30)), 0.05)
    assert found.estimate == pytest.approx(3.0)
    low_c, high_c = share_interval(100, 10_000, 0.025)
    low_t, high_t = share_interval(30, 1000, 0.025)
    assert (found.low, found.high) == (pytest.approx(low_t / high_c), pytest.approx(high_t / low_c))


def test_the_effect_is_open_where_an_arm_is_error_free() -> None:
    no_errors = settle.effect(after(CHECK, before(0), now(0)), 0.05)
    assert (no_errors.estimate, no_errors.low, no_errors.high) == (None, None, None)
    nothing = settle.effect(after(CHECK, before()), 0.05)
    assert (nothing.estimate, nothing.low, nothing.high) == (None, None, None)


def test_the_difference_is_known_once_both_are() -> None:
    assert settle.difference(after(CHECK, before())) is None
    assert settle.difference(after(CHECK, before(), now(30))) == pytest.approx(0.02)


def test_only_trials_have_a_before_and_after() -> None:
    with pytest.raises(TypeError):
        settle._counts(CHECK, EventsReading(control=1, treatment=1))
