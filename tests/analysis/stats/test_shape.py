"""A tail and a slower body are told apart, within windows, whatever traffic does between them."""

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from analysis.stats.shape import Paired, Shape, slowness

_SIGMA = 0.8
BOUNDS_S = np.array([0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0])


def empty(buckets: int) -> Paired:
    return Paired(control=(0.0,) * buckets, treatment=(0.0,) * buckets, weight=0.0)


def counts(latencies_s: np.ndarray) -> list[int]:
    return np.bincount(np.searchsorted(BOUNDS_S, latencies_s), minlength=len(BOUNDS_S) + 1).tolist()


def latencies(rng: np.random.Generator, n: int, *, scale: float = 1.0, tail: float = 0.0) -> np.ndarray:
    slow = 3.0 * (rng.random(n) < tail)
    return 0.1 * scale * np.exp(_SIGMA * rng.standard_normal(n)) + slow


@pytest.mark.parametrize(
    ("scale", "tail", "shape"),
    [(1.1, 0.0, Shape.BODY), (1.25, 0.0, Shape.BODY), (1.0, 0.02, Shape.TAIL)],
)
def test_a_shift_is_a_body_and_rare_stalls_are_a_tail(scale, tail, shape):
    rng = np.random.default_rng(7)
    paired = empty(len(BOUNDS_S) + 1)
    for _ in range(40):
        control, treatment = latencies(rng, 900), latencies(rng, 100, scale=scale, tail=tail)
        paired = paired.with_window(counts(control), counts(treatment))
    found = slowness(paired)
    assert found is not None
    assert found.shape is shape
    if shape is Shape.TAIL:
        assert found.treatment - found.control == pytest.approx(0.02, abs=0.01)


def test_what_is_faster_is_not_slower():
    assert slowness(empty(3).with_window([10, 80, 10], [40, 55, 5])) is None


def test_alike_is_not_slower():
    assert slowness(empty(3).with_window([10, 80, 10], [20, 160, 20])) is None


def test_a_common_drift_while_shares_change_is_no_slowdown():
    """Everybody slows down while the treatment's share grows: pooled totals would blame the treatment."""
    early, late = ([9_000, 450, 50], [900, 45, 5]), ([40, 40, 20], [400, 400, 200])
    pooled = [[a + b for a, b in zip(*arms, strict=True)] for arms in zip(early, late, strict=True)]
    assert slowness(empty(3).with_window(*pooled)) is not None
    assert slowness(empty(3).with_window(*early).with_window(*late)) is None


def test_how_often_the_treatment_is_slower_is_mann_whitneys_statistic():
    control, treatment = [30, 50, 15, 5], [20, 50, 20, 10]
    found = slowness(empty(4).with_window(control, treatment))
    values = [np.repeat(range(4), each) for each in (treatment, control)]
    statistic = mannwhitneyu(*values).statistic
    assert found is not None
    assert found.wins == pytest.approx(statistic / (sum(control) * sum(treatment)))
