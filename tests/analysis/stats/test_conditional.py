from math import exp, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import gammaln, logsumexp
from scipy.stats import binom, nchypergeom_fisher

from analysis.stats.conditional import COMMON_RATE, EXACT_MAX_TRIALS, ExactForm, uses_exact_form
from analysis.stats.counts import TrialCounts
from analysis.stats.monitor import Monitor
from analysis.stats.prior import LOG_WEIGHTS, alternatives
from analysis.stats.trials import TrialsMethod
from engine.core.model import Bound
from tests.analysis.stats.paths import ROUNDING, chance, every_path, expectation, trials, watched


def exact(bad_t: int, n_t: int, bad_c: int, n_c: int, *ratios: float) -> list[float]:
    return [float(one) for one in ExactForm(np.log(np.array(ratios))).logs(bad_t, n_t, bad_c, n_c)]


def harm_bets(window: TrialCounts, tolerance: float, *, common: bool) -> np.ndarray:
    """Log bets on each alternative of one window, after totals that were common or rare."""
    method = TrialsMethod(tolerance=Bound(relative=tolerance), margin=Bound(relative=0.5), effect_ratio=1.5)
    before = np.array([[5.0, 10.0, 5.0, 10.0, 0, 0, 0] if common else [0.0, 10.0, 0.0, 10.0, 0, 0, 0]])
    runs = len(window.n_t)
    return method.increments(window, np.zeros((runs, 0)), np.repeat(before, runs, axis=0)).harm


@given(st.integers(1, 12), st.integers(1, 12), st.data())
def test_exact_form_expects_exactly_one_given_the_totals(n_t: int, n_c: int, data: st.DataObject) -> None:
    bad = data.draw(st.integers(0, n_t + n_c))
    null, alternative = data.draw(st.tuples(st.floats(0.2, 5), st.floats(0.2, 5)))
    law = nchypergeom_fisher(n_t + n_c, n_t, bad, null)
    total = 0.0
    for bad_t in range(max(0, bad - n_c), min(n_t, bad) + 1):
        at_null, at_alternative = exact(bad_t, n_t, bad - bad_t, n_c, null, alternative)
        total += float(law.pmf(bad_t)) * exp(at_alternative - at_null)
    assert total == pytest.approx(1.0, abs=1e-9)


def test_exact_form_is_fishers_likelihood() -> None:
    ours = exact(13, 100, 40, 300, 1.0, 0.5, 2.0, 5.0)
    theirs = [float(nchypergeom_fisher(400, 100, 53, ratio).logpmf(13)) for ratio in (1.0, 0.5, 2.0, 5.0)]
    assert [one - ours[0] for one in ours] == pytest.approx([one - theirs[0] for one in theirs], abs=1e-8)


def test_exact_form_of_the_largest_window_is_finite() -> None:
    half = EXACT_MAX_TRIALS // 2
    assert np.isfinite(exact(half, half, half, half, 0.2, 1.0, 5.0)).all()
    assert np.isfinite(exact(2500, half, 2400, half, 0.2, 1.0, 5.0)).all()


@pytest.mark.parametrize("sizes", [(3, 9), (8, 8), (9, 2)])
def test_exact_form_on_the_risk_ratio_null_of_promotion_expects_at_most_one(sizes: tuple[int, int]) -> None:
    (window,) = every_path(*[sizes])
    counted = np.stack([window.bad_t, window.n_t, window.bad_c, window.n_c], axis=1).astype(int)
    logs = np.array([exact(*row, 0.8, 1.5) for row in counted.tolist()])
    for rate_c in (0.05, 0.2, 0.5):
        for rate_t in (1.5 * rate_c, min(1.0, 1.5 * rate_c + 0.2)):
            assert expectation(logs[:, 0] - logs[:, 1], chance(window, rate_t, rate_c)) <= 1 + ROUNDING


def test_every_bet_on_harm_expects_at_most_one_at_the_risk_ratio_null() -> None:
    for sizes, tolerance in [((3, 9), 0.0), ((8, 8), 0.05), ((9, 2), 2.0)]:
        (window,) = every_path(sizes)
        bets = harm_bets(window, tolerance, common=False)
        for rate_c in (0.001, 0.05, 0.2, 1 / (1 + tolerance)):
            for inside in (1.0, 0.7):
                probability = chance(window, rate_c * (1 + tolerance) * inside, rate_c)
                assert all(expectation(bet, probability) <= 1 + ROUNDING for bet in bets.T)


def test_one_alternative_is_walds_test_on_the_treatments_part_of_the_bad_trials() -> None:
    for bad_t, n_t, bad_c, n_c in ((3, 100, 9, 900), (5, 400, 4, 600), (0, 50, 2, 950)):
        ours = harm_bets(trials(bad_t, n_t, bad_c, n_c), 0.05, common=False)[0]
        for bet, ratio in zip(ours, alternatives(1.05, 1.5).ratios, strict=True):
            part = {psi: psi * n_t / (psi * n_t + n_c) for psi in (ratio, 1.05)}
            wald = binom.logpmf(bad_t, bad_t + bad_c, part[ratio]) - binom.logpmf(
                bad_t, bad_t + bad_c, part[1.05]
            )
            assert bet == pytest.approx(float(wald), abs=1e-9)


def test_a_watched_window_is_the_mixture_of_its_alternatives() -> None:
    window = trials(9, 100, 20, 900)
    method = TrialsMethod(tolerance=Bound(relative=0.05), margin=Bound(relative=0.5), effect_ratio=1.5)
    found = watched(Monitor(method=method, dispersion=1.0, first_start=1.0), [window])
    bets = harm_bets(window, 0.05, common=False)[0]
    assert float(found.log_e_harm[0]) == pytest.approx(log(np.exp(bets) @ np.exp(LOG_WEIGHTS)))


def test_common_bad_trials_take_the_exact_form_in_ratio_to_the_worst_that_is_fine() -> None:
    window = trials(9, 40, 20, 90)
    ratios = alternatives(1.05, 1.5).ratios
    at_null, *at_alternatives = exact(9, 40, 20, 90, 1.05, *ratios)
    wanted = [one - at_null for one in at_alternatives]
    assert harm_bets(window, 0.05, common=True)[0] == pytest.approx(wanted)
    assert harm_bets(window, 0.05, common=False)[0] != pytest.approx(wanted)


def test_a_window_does_not_choose_its_own_form() -> None:
    before = np.array([[3.0, 50.0, 3.0, 50.0], [0.0] * 4, [2.0, 50.0, 3.0, 50.0], [25.0, 50.0, 25.0, 50.0]])
    sizes = np.array([10.0, 1000.0, 1000.0, EXACT_MAX_TRIALS + 1.0])
    assert 6 / 100 > COMMON_RATE >= 5 / 100
    assert uses_exact_form(before, sizes).tolist() == [True, False, False, False]


def test_a_window_without_trials_has_no_form() -> None:
    assert not uses_exact_form(np.array([[5.0, 10.0, 5.0, 10.0]]), np.zeros(1)).any()


def test_a_window_too_wide_for_powers_is_worth_what_logarithms_say() -> None:
    found = exact(1300, 4000, 2500, 6000, 1.0, 1.5, 5.0)
    k = np.arange(0, 3801.0)
    placed = -(gammaln(k + 1) + gammaln(4001 - k) + gammaln(3801 - k) + gammaln(2201 + k))
    wanted = [1300 * np.log(psi) - logsumexp(placed + k * np.log(psi)) for psi in (1.0, 1.5, 5.0)]
    assert np.subtract(found, found[0]) == pytest.approx(np.subtract(wanted, wanted[0]), rel=1e-9)
