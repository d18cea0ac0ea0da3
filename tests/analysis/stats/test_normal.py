from itertools import product
from math import exp, log, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from analysis.stats.normal import half_width, log_e_above, log_e_bets

OPTIMUM = 100.0
"""Variance for which the published constants are tuned."""


def tuned(alpha: float) -> float:
    """Precision whose bound is narrowest at `OPTIMUM`, as confseq approximates it."""
    return OPTIMUM / (2 * log(1 / alpha) + log(1 + 2 * log(1 / alpha)))


def above(score: float, variance: float, precision: float) -> float:
    return float(log_e_above(np.array(score), np.array(variance), precision))


def test_published_two_sided_constants_are_reproduced() -> None:
    assert tuned(0.05) == pytest.approx(12.60056, abs=5e-6)
    assert float(half_width(np.array(100.0), tuned(0.05), 0.05)) == pytest.approx(30.35209, abs=5e-6)
    edge = float(half_width(np.array(100.0), tuned(0.05), 0.05))
    log_e = 0.5 * log(tuned(0.05) / (100 + tuned(0.05))) + edge**2 / (2 * (100 + tuned(0.05)))
    assert log_e == pytest.approx(log(20))
    assert log_e - (edge**2 - 100) / (2 * (100 + tuned(0.05))) == pytest.approx(-0.6510052, abs=5e-8)


def test_published_one_sided_constants_are_reproduced() -> None:
    one_sided = tuned(2 * 0.05)
    assert above(10.0, 100.0, one_sided) == pytest.approx(-0.06502391, abs=5e-9)
    assert above(27.66071, 100.0, one_sided) == pytest.approx(log(20), abs=5e-6)


@pytest.mark.parametrize(("score", "variance"), [(3.0, 4.0), (-2.0, 10.0), (0.0, 0.0), (12.0, 30.0)])
def test_it_is_the_average_over_half_normal_bets(score: float, variance: float) -> None:
    def bet(size: float) -> float:
        return float(2 * norm.pdf(size, scale=0.5)) * exp(size * score - size**2 * variance / 2)

    mixture, _ = quad(bet, 0, 20)
    assert above(score, variance, 4.0) == pytest.approx(log(mixture), abs=1e-7)


@pytest.mark.parametrize("variance", [0.1, 1.0, 50.0, 1e6])
def test_normal_scores_without_drift_expect_one_and_with_a_negative_one_less(variance: float) -> None:
    points, weights = np.polynomial.hermite_e.hermegauss(150)
    chances, variances = weights / sqrt(2 * np.pi), np.full(150, variance)
    centred = sqrt(variance) * points
    assert chances @ np.exp(log_e_above(centred, variances, 30.0 * variance)) == pytest.approx(1.0, abs=1e-9)
    lower = centred - 0.5 * sqrt(variance)
    assert chances @ np.exp(log_e_above(lower, variances, 30.0 * variance)) < 1.0


@given(st.lists(st.floats(0.0, 3.0), min_size=1, max_size=6))
def test_symmetric_scores_with_their_own_squares_expect_at_most_one(sizes: list[float]) -> None:
    signs = np.array(list(product((-1.0, 1.0), repeat=len(sizes))))
    scores, squares = signs @ np.array(sizes), np.full(len(signs), float(np.square(sizes).sum()))
    bets, log_weights = np.array([0.3, 1.0, 3.0]), np.log([0.5, 0.3, 0.2])
    assert np.exp(log_e_bets(scores, squares, bets, log_weights)).mean() <= 1 + 1e-12
    assert np.exp(log_e_above(scores, squares, 4.0)).mean() <= 1 + 1e-12


def test_bets_are_mixed_by_their_weights() -> None:
    wanted = log(0.25 * exp(2.0 - 1.5) + 0.75 * exp(4.0 - 6.0))
    found = log_e_bets(np.array([2.0]), np.array([3.0]), np.array([1.0, 2.0]), np.log([0.25, 0.75]))
    assert found == pytest.approx([wanted])


def test_scores_far_out_stay_finite() -> None:
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        assert above(1e12, 1e12, 4.0) == pytest.approx(5e11, rel=1e-6)
        assert -1e4 < above(-1e12, 1e24, 4.0) < 0
        assert np.isfinite(above(-1e6, 1.0, 4.0))
