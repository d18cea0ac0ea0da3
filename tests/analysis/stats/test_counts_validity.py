"""Events without a denominator: Poisson counts, summed up to where nothing is left."""

from itertools import product

import pytest

from analysis.stats.monitor import Monitor
from analysis.stats.trials import TrialsMethod
from engine.core.model import Bound
from tests.analysis.stats.paths import ROUNDING, count_chance, every_count, expectation, watched

BOUNDS = [Bound(relative=0.5), Bound(absolute=2.0), Bound(relative=0.5, absolute=2.0)]
SHARES = (0.1, 0.5, 0.9)
RATES = (0.0, 0.3, 4.0, 15.0)
MOST = 75


def monitor(tolerance: Bound, margin: Bound, dispersion: float = 1.0) -> Monitor:
    method = TrialsMethod(tolerance=tolerance, margin=margin, effect_ratio=2.5, asks_better=True)
    return Monitor(method=method, dispersion=dispersion)


@pytest.mark.parametrize("dispersion", [1.0, 2.0])
@pytest.mark.parametrize("tolerance", [Bound(), *BOUNDS])
def test_harm_expects_at_most_one_at_and_inside_the_tolerance(tolerance: Bound, dispersion: float) -> None:
    for share in SHARES:
        (window,) = every_count(share, most=MOST)
        found = watched(monitor(tolerance, BOUNDS[0], dispersion), [window])
        for rate_c, inside in product(RATES, (1.0, 0.5, 0.0)):
            chances = count_chance(window, tolerance.limit_for(rate_c) * inside, rate_c)
            assert chances.sum() == pytest.approx(1.0, abs=1e-9)
            assert expectation(found.log_e_harm, chances) <= 1 + ROUNDING


@pytest.mark.parametrize("margin", BOUNDS)
def test_promotion_expects_at_most_one_at_and_beyond_the_margin(margin: Bound) -> None:
    for share in SHARES:
        (window,) = every_count(share, most=MOST)
        watching = monitor(Bound(), margin)
        log_e = watching.log_e_promote(watched(watching, [window]))
        for rate_c, more in product(RATES, (0.0, 3.0)):
            chances = count_chance(window, margin.limit_for(rate_c) + more, rate_c)
            assert expectation(log_e, chances) <= 1 + ROUNDING


@pytest.mark.parametrize("bound", BOUNDS)
def test_windows_that_remember_control_expect_at_most_one(bound: Bound) -> None:
    windows = every_count(0.4, 0.7, most=9)
    watching = monitor(bound, bound)
    found = watched(watching, windows)
    for rate_c in (0.0, 0.3, 1.0):
        chances = [count_chance(window, bound.limit_for(rate_c), rate_c) for window in windows]
        assert expectation(found.log_e_harm, *chances) <= 1 + ROUNDING
        assert expectation(watching.log_e_promote(found), *chances) <= 1 + ROUNDING


def test_a_ratio_at_the_margin_expects_exactly_one() -> None:
    (window,) = every_count(0.3, most=MOST)
    watching = monitor(Bound(), Bound(relative=0.5))
    log_e = watching.log_e_promote(watched(watching, [window]))
    assert expectation(log_e, count_chance(window, 6.0, 4.0)) == pytest.approx(1.0, abs=1e-9)


def test_being_better_expects_at_most_one_when_equal_or_worse() -> None:
    (window,) = every_count(0.3, most=MOST)
    watching = monitor(Bound(), BOUNDS[0])
    log_e = watching.log_e_better(watched(watching, [window]))
    for rate_c, worse in product(RATES, (1.0, 1.5)):
        assert expectation(log_e, count_chance(window, rate_c * worse, rate_c)) <= 1 + ROUNDING


@pytest.mark.parametrize("tolerance", BOUNDS)
def test_many_more_events_than_tolerated_are_harm(tolerance: Bound) -> None:
    (window,) = every_count(0.5, most=MOST)
    found = watched(monitor(tolerance, BOUNDS[0]), [window, window])
    worse = (window.treatment == 20) & (window.control == 4)
    equal = (window.treatment == 5) & (window.control == 5)
    assert found.log_e_harm[worse] > 3
    assert found.log_e_harm[equal] <= 0.1


def test_a_control_without_events_promotes_only_by_an_absolute_margin() -> None:
    (window,) = every_count(0.5, most=0)
    for margin, promotes in ((Bound(relative=0.5), False), (Bound(absolute=2.0), True)):
        watching = monitor(Bound(), margin)
        found = watched(watching, [window] * 5)
        assert (float(watching.log_e_promote(found)[0]) > 3.0) is promotes
