"""Our formulae against scipy's distributions and tests, and against published constants. No simulation."""

from math import exp, log

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import binom, hypergeom, mannwhitneyu, nchypergeom_fisher, norm

from analysis.stats import ridit
from analysis.stats.conditional import ExactForm
from analysis.stats.counts import EventCounts, TrialCounts
from analysis.stats.mixture import Floats
from analysis.stats.normal import half_width, log_e_above
from analysis.stats.trials import TrialsMethod
from engine.core.model import Bound

sizes = st.integers(1, 60)
ratios = st.floats(0.1, 10.0)
histograms = st.lists(st.integers(0, 40), min_size=5, max_size=5).map(lambda counts: np.array(counts, float))

STRICT = TrialsMethod(
    tolerance=Bound(relative=0.0), margin=Bound(relative=0.5), effect_ratio=1.5, shows_effect=False
)
RARE, COMMON = np.zeros(4), np.array([50.0, 100.0, 50.0, 100.0])
"""Earlier windows after which the binomial and the exact form is taken."""


def e_harm(bad_t: Floats, n_t: int, bad: int, n_c: int, earlier: Floats) -> Floats:
    """e-values of harm of one window, by how many of the `bad` trials were the treatment's."""
    runs = len(bad_t)
    counts = TrialCounts(
        bad_t=bad_t, n_t=np.full(runs, n_t * 1.0), bad_c=bad - bad_t, n_c=np.full(runs, n_c * 1.0)
    )
    window = STRICT.increments(counts, np.zeros((runs, 0)), np.tile(earlier, (runs, 1)))
    return np.exp(STRICT.log_e_harm(window.harm[:, None, :], np.ones((runs, 1)))[:, 0])


@given(sizes, sizes, st.data(), ratios)
def test_exact_form_is_fishers_noncentral_law(n_t: int, n_c: int, data: st.DataObject, ratio: float) -> None:
    bad = data.draw(st.integers(0, n_t + n_c))
    bad_t = data.draw(st.integers(max(0, bad - n_c), min(n_t, bad)))
    ours = ExactForm(np.log([ratio, 1.0])).logs(bad_t, n_t, bad - bad_t, n_c)
    laws = [nchypergeom_fisher(n_t + n_c, bad, n_t, odds) for odds in (ratio, 1.0)]
    theirs = [float(law.logpmf(bad_t)) for law in laws]
    assert ours[0] - ours[1] == pytest.approx(theirs[0] - theirs[1], rel=1e-6, abs=1e-7)


@given(sizes, sizes, st.data())
def test_binomial_form_expects_at_most_one_given_the_totals(n_t: int, n_c: int, data: st.DataObject) -> None:
    bad = data.draw(st.integers(0, n_t + n_c))
    law = hypergeom(n_t + n_c, bad, n_t)
    bad_t = np.arange(max(0, bad - n_c), min(n_t, bad) + 1.0)
    assert float(law.pmf(bad_t) @ e_harm(bad_t, n_t, bad, n_c, RARE)) <= 1 + 1e-9


@given(sizes, sizes, st.data())
def test_exact_form_expects_one_given_the_totals(n_t: int, n_c: int, data: st.DataObject) -> None:
    bad = data.draw(st.integers(0, n_t + n_c))
    law = hypergeom(n_t + n_c, bad, n_t)
    bad_t = np.arange(max(0, bad - n_c), min(n_t, bad) + 1.0)
    expected = float(law.pmf(bad_t) @ e_harm(bad_t, n_t, bad, n_c, COMMON))
    assert expected == pytest.approx(1.0, abs=1e-9)


@given(st.integers(0, 300), st.floats(0.01, 0.99))
def test_events_expect_one_given_their_number(events: int, share: float) -> None:
    treatment = np.arange(events + 1.0)
    runs = len(treatment)
    counts = EventCounts(treatment=treatment, control=events - treatment, share=np.full(runs, share))
    window = STRICT.increments(counts, np.zeros((runs, 0)), np.tile(RARE, (runs, 1)))
    e = np.exp(STRICT.log_e_harm(window.harm[:, None, :], np.ones((runs, 1)))[:, 0])
    assert float(binom.pmf(treatment, events, share) @ e) == pytest.approx(1.0, abs=1e-8)


@given(histograms, histograms)
def test_one_windows_ridit_score_is_mann_whitneys(treatment: Floats, control: Floats) -> None:
    assume(treatment.sum() > 0 and control.sum() > 0)
    assume(np.count_nonzero(treatment + control) > 1)
    ((score, variance),) = ridit.scores(treatment[None], (treatment + control)[None], 0.0)
    buckets = np.arange(5)
    theirs = mannwhitneyu(
        np.repeat(buckets, treatment.astype(int)),
        np.repeat(buckets, control.astype(int)),
        alternative="greater",
        method="asymptotic",
        use_continuity=False,
    )
    assert norm.sf(score / np.sqrt(variance)) == pytest.approx(float(theirs.pvalue), rel=1e-6, abs=1e-12)


def best_precision(variance: float, alpha: float) -> float:
    """The precision that makes the bound narrowest at this variance, as the R package confseq tunes it."""
    return variance / (2 * log(1 / alpha) + log(1 + 2 * log(1 / alpha)))


def test_two_sided_normal_mixture_has_confseqs_constants() -> None:
    precision = best_precision(100, 0.05)
    assert precision == pytest.approx(12.60056, abs=5e-6)
    assert half_width(np.array(100.0), precision, 0.05) == pytest.approx(30.35209, abs=5e-6)


def test_one_sided_normal_mixture_has_confseqs_constants() -> None:
    precision = best_precision(100, 0.10)
    log_e = log_e_above(np.array([10.0, 27.66071]), np.array(100.0), precision)
    assert log_e[0] == pytest.approx(-0.06502391, abs=5e-8)
    assert exp(log_e[1]) == pytest.approx(20.0, rel=1e-5)
