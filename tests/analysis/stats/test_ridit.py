from itertools import combinations
from math import exp, log

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import mannwhitneyu, norm

from analysis.stats import ridit

buckets = st.lists(st.integers(0, 40), min_size=5, max_size=5).map(lambda c: np.array(c, dtype=np.float64))


def scored(control: np.ndarray, treatment: np.ndarray, drift: float) -> np.ndarray:
    counts = np.array([treatment, control + treatment])
    return ridit.score(counts, counts.cumsum(axis=1), drift)


def test_variance_is_that_of_all_reassignments() -> None:
    pooled = [0, 0, 0, 1, 1, 2, 2, 2, 3]
    counts = np.bincount(pooled).astype(float)
    scores = []
    for chosen in combinations(range(len(pooled)), 3):
        treatment = np.bincount([pooled[i] for i in chosen], minlength=4).astype(float)
        score, variance = scored(counts - treatment, treatment, 0.0)
        scores.append(score)
    assert np.mean(scores) == pytest.approx(0.0, abs=1e-12)
    assert variance == pytest.approx(np.var(scores))


@given(buckets, buckets)
def test_score_is_mann_whitneys(control: np.ndarray, treatment: np.ndarray) -> None:
    assume(control.sum() > 0 and treatment.sum() > 0)
    pooled = control + treatment
    assume(np.count_nonzero(pooled) > 1)
    score, variance = scored(control, treatment, 0.0)
    slots = np.arange(5)
    theirs = mannwhitneyu(
        np.repeat(slots, treatment.astype(int)),
        np.repeat(slots, control.astype(int)),
        alternative="greater",
        method="asymptotic",
        use_continuity=False,
    )
    assert norm.sf(score / np.sqrt(variance)) == pytest.approx(float(theirs.pvalue), rel=1e-6, abs=1e-12)


@given(buckets, st.lists(st.floats(0, 1), min_size=5, max_size=5), st.floats(1.0, 1.5))
def test_tolerated_exceedance_stays_within_the_tolerated_drift(
    control: np.ndarray, moved: list[float], tolerance: float
) -> None:
    assume(control.sum() > 0)
    above = 1 - np.cumsum(control / control.sum())[:-1]
    worse = np.minimum.accumulate(np.minimum(1.0, above * tolerance) * np.array(moved[:4]))
    treatment = -np.diff(np.concatenate([[1.0], worse, [0.0]]))
    drift = (tolerance - 1) / 2
    score, _ = scored(control, treatment * 1000.0, drift)
    assert score <= 1e-9


def test_log_e_is_the_normal_mixture() -> None:
    for score, variance in ((3.0, 4.0), (-2.0, 10.0), (0.0, 0.0), (12.0, 30.0)):

        def bet(size: float, s: float = score, v: float = variance) -> float:
            prior = 2 * norm.pdf(size, scale=1 / np.sqrt(ridit.PRIOR_PRECISION))
            return float(prior * exp(size * s - size**2 * v / 2))

        mixture, _ = quad(bet, 0, 20)
        assert float(ridit.log_e(np.array([score, variance]))) == pytest.approx(log(mixture), abs=1e-7)


def test_a_faster_treatment_is_no_evidence_of_harm() -> None:
    score = scored(np.array([10.0, 10, 80]), np.array([80.0, 10, 10]), 0.0)
    assert float(ridit.log_e(score)) < -2
