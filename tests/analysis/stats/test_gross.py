"""Gross harm: expectations at most 1 however the arms swing within the limit, and outages found soon."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.stats import gross
from analysis.stats.counts import EventCounts, TrialCounts
from analysis.stats.gross import MOST, SWING, Gross
from analysis.stats.methods import monitor_of
from engine.core.model import Bound, MetricKind
from tests.analysis.stats.paths import ROUNDING, chance, every_path, expectation, trials
from tests.builders import a_metric

UNDECLARED = a_metric(dispersion=None)


def bets(windows: list[TrialCounts]) -> Gross:
    state = gross.no_bets(len(windows[0].n_t))
    for window in windows:
        state = gross.with_window(state, window, None, higher_is_better=False)
    return state


def expected(windows: list[TrialCounts], rates: list[tuple[float, float]]) -> float:
    chances = np.prod([chance(window, *each) for window, each in zip(windows, rates, strict=True)], axis=0)
    return float(expectation(bets(windows).log_e, chances))


@pytest.mark.parametrize("sizes", [((6, 9),), ((3, 5), (4, 3)), ((2, 2), (1, 3), (2, 1))])
@pytest.mark.parametrize("rate", [0.0, 0.001, 0.01, 0.05, 0.19])
@pytest.mark.parametrize("swing", [1.0, 3.0, SWING])
def test_arms_that_swing_within_the_limit_expect_at_most_one(
    sizes: tuple[tuple[int, int], ...], rate: float, swing: float
) -> None:
    windows = every_path(*sizes)
    assert expected(windows, [(rate * swing, rate)] * len(sizes)) <= 1.0 + ROUNDING
    turns = [(rate * swing, rate), (rate, rate), (rate / swing, rate)][: len(sizes)]
    assert expected(windows, turns) <= 1.0 + ROUNDING


def test_harm_beyond_the_limit_is_what_it_is_for() -> None:
    windows = every_path((6, 9), (6, 9))
    assert expected(windows, [(0.9, 0.02)] * 2) > 1.0


def test_one_mad_window_counts_for_so_much_and_no_more() -> None:
    mad = bets([trials(500, 1000, 1, 1000)])
    everything = np.log(0.5 * np.exp(MOST) + 10.0 / 11.0)
    assert mad.log_e[0] <= everything
    assert bets([trials(5000, 10_000, 1, 10_000)]).log_e == pytest.approx(mad.log_e)


def test_what_is_better_when_higher_is_harmed_by_less() -> None:
    fewer = trials(2, 200, 400, 800)
    up = gross.with_window(gross.no_bets(1), fewer, None, higher_is_better=True)
    down = gross.with_window(gross.no_bets(1), fewer, None, higher_is_better=False)
    assert up.log_e[0] > 0.0 > down.log_e[0]


def test_a_run_without_the_window_stays_as_it_is() -> None:
    one = trials(40, 200, 8, 800)
    two = TrialCounts(**{name: np.tile(getattr(one, name), 2) for name in ("bad_t", "n_t", "bad_c", "n_c")})
    after = gross.with_window(gross.no_bets(2), two, np.array([True, False]), higher_is_better=False)
    before = gross.no_bets(2)
    assert after.money[1].tolist() == before.money[1].tolist()
    assert after.windows.tolist() == [1.0, 0.0]


def windows_until_harm(healthy: int, seed: int) -> int:
    """Of 200 treatment and 800 control trials each, 1 % bad, until an outage with 20 % is beyond doubt."""
    rng = np.random.default_rng(seed)
    monitor = monitor_of(UNDECLARED)
    state = monitor.start()
    for window in range(healthy + 100):
        rate = 0.2 if window >= healthy else 0.01
        state = monitor.update(state, trials(rng.binomial(200, rate), 200, rng.binomial(800, 0.01), 800))
        if state.log_e_harm[0] > np.log(200.0) and not monitor.is_too_correlated(state)[0]:
            return window - healthy + 1
    return healthy + 100


@pytest.mark.parametrize("healthy", [0, 12, 60, 240])
def test_an_outage_is_found_within_seconds_however_little_is_known(healthy: int) -> None:
    assert max(windows_until_harm(healthy, seed) for seed in range(5)) <= 10


def test_a_stored_run_without_bets_makes_its_first_ones_now() -> None:
    monitor = monitor_of(UNDECLARED)
    stored = replace(monitor.start(), gross=None)
    after = monitor.update(stored, trials(40, 200, 8, 800)).gross
    assert after is not None
    assert after.windows.tolist() == [1.0]


@pytest.mark.parametrize(
    "metric",
    [
        a_metric(dispersion=1.0),
        a_metric(dispersion=None, tolerance=Bound(absolute=0.001)),
        a_metric(dispersion=None, kind=MetricKind.THRESHOLD, limit=0.1, bad=None),
    ],
)
def test_it_is_for_ratios_whose_dispersion_nobody_knows(metric) -> None:  # type: ignore[no-untyped-def]
    assert monitor_of(metric).start().gross is None


def test_counts_have_it_too() -> None:
    metric = a_metric(dispersion=None, kind=MetricKind.COUNT, total=None)
    monitor = monitor_of(metric)
    window = EventCounts(treatment=np.array([40.0]), control=np.array([8.0]), share=np.array([0.2]))
    state = monitor.update(monitor.start(), window)
    assert state.gross is not None
    assert state.gross.log_e[0] > 0.0
