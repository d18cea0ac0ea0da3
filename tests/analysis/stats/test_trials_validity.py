"""Expectations at most 1 under the null, over several windows, for everything that counts trials."""

from itertools import product

import numpy as np
import pytest

from analysis.stats.monitor import Monitor, State
from analysis.stats.starts import AT_CHANGE
from analysis.stats.trials import TrialsMethod
from engine.core.model import Bound
from tests.analysis.stats.paths import ROUNDING, chance, every_path, expectation, watched

WINDOWS = [((6, 9),), ((3, 5), (4, 3)), ((2, 2), (1, 3), (2, 1))]
RATES = (0.0, 0.001, 0.01, 0.05, 0.2, 0.5, 0.7)
DISPERSIONS = (1.0, 2.5)
BY_RATIO, BY_GAP = Bound(relative=0.05), Bound(absolute=0.05)
BY_BOTH = Bound(relative=0.5, absolute=0.05)


def monitor(tolerance: Bound, margin: Bound, dispersion: float, *, asks_better: bool = False) -> Monitor:
    method = TrialsMethod(tolerance=tolerance, margin=margin, effect_ratio=1.5, asks_better=asks_better)
    return Monitor(method=method, dispersion=dispersion)


def opening_starts(watching: Monitor, sizes: tuple[tuple[int, int], ...]) -> State:
    """A new start is offered after every window and opened where the newest bet has sunk."""
    windows = every_path(*sizes)
    now = watching.start(len(windows[0].n_t))
    for window in windows:
        now = watching.with_start(watching.update(now, window), AT_CHANGE)
    return now


@pytest.mark.parametrize("sizes", WINDOWS)
@pytest.mark.parametrize("tolerance", [Bound(), BY_RATIO, BY_GAP, BY_BOTH])
def test_harm_expects_at_most_one_at_and_inside_the_tolerance(
    tolerance: Bound, sizes: tuple[tuple[int, int], ...]
) -> None:
    windows = every_path(*sizes)
    for dispersion in DISPERSIONS:
        found = watched(monitor(tolerance, BY_RATIO, dispersion), windows)
        for rate_c, inside in product(RATES, (1.0, 0.6, 0.0)):
            rate_t = min(1.0, tolerance.limit_for(rate_c)) * inside
            chances = [chance(window, rate_t, rate_c) for window in windows]
            assert expectation(found.log_e_harm, *chances) <= 1 + ROUNDING


@pytest.mark.parametrize("tolerance", [Bound(), BY_GAP])
def test_starts_opened_by_the_past_expect_at_most_one(tolerance: Bound) -> None:
    sizes = ((1, 6), (2, 1), (2, 2))
    windows = every_path(*sizes)
    found = opening_starts(monitor(tolerance, BY_RATIO, 1.0), sizes)
    assert found.starts.weights.shape[1] > 1, "no path opened a start"
    assert np.allclose(found.starts.weights.sum(axis=1) + found.starts.waiting, 1.0)
    for rate_c, inside in product(RATES, (1.0, 0.6)):
        rate_t = min(1.0, tolerance.limit_for(rate_c)) * inside
        chances = [chance(window, rate_t, rate_c) for window in windows]
        assert expectation(found.log_e_harm, *chances) <= 1 + ROUNDING


@pytest.mark.parametrize("tolerance", [Bound(), BY_GAP, BY_BOTH])
def test_rates_that_answer_to_the_past_do_not_help(tolerance: Bound) -> None:
    first, second = every_path((3, 4), (4, 3))
    found = watched(monitor(tolerance, BY_RATIO, 1.0), [first, second])
    low, high = 0.02, 0.3
    rate_c = np.where(first.bad_t > first.bad_c, high, low)
    limit = np.array([tolerance.limit_for(rate) for rate in rate_c])
    chances = chance(first, tolerance.limit_for(low), low), chance(second, limit, rate_c)
    assert expectation(found.log_e_harm, *chances) <= 1 + ROUNDING


@pytest.mark.parametrize("sizes", WINDOWS)
@pytest.mark.parametrize(
    "margin", [Bound(relative=0.5), BY_GAP, BY_BOTH, Bound(relative=0.2, absolute=0.2), Bound(absolute=0.001)]
)
def test_promotion_expects_at_most_one_at_and_beyond_the_margin(
    margin: Bound, sizes: tuple[tuple[int, int], ...]
) -> None:
    windows = every_path(*sizes)
    for dispersion in DISPERSIONS:
        watching = monitor(Bound(), margin, dispersion)
        log_e = watching.log_e_promote(watched(watching, windows))
        for rate_c in (rate for rate in RATES if margin.limit_for(rate) <= 1.0):
            limit = margin.limit_for(rate_c)
            for rate_t in (limit, (limit + 1.0) / 2, 1.0):
                chances = [chance(window, rate_t, rate_c) for window in windows]
                assert expectation(log_e, *chances) <= 1 + ROUNDING


@pytest.mark.parametrize("sizes", WINDOWS)
def test_being_better_expects_at_most_one_when_equal_or_worse(sizes: tuple[tuple[int, int], ...]) -> None:
    windows = every_path(*sizes)
    for dispersion in DISPERSIONS:
        watching = monitor(Bound(), BY_RATIO, dispersion, asks_better=True)
        log_e = watching.log_e_better(watched(watching, windows))
        for rate_c, worse in product(RATES, (1.0, 1.2, 3.0)):
            chances = [chance(window, min(1.0, worse * rate_c), rate_c) for window in windows]
            assert expectation(log_e, *chances) <= 1 + ROUNDING


def test_windows_with_common_bad_trials_take_the_exact_form_and_expect_at_most_one() -> None:
    windows = every_path((2, 3), (4, 4))
    watching = monitor(Bound(), Bound(relative=0.5), 1.0, asks_better=True)
    found = watched(watching, windows)
    assert set(found.exact_windows.tolist()) == {0.0, 1.0}
    for rate in RATES:
        null = [chance(window, rate, rate) for window in windows]
        at_margin = [chance(window, min(1.0, 1.5 * rate), rate) for window in windows]
        assert expectation(found.log_e_harm, *null) <= 1 + ROUNDING
        assert expectation(watching.log_e_better(found), *null) <= 1 + ROUNDING
        if 1.5 * rate <= 1.0:
            assert expectation(watching.log_e_promote(found), *at_margin) <= 1 + ROUNDING


def test_strata_with_rates_and_shares_of_their_own_expect_at_most_one() -> None:
    busy, quiet = every_path((5, 2), (2, 6))
    found = watched(monitor(Bound(), BY_BOTH, 1.0), [busy, quiet])
    for busy_rate, quiet_rate in product(RATES, RATES):
        chances = chance(busy, busy_rate, busy_rate), chance(quiet, quiet_rate, quiet_rate)
        assert expectation(found.log_e_harm, *chances) <= 1 + ROUNDING


def test_a_treatment_beyond_the_tolerance_expects_more_than_one() -> None:
    windows = every_path((6, 9))
    found = watched(monitor(BY_RATIO, BY_BOTH, 1.0), windows)
    assert expectation(found.log_e_harm, *(chance(window, 0.6, 0.1) for window in windows)) > 1.5
