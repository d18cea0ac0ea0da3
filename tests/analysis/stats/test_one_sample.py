from math import log

import numpy as np
import pytest
from scipy.stats import binom

from analysis.stats import one_sample
from analysis.stats.monitor import Monitor, State
from analysis.stats.one_sample import BELOW_LOG_WEIGHTS, BELOW_ODDS, OneSampleMethod
from tests.analysis.stats.paths import ROUNDING, chance, every_path, expectation, trials, watched


def watching(limit: float, dispersion: float = 1.0) -> Monitor:
    return Monitor(method=OneSampleMethod(limit=limit), dispersion=dispersion)


def after(limit: float, bad: int, total: int) -> tuple[float, float]:
    """Log e-values of harm (a single start) and promotion."""
    one = Monitor(method=OneSampleMethod(limit=limit), dispersion=1.0, first_start=1.0)
    state: State = watched(one, [trials(bad, total, 0, 0)])
    return float(state.log_e_harm[0]), float(one.log_e_promote(state)[0])


@pytest.mark.parametrize("limit", [0.001, 0.05, 0.5, 0.95])
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("dispersion", [1.0, 3.0])
def test_expectations_are_at_most_one_on_either_side_of_the_limit(
    limit: float, share: float, dispersion: float
) -> None:
    windows = every_path((30, 0), (7, 0))
    one = watching(limit, dispersion)
    state = watched(one, windows)
    inside = [chance(window, limit * share, 0.0) for window in windows]
    beyond = [chance(window, limit + (1 - limit) * share, 0.0) for window in windows]
    assert expectation(state.log_e_harm, *inside) <= 1 + ROUNDING
    assert expectation(one.log_e_promote(state), *beyond) <= 1 + ROUNDING


def test_at_the_limit_both_expectations_are_one() -> None:
    windows = every_path((25, 0))
    at_limit = chance(windows[0], 0.2, 0.0)
    state = watched(watching(0.2), windows)
    assert expectation(state.log_e_harm, at_limit) == pytest.approx(1.0)
    assert expectation(watching(0.2).log_e_promote(state), at_limit) == pytest.approx(1.0)


def test_promotion_is_the_mixture_of_walds_tests() -> None:
    odds = 0.05 / 0.95 * BELOW_ODDS
    walds = binom.pmf(3, 200, odds / (1 + odds)) / binom.pmf(3, 200, 0.05)
    assert after(0.05, 3, 200)[1] == pytest.approx(log(walds @ np.exp(BELOW_LOG_WEIGHTS)))


def test_many_bad_trials_are_harm_and_none_promote() -> None:
    harm, _ = after(0.01, 30, 1000)
    _, promote = after(0.01, 0, 1000)
    _, too_bad = after(0.01, 30, 1000)
    assert harm > 5
    assert promote > 3
    assert too_bad < 0


@pytest.mark.parametrize("limit", [0.001, 0.05, 0.5])
@pytest.mark.parametrize("alpha", [0.01, 0.05])
def test_the_fewest_good_trials_are_just_enough(limit: float, alpha: float) -> None:
    enough = one_sample.fewest_good(limit, alpha)
    assert after(limit, 0, enough)[1] >= log(1 / alpha)
    assert after(limit, 0, enough - 1)[1] < log(1 / alpha)
