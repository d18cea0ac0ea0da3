from math import log

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from analysis.stats.counts import EventCounts
from analysis.stats.mixture import Floats
from analysis.stats.projection import (
    ArmTrials,
    base_rate,
    log_e_not_worse,
    log_e_worse,
    remembered,
)
from tests.analysis.stats.paths import (
    ROUNDING,
    chance,
    count_chance,
    every_count,
    every_path,
    expectation,
)

rates = st.floats(-6.0, -0.02).map(lambda power: 10.0**power)
gaps = st.floats(-4.0, -0.3).map(lambda power: 10.0**power)
ratios = st.sampled_from([1.0, 1.05, 1.5, 3.0, 11.0])
sizes = st.tuples(st.integers(1, 12), st.integers(1, 20))
inside = st.sampled_from([1.0, 0.7, 0.0])


def arms(window_sizes: tuple[int, int]) -> tuple[ArmTrials, Floats, Floats, Floats, Floats]:
    (window,) = every_path(window_sizes)
    counts = window.bad_t, window.n_t, window.bad_c, window.n_c
    return ArmTrials(bad_t=counts[0], n_t=counts[1], bad_c=counts[2], n_c=counts[3]), *counts


def one(bad_t: float, n_t: float, bad_c: float, n_c: float) -> ArmTrials:
    return ArmTrials(
        bad_t=np.array([bad_t]), n_t=np.array([n_t]), bad_c=np.array([bad_c]), n_c=np.array([n_c])
    )


def events(window: EventCounts) -> ArmTrials:
    return ArmTrials(
        bad_t=window.treatment,
        n_t=window.share,
        bad_c=window.control,
        n_c=1.0 - window.share,
        events=True,
    )


@given(sizes, rates, gaps, st.floats(0.01, 3.0), rates, inside)
@example((12, 1), 0.93, 0.05, 3.0, 0.94, 1.0)
@example((1, 20), 1e-6, 0.5, 0.01, 0.499, 1.0)
@settings(max_examples=300, deadline=None)
def test_harm_beyond_a_gap_expects_at_most_one_wherever_the_bet_is(
    window_sizes: tuple[int, int], base: float, gap: float, up: float, rate_c: float, part: float
) -> None:
    if base + gap >= 0.999 or rate_c + gap > 1.0:
        return
    trials, *_ = arms(window_sizes)
    odds = (base + gap) / (1.0 - base - gap) * np.exp(up)
    worse = np.full_like(trials.bad_t, odds / (1.0 + odds))
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        log_e = log_e_worse(trials, worse, np.full_like(worse, base), gap)
    (window,) = every_path(window_sizes)
    assert expectation(log_e, chance(window, (rate_c + gap) * part, rate_c)) <= 1 + ROUNDING


@given(sizes, rates, ratios, gaps, rates, st.floats(0.0, 1.0))
@example((12, 1), 0.95, 1.05, 0.05, 0.95, 0.0)
@example((1, 20), 0.94, 1.0, 0.05, 0.949, 0.0)
@settings(max_examples=300, deadline=None)
def test_promotion_expects_at_most_one_for_every_pair_worse_by_both(
    window_sizes: tuple[int, int], base: float, ratio: float, gap: float, rate_c: float, beyond: float
) -> None:
    least = max(ratio * rate_c, rate_c + gap)
    if least > 1.0:
        return
    trials, *_ = arms(window_sizes)
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        log_e = log_e_not_worse(trials, np.full_like(trials.bad_t, base), ratio, gap)
    (window,) = every_path(window_sizes)
    rate_t = least + (1.0 - least) * beyond
    assert expectation(log_e, chance(window, rate_t, rate_c)) <= 1 + ROUNDING


@given(
    st.floats(0.05, 0.95),
    st.floats(0.01, 20.0),
    ratios,
    st.floats(0.01, 10.0),
    st.floats(0.0, 8.0),
    st.sampled_from([0.0, 0.5, 4.0]),
)
@settings(max_examples=100, deadline=None)
def test_events_expect_at_most_one_on_either_side(
    share: float, base: float, ratio: float, gap: float, rate_c: float, more: float
) -> None:
    (window,) = every_count(share, most=80)
    bases = np.full_like(window.share, base)
    worse = log_e_worse(events(window), (bases + gap) * 1.7, bases, gap)
    at_gap = count_chance(window, max(0.0, rate_c + gap - more), rate_c)
    assert expectation(worse, at_gap) <= 1 + ROUNDING
    not_worse = log_e_not_worse(events(window), bases, ratio, gap)
    beyond = count_chance(window, max(ratio * rate_c, rate_c + gap) + more, rate_c)
    if beyond.sum() > 1 - 1e-9:
        assert expectation(not_worse, beyond) <= 1 + ROUNDING


@pytest.mark.parametrize("ratio", [1.0, 1.5])
def test_at_rare_events_the_pair_in_the_null_is_the_nearest_so_no_other_bet_grows_faster(
    ratio: float,
) -> None:
    """Expected log e under the alternative is the divergence to the null, smallest over its border."""
    base, gap, n_t, n_c = 0.0004, 0.0005, 100_000.0, 400_000.0
    expected = float(log_e_not_worse(one(base * n_t, n_t, base * n_c, n_c), np.array([base]), ratio, gap)[0])
    border = np.linspace(1e-6, 0.005, 50_001)
    theta_t = np.maximum(border + gap, ratio * border)
    divergence = n_t * (base * np.log(base / theta_t) + theta_t - base) + n_c * (
        base * np.log(base / border) + border - base
    )
    assert expected == pytest.approx(float(divergence.min()), rel=2e-3)


def test_harm_bets_on_worse_and_promotion_on_equal() -> None:
    base = np.array([0.01])
    assert float(log_e_worse(one(20, 100, 1, 100), np.array([0.1]), base, 0.05)[0]) > 1
    assert float(log_e_worse(one(1, 100, 1, 100), np.array([0.1]), base, 0.05)[0]) < 0
    assert float(log_e_not_worse(one(1, 300, 1, 300), base, 1.5, 0.05)[0]) > 1
    assert float(log_e_not_worse(one(30, 300, 1, 300), base, 1.5, 0.05)[0]) < 0


@pytest.mark.parametrize("n", [1.0, 1e12])
def test_numbers_stay_finite_at_the_ends(n: float) -> None:
    base = np.array([1e-9, 0.3, 0.97])
    every = np.array([0.0, n / 2, n])
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        for bad_t in every:
            for bad_c in every:
                window = one(bad_t, n, bad_c, n)
                assert np.isfinite(log_e_not_worse(window, base, 1.5, 0.02)).all()
                assert np.isfinite(log_e_worse(window, base * 0.1 + 0.9, base * 0.9, 0.02)).all()


def test_base_rate_starts_at_the_scale_and_follows_the_data() -> None:
    nothing = np.zeros((1, 2))
    assert base_rate(nothing, 0.001) == pytest.approx([0.001])
    without = remembered(nothing, np.array([0.0]), np.array([10_000.0]), 0.001)
    assert base_rate(without, 0.001)[0] < 0.0001
    some = remembered(nothing, np.array([500.0]), np.array([10_000.0]), 0.001)
    assert base_rate(some, 0.001) == pytest.approx([0.05], rel=0.03)


def test_base_rate_forgets_an_incident() -> None:
    seen = remembered(np.zeros((1, 2)), np.array([500.0]), np.array([10_000.0]), 0.001)
    for _ in range(200):
        seen = remembered(seen, np.zeros(1), np.array([1_000.0]), 0.001)
    assert base_rate(seen, 0.001)[0] < log(2) * 0.0001
