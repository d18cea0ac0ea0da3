from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import permutation_test

from analysis.stats.counts import Quotients, TrialCounts, ValueSums
from analysis.stats.paired import Pair, pair_of

values = st.lists(st.floats(-100, 100), min_size=1, max_size=4)
"""Few, because every way to deal them out anew is scored."""


def sums(arm: list[float]) -> np.ndarray:
    return np.array([[len(arm), sum(arm), sum(x * x for x in arm)]])


def window(treatment: list[float], control: list[float], *, spread_known: bool = True) -> ValueSums:
    return ValueSums(treatment=sums(treatment), control=sums(control), spread_known=spread_known)


def score(pair: Pair, ratio: float, gap: float) -> tuple[np.ndarray, np.ndarray]:
    """Of one null, shapes (runs,)."""
    scores, variances = pair.scores(np.array([ratio]), np.array([gap]))
    return scores[:, 0], variances[:, 0]


def scored(
    treatment: list[float], control: list[float], ratio: float = 1.0, gap: float = 0.0
) -> tuple[float, float]:
    found, variance = score(pair_of(window(treatment, control)), ratio, gap)
    return float(found[0]), float(variance[0])


@given(values, values, st.sampled_from([0.5, 1.0, 1.3]))
def test_the_score_is_the_weighted_difference_of_means(
    treatment: list[float], control: list[float], ratio: float
) -> None:
    n_t, n_c = len(treatment), len(control)
    difference = np.mean(treatment) / ratio - np.mean(control)
    found, _ = scored(treatment, control, ratio)
    assert found == pytest.approx(n_t * n_c / (n_t + n_c) * difference, abs=1e-9)


def test_a_gap_is_taken_off_the_treatment() -> None:
    shifted, _ = scored([1.0, 2.0, 6.0], [4.0, 5.0], gap=0.7)
    by_hand, _ = scored([0.3, 1.3, 5.3], [4.0, 5.0])
    assert shifted == pytest.approx(by_hand)
    both, _ = scored([1.0, 2.0, 6.0], [4.0, 5.0], ratio=1.5, gap=0.7)
    assert both == pytest.approx(scored([0.2, 1.3 / 1.5, 5.3 / 1.5], [4.0, 5.0])[0])


@given(values, values, st.sampled_from([0.5, 1.0, 1.3]))
def test_the_variance_is_that_of_all_reassignments(
    treatment: list[float], control: list[float], ratio: float
) -> None:
    pooled = [x / ratio for x in treatment] + control
    everyone = range(len(pooled))
    scores = [
        scored([pooled[i] for i in chosen], [pooled[i] for i in everyone if i not in chosen])[0]
        for chosen in combinations(everyone, len(treatment))
    ]
    assert np.mean(scores) == pytest.approx(0.0, abs=1e-9)
    _, variance = scored(treatment, control, ratio)
    assert variance == pytest.approx(np.var(scores), abs=1e-8)


def test_the_variance_is_that_of_scipys_permutation_test() -> None:
    treatment, control = [0.3, 2.5, 0.7, 1.9], [0.2, 0.4, 0.1, 3.0, 0.6]
    found = permutation_test(
        (np.array(treatment), np.array(control)),
        lambda x, y, axis: x.mean(axis=axis) - y.mean(axis=axis),
        vectorized=True,
        n_resamples=10_000,
    )
    moved, variance = scored(treatment, control)
    pairs = 4 * 5 / 9
    assert moved == pytest.approx(pairs * float(found.statistic))
    assert variance == pytest.approx(pairs**2 * float(np.var(found.null_distribution)))


def test_without_squares_the_variance_is_the_score_squared() -> None:
    pair = pair_of(window([1.0, 2.0], [5.0, 7.0, 9.0], spread_known=False))
    found, variance = score(pair, 1.3, 0.2)
    assert pair.spread is None
    assert variance == pytest.approx(found**2)


@pytest.mark.parametrize("spread_known", [True, False])
def test_the_quadratic_is_the_variance_at_every_ratio(spread_known: bool) -> None:
    pair = pair_of(window([1.0, 2.0, 4.0], [5.0, 7.0, 9.0], spread_known=spread_known))
    squared, linear, constant = pair.quadratic()
    for ratio in (0.3, 1.0, 2.5):
        at = squared / ratio**2 + linear / ratio + constant
        assert at == pytest.approx(score(pair, ratio, 0.0)[1])


@pytest.mark.parametrize("spread_known", [True, False])
def test_turning_swaps_the_arms(spread_known: bool) -> None:
    one, other = [1.0, 2.0, 4.0], [5.0, 7.0]
    turned = pair_of(window(one, other, spread_known=spread_known)).turned()
    swapped = pair_of(window(other, one, spread_known=spread_known))
    for ratio, gap in ((1.0, 0.0), (1.5, 0.3)):
        for ours, theirs in zip(score(turned, ratio, gap), score(swapped, ratio, gap), strict=True):
            assert ours == pytest.approx(theirs)
    assert np.array(turned.totals) == pytest.approx(np.array(swapped.totals))


def test_quotients_score_numerators_against_the_others_denominators() -> None:
    counts = Quotients(treatment=np.array([[30.0, 10.0]]), control=np.array([[80.0, 40.0]]))
    found, variance = score(pair_of(counts), 1.0, 0.0)
    assert found == pytest.approx([10 * 40 / 50 * (30 / 10 - 80 / 40)])
    assert variance == pytest.approx(found**2)
    at_their_ratio, _ = score(pair_of(counts), 1.5, 0.0)
    assert at_their_ratio == pytest.approx([0.0])


def test_levels_score_half_their_difference() -> None:
    counts = Quotients(treatment=np.array([[7.0, 1.0]]), control=np.array([[4.0, 1.0]]))
    assert score(pair_of(counts), 1.0, 0.0)[0] == pytest.approx([1.5])
    assert score(pair_of(counts), 1.0, 3.0)[0] == pytest.approx([0.0])


def test_arms_without_values_score_nothing() -> None:
    for empty in (
        ValueSums(treatment=np.zeros((1, 3)), control=sums([1.0, 2.0]), spread_known=True),
        ValueSums(treatment=sums([1.0, 2.0]), control=np.zeros((1, 3)), spread_known=True),
        Quotients(treatment=np.zeros((1, 2)), control=np.array([[3.0, 4.0]])),
        Quotients(treatment=np.zeros((1, 2)), control=np.zeros((1, 2))),
    ):
        with np.errstate(all="raise"):
            found, variance = score(pair_of(empty), 1.05, 0.1)
        assert not found.any()
        assert not variance.any()


def test_trials_are_no_values() -> None:
    one = np.ones(1)
    with pytest.raises(TypeError, match="TrialCounts"):
        pair_of(TrialCounts(bad_t=one, n_t=one, bad_c=one, n_c=one))
