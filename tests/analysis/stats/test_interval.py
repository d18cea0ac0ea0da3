from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import betabinom, binom

from analysis.stats.interval import _LOG_PRIOR, GRID_RATIOS, ratio_interval, share_interval
from analysis.stats.mixture import Floats, log_mix
from analysis.stats.trials import TrialsMethod
from engine.core.model import Bound
from tests.analysis.stats.enumeration import expectation
from tests.analysis.stats.paths import trials

METHOD = TrialsMethod(tolerance=Bound(), margin=Bound(), effect_ratio=1.5)


def grid(bad_t: int, n_t: int, bad_c: int, n_c: int) -> Floats:
    nothing_before = np.zeros((1, METHOD.widths.memory)), np.zeros((1, 7))
    return METHOD.increments(trials(bad_t, n_t, bad_c, n_c), *nothing_before).effect[0]


def interval(bad_t: int, n_t: int, bad_c: int, n_c: int, alpha: float = 0.05):
    return ratio_interval(grid(bad_t, n_t, bad_c, n_c), alpha)


def test_candidates_rise_from_a_twentieth_to_twenty_and_include_one() -> None:
    assert GRID_RATIOS[0] == pytest.approx(1 / 20)
    assert GRID_RATIOS[-1] == pytest.approx(20)
    assert (np.diff(GRID_RATIOS) > 0).all()
    assert 1.0 in GRID_RATIOS.tolist()


def test_no_events_leave_the_ratio_unbounded() -> None:
    assert interval(0, 1000, 0, 1000) == (None, None)


def test_interval_encloses_the_estimate_and_shrinks_with_data() -> None:
    low, high = interval(40, 1000, 10, 1000)
    lower, higher = interval(4000, 100_000, 1000, 100_000)
    assert low < lower < 4 < higher < high
    assert higher / lower < 1.4
    assert low > 1


@given(st.integers(1, 400), st.integers(1, 400), st.floats(0.01, 0.2))
def test_both_edges_are_excluded_and_hardly_beyond_the_exact_ones(
    bad_t: int, bad_c: int, alpha: float
) -> None:
    sums, share = grid(bad_t, 500, bad_c, 700), 500 / 1200
    mixture = float(log_mix(sums, _LOG_PRIOR))

    def log_e(ratio: float) -> float:
        return mixture - (bad_t * log(ratio) - (bad_t + bad_c) * log(1 - share + share * ratio))

    for edge, inwards in zip(ratio_interval(sums, alpha), (1.1, 1 / 1.1), strict=True):
        if edge is not None:
            assert log_e(edge) >= log(1 / alpha) - 1e-9
            assert log_e(edge * inwards**2) < log(1 / alpha)


def test_a_ratio_beyond_the_candidates_is_unbounded_on_that_side() -> None:
    low, high = interval(900, 1000, 1, 1000)
    assert low > 10
    assert high is None


@given(st.integers(0, 500), st.integers(0, 500), st.floats(0.001, 0.2))
def test_smaller_alpha_widens(bad_t: int, bad_c: int, alpha: float) -> None:
    low, high = interval(bad_t, 500, bad_c, 700, alpha)
    wider_low, wider_high = interval(bad_t, 500, bad_c, 700, alpha / 5)
    assert wider_low is None or low is None or wider_low <= low
    assert wider_high is None or high is None or wider_high >= high


@pytest.mark.parametrize(("rate_t", "rate_c"), [(0.3, 0.3), (0.4, 0.2), (0.1, 0.5), (0.05, 0.05)])
def test_one_window_misses_the_true_ratio_at_most_alpha(rate_t: float, rate_c: float) -> None:
    ratio = rate_t / rate_c

    def missed(reading) -> float:
        seen = reading.treatment.bad, reading.treatment.total, reading.control.bad, reading.control.total
        low, high = interval(*seen, 0.2)
        covered = (low is None or low <= ratio) and (high is None or ratio <= high)
        return -700.0 if covered else 0.0

    assert expectation(missed, 20, 25, rate_t, rate_c) <= 0.2


@pytest.mark.parametrize("bad", [0, 1, 17, 49, 50])
def test_share_interval_is_where_the_mixture_beats_no_share(bad: int) -> None:
    low, high = share_interval(bad, 50, 0.05)
    mixture = betabinom.logpmf(bad, 50, 0.5, 0.5)
    inside = [
        share
        for share in np.linspace(0.0005, 0.9995, 1999)
        if mixture - binom.logpmf(bad, 50, share) < log(20)
    ]
    assert low == pytest.approx(min(inside), abs=1.1e-3)
    assert high == pytest.approx(max(inside), abs=1.1e-3)


def test_share_interval_holds_for_huge_counts() -> None:
    low, high = share_interval(10**15 - 1, 10**15, 0.05)
    assert 0.999 < low < high <= 1
    assert share_interval(3, 10**12, 0.05)[1] < 1e-10


@given(st.integers(0, 10**15), st.floats(0.001, 0.2))
def test_share_interval_encloses_the_share_for_any_counts(bad: int, alpha: float) -> None:
    low, high = share_interval(bad, 10**15, alpha)
    assert low <= bad / 10**15 <= high
    assert high - low < 1e-5
