from itertools import combinations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu, norm

from analysis.stats import ridit
from analysis.stats.normal import log_e_above

buckets = st.lists(st.integers(0, 40), min_size=5, max_size=5).map(lambda c: np.array(c, dtype=np.float64))


def scored(control: np.ndarray, treatment: np.ndarray, drift: float = 0.0) -> tuple[float, float]:
    score, variance = ridit.scores(treatment[None, :], (control + treatment)[None, :], drift)[0]
    return float(score), float(variance)


def test_variance_is_that_of_all_reassignments() -> None:
    pooled = [0, 0, 0, 1, 1, 2, 2, 2, 3]
    counts = np.bincount(pooled).astype(float)
    found = []
    for chosen in combinations(range(len(pooled)), 3):
        treatment = np.bincount([pooled[i] for i in chosen], minlength=4).astype(float)
        found.append(scored(counts - treatment, treatment))
    scores, variances = np.array(found).T
    assert scores.mean() == pytest.approx(0.0, abs=1e-12)
    assert variances == pytest.approx(np.full(len(found), np.var(scores)))


@given(buckets, buckets)
def test_score_is_mann_whitneys(control: np.ndarray, treatment: np.ndarray) -> None:
    assume(control.sum() > 0 and treatment.sum() > 0)
    assume(np.count_nonzero(control + treatment) > 1)
    score, variance = scored(control, treatment)
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
    score, _ = scored(control, treatment * 1000.0, (tolerance - 1) / 2)
    assert score <= 1e-9


def test_swapping_the_arms_turns_the_score() -> None:
    one, other = np.array([5.0, 3.0, 9.0]), np.array([1.0, 8.0, 2.0])
    score, variance = scored(one, other)
    assert scored(other, one) == pytest.approx((-score, variance))


def test_dispersion_shrinks_score_and_variance_alike() -> None:
    score, variance = np.array([3.0]), np.array([8.0])
    tempered = ridit.log_e(score, variance, np.array([2.0]))
    assert tempered == pytest.approx(log_e_above(score / 2, variance / 2, ridit.PRIOR_PRECISION))
    assert tempered < ridit.log_e(score, variance, np.array([1.0]))


def test_a_faster_treatment_is_no_evidence_of_harm() -> None:
    score, variance = scored(np.array([10.0, 10, 80]), np.array([80.0, 10, 10]))
    assert float(ridit.log_e(np.array(score), np.array(variance), np.array(1.0))) < -2


def test_windows_without_an_arm_or_with_one_bucket_say_nothing() -> None:
    some, none = np.array([5.0, 3.0]), np.zeros(2)
    for control, treatment in (
        (some, none),
        (none, some),
        (none, none),
        (np.array([9.0, 0]), np.array([4.0, 0])),
    ):
        with np.errstate(all="raise"):
            assert scored(control, treatment) == (0.0, 0.0)
