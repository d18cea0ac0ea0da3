"""Our scores and step-downs against statsmodels. No simulation."""

from math import exp, log

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from statsmodels.stats.contingency_tables import StratifiedTable
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.rates import test_poisson_2indep as poisson_2indep

from analysis.stats import better
from analysis.stats.counts import EventCounts, TrialCounts
from analysis.stats.increments import Increments
from analysis.stats.trials import TrialsMethod
from engine.core.model import Bound

METHOD = TrialsMethod(
    tolerance=Bound(relative=0.0), margin=Bound(relative=0.5), effect_ratio=1.5, shows_effect=False
)

arms = st.tuples(st.integers(1, 40), st.integers(1, 400))
windows = st.lists(st.tuples(arms, arms), min_size=2, max_size=8)


def counted(tables: list[tuple[tuple[int, int], tuple[int, int]]]) -> Increments:
    """Our increments of windows given as ((bad, good) of the treatment, (bad, good) of control)."""
    (bad_t, good_t), (bad_c, good_c) = np.array(tables, dtype=float).transpose(1, 2, 0)
    counts = TrialCounts(bad_t=bad_t, n_t=bad_t + good_t, bad_c=bad_c, n_c=bad_c + good_c)
    return METHOD.increments(counts, np.zeros((len(tables), 0)), np.zeros((len(tables), 4)))


def stratified(tables: list[tuple[tuple[int, int], tuple[int, int]]]) -> StratifiedTable:
    return StratifiedTable([np.array(table, dtype=float) for table in tables])


@given(windows)
def test_scores_add_up_to_the_stratified_test(tables: list[tuple[tuple[int, int], tuple[int, int]]]) -> None:
    score, variance = counted(tables).scores[:, 0].sum(axis=0)
    theirs = stratified(tables).test_null_odds(correction=False)
    assert score**2 / variance == pytest.approx(float(theirs.statistic), rel=1e-9, abs=1e-12)


@given(windows)
def test_ratio_shown_is_mantel_and_haenszels(tables: list[tuple[tuple[int, int], tuple[int, int]]]) -> None:
    totals = counted(tables).totals.sum(axis=0)
    assert totals[4] / totals[5] == pytest.approx(float(stratified(tables).riskratio_pooled), rel=1e-9)


def event_p(treatment: int, control: int, share: float) -> float:
    """Two-sided p of the score of one window of events."""
    counts = EventCounts(
        treatment=np.array([treatment * 1.0]), control=np.array([control * 1.0]), share=np.array([share])
    )
    window = METHOD.increments(counts, np.zeros((1, 0)), np.zeros((1, 4)))
    score, variance = window.scores[0, 0]
    return 2 * float(norm.sf(abs(score) / np.sqrt(variance)))


def test_scores_of_events_have_the_published_p() -> None:
    assert event_p(60, 30, 51477.5 / (51477.5 + 54308.7)) == pytest.approx(0.000632219, abs=5e-10)


@given(st.integers(0, 200), st.integers(1, 200), st.floats(0.05, 0.95))
def test_scores_of_events_are_the_poisson_score_test(treatment: int, control: int, share: float) -> None:
    theirs = poisson_2indep(treatment, share, control, 1 - share, method="score")
    assert event_p(treatment, control, share) == pytest.approx(float(theirs.pvalue), rel=1e-7, abs=1e-12)


@pytest.mark.slow
@settings(max_examples=30)  # theirs takes a tenth of a second
@given(st.sampled_from([0.05, 0.2]), st.lists(st.floats(1e-4, 0.2), min_size=1, max_size=6, unique=True))
def test_step_down_is_holms(alpha: float, p_values: list[float]) -> None:
    limits = [alpha / k for k in range(1, len(p_values) + 1)]
    assume(all(abs(p - limit) > 1e-9 for p in p_values for limit in limits))
    log_es = {f"m{index}": -log(p) for index, p in enumerate(p_values)}
    again = [exp(-logged) for logged in log_es.values()]
    theirs = multipletests(again, alpha=alpha, method="holm")[0]
    expected = {name for name, rejected in zip(log_es, theirs, strict=True) if rejected}
    assert set(better.rejected(log_es, alpha)) == expected
