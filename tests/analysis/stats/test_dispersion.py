import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.stats import dispersion
from analysis.stats.dispersion import (
    LEVELS,
    TOO_LONG,
    Blocks,
    Dispersion,
    estimated,
    no_blocks,
    with_window,
)

RUNS = 200
"""Standard errors of the averages below are at most 3 % of them."""
LONG = 4096


def filled(scores: np.ndarray, variances: np.ndarray) -> Blocks:
    """Blocks of scores and variances of shape (windows, runs)."""
    blocks = no_blocks(scores.shape[1], 1)
    for score, variance in zip(scores, variances, strict=True):
        blocks = with_window(blocks, np.stack([score, variance], axis=1)[:, None, :])
    return blocks


def found(scores: np.ndarray, *, ratio: float = 1.0, swinging: float = 0.0) -> Dispersion:
    shape = (scores.shape[1], 1)
    return estimated(filled(scores, np.ones_like(scores)), np.full(shape, ratio), np.full(shape, swinging))


def independent(windows: int, spread: float = 1.0) -> np.ndarray:
    values: np.ndarray = np.random.default_rng(windows).normal(0.0, np.sqrt(spread), (windows, RUNS))
    return values


def correlated(windows: int, rho: float) -> np.ndarray:
    """AR(1) of variance 1, whose long sums vary (1 + rho) / (1 - rho) times as much."""
    steps: np.ndarray = independent(windows) * np.sqrt(1.0 - rho**2)
    steps[0] /= np.sqrt(1.0 - rho**2)
    for index in range(1, windows):
        steps[index] += rho * steps[index - 1]
    return steps


def test_blocks_are_those_of_a_direct_computation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispersion, "_OUTLYING", 1e300)
    rng = np.random.default_rng(5)
    scores, variances = rng.normal(size=(141, 2)), rng.uniform(0.2, 3.0, (141, 2))
    blocks = filled(scores, variances)
    for level in range(LEVELS):
        full = 141 >> level
        s, v = (x[: full << level].reshape(full, 1 << level, 2).sum(axis=1) for x in (scores, variances))
        total = v[1:] + v[:-1]
        contrast = (s[1:] * v[:-1] - s[:-1] * v[1:]) / total
        expected = v[1:] * v[:-1] / total
        wanted = np.stack([(contrast**2).sum(axis=0), expected.sum(axis=0), np.full(2, full - 1.0)], axis=1)
        assert blocks.sums[:, 0, level] == pytest.approx(wanted)
    assert blocks.information[:, 0] == pytest.approx(variances.sum(axis=0))


def test_harm_that_begins_late_is_one_contrast_and_not_dispersion() -> None:
    scores = independent(256)
    late = scores + 3.0 * (np.arange(256) >= 150)[:, None]
    assert found(late).value.mean() < 4.0 * found(scores).value.mean()
    assert found(scores * (1.0 + (np.arange(256) >= 150)[:, None])).value.mean() > 1.5


@given(st.floats(-5.0, 5.0), st.integers(2, 200), st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_a_lasting_difference_between_the_arms_is_no_dispersion(
    shift: float, windows: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    scores, variances = rng.normal(size=(windows, 2)), rng.uniform(0.1, 2.0, (windows, 2))
    moved = filled(scores + shift * variances, variances)
    assert moved.sums == pytest.approx(filled(scores, variances).sums, rel=1e-6, abs=1e-6)


def test_independent_windows_are_near_their_spread_and_come_nearer() -> None:
    for spread in (1.0, 3.0):
        early, late = (found(independent(windows, spread)).value.mean() for windows in (1024, LONG))
        assert early == pytest.approx(spread, rel=0.2)
        assert late == pytest.approx(spread, rel=0.1)


def test_correlation_inside_the_longest_blocks_is_found() -> None:
    for rho, truth in ((0.5, 3.0), (0.8, 9.0)):
        assert found(correlated(LONG, rho)).value.mean() == pytest.approx(truth, rel=0.15)


def test_long_correlation_is_said_and_independent_windows_seldom_are_accused() -> None:
    assert (found(correlated(1024, 0.95)).growth > TOO_LONG).mean() > 0.99
    for spread in (1.0, 3.0):
        assert (found(independent(1024, spread)).growth > TOO_LONG).mean() < 0.08
        assert (found(independent(LONG, spread)).growth > TOO_LONG).mean() < 0.02


def test_it_is_never_below_one_and_no_judgement_is_made_of_a_few_windows() -> None:
    assert (found(independent(LONG, 0.2)).value == 1.0).all()
    young = found(correlated(16, 0.95))
    assert (young.value >= 1.0).all()
    assert (young.growth == 1.0).all()


def test_windows_without_anything_are_not_compared() -> None:
    scores, variances = np.ones((64, 1)), np.zeros((64, 1))
    blocks = filled(scores * 0.0, variances)
    assert not blocks.sums.any()
    one = np.ones((1, 1))
    assert estimated(blocks, one, 0.0 * one).value == pytest.approx([1.0], abs=0.35)


def test_a_young_run_is_assumed_to_swing_until_it_has_shown_that_it_does_not() -> None:
    ratios = []
    for windows in (4, 64, 1024):
        scores = independent(windows)
        swung, calm = (found(scores, swinging=size * windows).value.mean() for size in (0.2, 0.0))
        ratios.append(swung / calm)
    assert ratios[0] > 2.5
    assert ratios[0] > ratios[1] > ratios[2]
    assert ratios[2] < 1.2


def test_variance_that_a_difference_between_the_arms_explains_is_no_dispersion() -> None:
    scores = independent(LONG, 1.5)
    assert found(scores, ratio=1.5).value.mean() == pytest.approx(1.0, rel=0.1)


def test_of_several_scores_the_most_dispersed_counts() -> None:
    blocks = no_blocks(RUNS, 2)
    for calm, wild in zip(independent(1024), independent(1024, 4.0), strict=True):
        ones = np.ones(RUNS)
        scores = np.stack([np.stack([calm, ones], axis=1), np.stack([wild, ones], axis=1)], axis=1)
        blocks = with_window(blocks, scores)
    both = estimated(blocks, np.ones((RUNS, 2)), np.zeros((RUNS, 2)))
    assert both.value == pytest.approx(found(independent(1024, 4.0)).value)
