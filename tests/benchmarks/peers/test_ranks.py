from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu, norm, rankdata

from tests.benchmarks.peers.intervals import Counted, Rates, growing, rates
from tests.benchmarks.peers.ranks import kayenta_high, mann_whitney_p, shift_interval
from tests.benchmarks.peers.streams import CASES, draw

samples = st.integers(4, 12).flatmap(
    lambda n: st.tuples(*(st.lists(st.integers(0, 9), min_size=n, max_size=n) for _ in range(2)))
)


def counted(treatment: Sequence[int], control: Sequence[int]) -> Counted:
    values = max(*treatment, *control) + 1
    by_value = [np.bincount(arm, minlength=values)[None].astype(float) for arm in (treatment, control)]
    return Counted(intervals=len(treatment), treatment=by_value[0], control=by_value[1])


def searched(treatment: Sequence[int], control: Sequence[int], z: float) -> float:
    """The root in the shift that Kayenta looks for, by halving the interval in which it lies."""
    x, y = np.array(treatment, dtype=float), np.array(control, dtype=float)
    n, m = len(x), len(y)

    def statistic(shift: float) -> float:
        ranks = rankdata(np.concatenate([x - shift, y]))
        dz = ranks[:n].sum() - n * (n + 1) / 2 - n * m / 2
        _, ties = np.unique(ranks, return_counts=True)
        spread = n * m / 12 * (n + m + 1 - (ties**3 - ties).sum() / ((n + m) * (n + m - 1)))
        return float((dz - 0.5 * np.sign(dz)) / np.sqrt(spread) - z)

    low, high = x.min() - y.max(), x.max() - y.min()
    if statistic(low + 1e-7) <= 0:
        return float(low)
    if statistic(high - 1e-7) > 0:
        return float(high)
    while high - low > 1e-5:
        middle = (low + high) / 2 + 1e-7
        low, high = (middle, high) if statistic(middle) > 0 else (low, middle)
    return float(low)


@given(samples)
def test_p_is_that_of_scipy(arms: tuple[list[int], list[int]]) -> None:
    treatment, control = arms
    ours = float(mann_whitney_p(counted(treatment, control))[0])
    if len({*treatment, *control}) == 1:
        assert ours == 1.0
    else:
        theirs = mannwhitneyu(treatment, control, alternative="greater", method="asymptotic").pvalue
        assert ours == pytest.approx(float(theirs), rel=1e-9)


def test_kayenta_has_its_own_golden_interval() -> None:
    low, high, estimate = shift_interval(counted([10, 20, 30, 40], [1, 2, 3, 4]), 0.95)
    assert (low[0], high[0], estimate[0]) == (6.0, 39.0, 22.5)


def test_kayenta_passes_sparse_errors() -> None:
    seen = counted([0, 1, 2, 1, 0, 0], [0] * 6)
    low, high, estimate = shift_interval(seen)
    assert (low[0], high[0]) == (0.0, 2.0)
    assert 0 <= estimate[0] <= 1
    assert not kayenta_high(seen)[0]


def test_kayenta_sees_a_large_shift() -> None:
    assert kayenta_high(counted(list(range(20, 40)), list(range(20))))[0]
    assert not kayenta_high(counted(list(range(20)), list(range(20, 40))))[0]
    assert not kayenta_high(counted([3] * 20, [3] * 20))[0]


@given(samples, st.sampled_from([0.8, 0.95, 0.98]))
def test_interval_is_where_the_search_ends(arms: tuple[list[int], list[int]], confidence: float) -> None:
    z = float(norm.isf((1 - confidence) / 2))
    low, high, _ = shift_interval(counted(*arms), confidence)
    assert low[0] == pytest.approx(searched(*arms, z), abs=1e-4)
    assert high[0] == pytest.approx(searched(*arms, -z), abs=1e-4)


def test_counts_grow_as_intervals_come() -> None:
    found = Rates(treatment=np.array([[0, 2, 2, 1]]), control=np.array([[1, 1, 0, 0]]), looks=1)
    seen = [
        (each.intervals, each.treatment.tolist(), each.control.tolist())
        for each in growing(found, first=2, every=2)
    ]
    assert seen == [(2, [[1, 0, 1]], [[0, 2, 0]]), (4, [[1, 1, 2]], [[2, 2, 0]])]


def test_rates_of_windows_of_different_sizes_are_comparable() -> None:
    ramp = next(case for case in CASES if case.family.startswith("ramp"))
    streams = draw(ramp, (5,), 2)
    found = rates(streams, 100)
    expected = streams.bad_treatment / streams.treatment * 500
    assert np.array_equal(found.treatment, np.rint(expected))
