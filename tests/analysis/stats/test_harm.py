from math import exp, log

import numpy as np
import pytest

from analysis.stats import exceedance, gaps, harm, ridit
from analysis.stats.conditional import ratio_points, window_logs
from analysis.stats.harm import Harm
from analysis.stats.projection import BaseRate
from analysis.stats.starts import MAX_STARTS
from engine.core.measure import Histogram, HistogramReading, TrialsReading
from engine.core.model import Bound
from tests.analysis.stats.enumeration import ROUNDING, expectation, table

WEIGHTS = np.array([0.2, 0.4, 0.3, 0.1])
BAD = table(9, 100, 20, 900)


def grown(tolerance: Bound, state: Harm, reading: TrialsReading) -> Harm:
    logs = window_logs(reading, ratio_points(tolerance, Bound()), exact=False)
    return harm.with_counts(state, tolerance, reading, logs.harm)


def a_histogram(control: tuple[int, ...], treatment: tuple[int, ...]) -> HistogramReading:
    bounds_s = (0.1, 0.5, 1.0)
    return HistogramReading(
        control=Histogram(bounds_s=bounds_s, counts=control),
        treatment=Histogram(bounds_s=bounds_s, counts=treatment),
    )


def running_sums(reading: HistogramReading) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Trials per bucket, above each bound, and up to it, of the treatment and of both arms."""
    control, treatment = (np.array(arm.counts, dtype=float) for arm in (reading.control, reading.treatment))
    counts = np.array([treatment, control + treatment])
    up_to = counts.cumsum(axis=1)
    return counts, up_to[:, -1:] - up_to[:, :-1], up_to


def test_run_start_and_later_starts_mix_with_their_weights() -> None:
    tolerance = Bound(relative=0.05)
    first = grown(tolerance, harm.nothing_yet(tolerance, 1, histogram=False), BAD)
    second = grown(tolerance, harm.at_new_start(first), BAD)
    tilts = window_logs(BAD, ratio_points(tolerance, Bound()), exact=False).harm
    since_run = WEIGHTS @ np.exp(2 * tilts)
    since_change = WEIGHTS @ np.exp(tilts)
    assert second.log_e == pytest.approx(log(since_run / 2 + since_change / 4 + 1 / 4))
    assert first.log_e == pytest.approx(log(WEIGHTS @ np.exp(tilts) / 2 + 1 / 2))
    assert second.log_e_max == second.log_e


def test_the_maximum_is_kept_when_evidence_fades() -> None:
    tolerance = Bound(relative=0.05)
    worse = grown(tolerance, harm.nothing_yet(tolerance, 1, histogram=False), BAD)
    better = grown(tolerance, worse, table(0, 100, 90, 900))
    assert better.log_e < worse.log_e
    assert better.log_e_max == worse.log_e


def test_a_start_without_windows_is_not_opened_again() -> None:
    empty = harm.nothing_yet(Bound(), 1, histogram=False)
    assert harm.at_new_start(empty) is empty
    once = harm.at_new_start(grown(Bound(), empty, BAD))
    assert harm.at_new_start(once) is once


def test_starts_are_bounded() -> None:
    state = harm.nothing_yet(Bound(), 1, histogram=False)
    for _ in range(MAX_STARTS + 5):
        state = harm.at_new_start(grown(Bound(), state, table(1, 100, 9, 900)))
    assert len(state.ratios) == len(state.gaps) == len(state.ridits) == MAX_STARTS


def test_the_larger_of_ratio_and_gap_is_tolerated_so_the_smaller_e_value_counts() -> None:
    both = Bound(relative=0.05, absolute=0.02)
    alone = [Bound(relative=0.05), Bound(absolute=0.02)]
    found = [grown(t, harm.nothing_yet(t, 1, histogram=False), BAD).log_e for t in (both, *alone)]
    assert found[0] == pytest.approx(min(found[1:]))


@pytest.mark.parametrize(
    "tolerance",
    [Bound(relative=0.05), Bound(absolute=0.05), Bound(relative=0.5, absolute=0.05), Bound()],
)
def test_one_window_expects_at_most_one_inside_the_tolerance(tolerance: Bound) -> None:
    state = harm.nothing_yet(tolerance, 1, histogram=False)

    def factor(reading: TrialsReading) -> float:
        return grown(tolerance, state, reading).log_e

    for rate_c in (0.0, 0.02, 0.1, 0.4):
        for inside in (1.0, 0.5):
            rate_t = min(1.0, tolerance.limit_for(rate_c)) * inside
            assert expectation(factor, 5, 9, rate_t, rate_c) <= 1 + ROUNDING


def test_a_histogram_averages_its_bounds_and_the_ridit_score() -> None:
    tolerance = Bound(relative=0.05)
    reading = a_histogram((500, 300, 90, 10), (30, 30, 25, 15))
    found = harm.with_histogram(harm.nothing_yet(tolerance, 3, histogram=True), tolerance, reading)
    counts, above, up_to = running_sums(reading)
    nowhere = np.zeros(3, dtype=np.intp)
    per_bound = np.exp(exceedance.increments(above, up_to, 1.05, nowhere)) @ WEIGHTS
    ranks = exp(float(ridit.log_e(ridit.score(counts, up_to, 0.025))))
    assert found.log_e == pytest.approx(log((per_bound.mean() + ranks) / 4 + 0.5))


def test_earlier_windows_decide_which_side_of_a_bound_is_counted() -> None:
    tolerance = Bound(relative=0.05)
    reading = a_histogram((50, 450, 300, 200), (5, 45, 30, 20))
    first = harm.with_histogram(harm.nothing_yet(tolerance, 3, histogram=True), tolerance, reading)
    assert (first.above > first.trials / 2).tolist() == [True, False, False]
    second = harm.with_histogram(first, tolerance, reading)
    _, above, up_to = running_sums(reading)
    added = second.ratios[0] - first.ratios[0]
    assert added == pytest.approx(exceedance.increments(above, up_to, 1.05, np.array([1, 0, 0])))


def test_an_absolute_tolerance_applies_to_every_bound() -> None:
    tolerance = Bound(absolute=0.05)
    state = harm.nothing_yet(tolerance, 3, histogram=True)
    reading = a_histogram((900, 60, 30, 10), (50, 10, 20, 20))
    inside = harm.with_histogram(state, tolerance, a_histogram((900, 60, 30, 10), (88, 6, 4, 2)))
    worse = harm.with_histogram(state, tolerance, reading)
    assert inside.log_e < 0.1
    assert worse.log_e > 5
    _, above, up_to = running_sums(reading)
    factors, _ = gaps.increments((BaseRate(),) * 3, exceedance.readings(above, up_to), 0.05)
    assert worse.gaps[0] == pytest.approx(factors)
