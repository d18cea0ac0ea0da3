from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import rel_entr

from analysis.stats import gaps
from analysis.stats.projection import (
    BaseRate,
    RatePair,
    log_factor,
    nearest_at_most_gap_worse,
    nearest_worse_by_both,
)
from engine.core.measure import TrialsReading
from tests.analysis.stats.enumeration import ROUNDING, expectation, table


def divergence(q: RatePair, theta: RatePair, n_t: int, n_c: int) -> float:
    def one(of: float, to: float) -> float:
        return float(rel_entr(of, to) + rel_entr(1 - of, 1 - to))

    return n_t * one(q.treatment, theta.treatment) + n_c * one(q.control, theta.control)


@pytest.mark.parametrize("sizes", [(2, 10), (7, 7), (10, 2)])
@pytest.mark.parametrize("gap", [0.001, 0.05, 0.3])
def test_harm_factor_expects_at_most_one_for_every_pair_inside_the_gap(
    sizes: tuple[int, int], gap: float
) -> None:
    for base, above, rate_c, inside in product(
        (0.001, 0.1, 0.5), (1.3, 3.0), (0.0, 0.01, 0.3, 0.69), (1.0, 0.5)
    ):
        q = RatePair(treatment=base + gap + (1 - base - gap) * (1 - 1 / above), control=base)
        theta = nearest_at_most_gap_worse(q, gap, *sizes)
        assert theta.treatment == pytest.approx(theta.control + gap)

        def factor(reading: TrialsReading, q: RatePair = q, theta: RatePair = theta) -> float:
            return log_factor(reading, q, theta)

        assert expectation(factor, *sizes, (rate_c + gap) * inside, rate_c) <= 1 + ROUNDING


@pytest.mark.parametrize("sizes", [(2, 10), (7, 7), (10, 2)])
@pytest.mark.parametrize(("ratio", "gap"), [(1.5, 0.001), (1.2, 0.05), (1.0, 0.1), (3.0, 0.2)])
def test_promotion_factor_expects_at_most_one_for_every_pair_worse_by_both(
    sizes: tuple[int, int], ratio: float, gap: float
) -> None:
    for base, rate_c, more in product((1e-5, 0.01, 0.1, 0.5, 0.9), (0.0, 0.001, 0.1, 0.3), (0.0, 0.1)):
        q = RatePair(treatment=base, control=base)
        theta = nearest_worse_by_both(q, ratio, gap, *sizes)

        def factor(reading: TrialsReading, q: RatePair = q, theta: RatePair = theta) -> float:
            return log_factor(reading, q, theta)

        rate_t = max(ratio * rate_c, rate_c + gap) + more
        assert expectation(factor, *sizes, min(1.0, rate_t), rate_c) <= 1 + ROUNDING


@given(
    st.floats(1e-6, 0.9),
    st.floats(1.0, 3.0),
    st.floats(1e-4, 0.3),
    st.integers(1, 100_000),
    st.integers(1, 100_000),
)
def test_promotion_projection_is_the_nearest_pair(
    base: float, ratio: float, gap: float, n_t: int, n_c: int
) -> None:
    q = RatePair(treatment=base, control=base)
    theta = nearest_worse_by_both(q, ratio, gap, n_t, n_c)
    assert theta.treatment >= max(ratio * theta.control, theta.control + gap) * (1 - 1e-12)
    highest = min(1 / ratio, 1 - gap)

    def distance(control: float) -> float:
        edge = RatePair(treatment=max(ratio * control, control + gap), control=control)
        return divergence(q, edge, n_t, n_c)

    found = minimize_scalar(distance, bounds=(0.0, highest), method="bounded")
    assert divergence(q, theta, n_t, n_c) <= float(found.fun) * (1 + 1e-9) + 1e-12


@given(
    st.floats(1e-5, 0.5), st.floats(1e-4, 0.3), st.floats(0.01, 0.99), st.integers(1, 9), st.integers(1, 9)
)
def test_harm_projection_is_the_nearest_pair(base: float, gap: float, up: float, n_t: int, n_c: int) -> None:
    q = RatePair(treatment=base + gap + (1 - base - gap) * up, control=base)
    theta = nearest_at_most_gap_worse(q, gap, n_t, n_c)

    def distance(control: float) -> float:
        return divergence(q, RatePair(treatment=control + gap, control=control), n_t, n_c)

    found = minimize_scalar(distance, bounds=(0.0, 1 - gap), method="bounded")
    assert divergence(q, theta, n_t, n_c) <= float(found.fun) * (1 + 1e-9) + 1e-12


def test_rates_too_close_to_one_to_settle_on_still_end_between_the_arms() -> None:
    q = RatePair(treatment=1 - 2e-10, control=0.95 - 1e-9)
    theta = nearest_at_most_gap_worse(q, 0.05, 100, 900)
    assert q.control < theta.control <= q.treatment - 0.05


def test_base_rate_starts_at_the_scale_and_follows_the_data() -> None:
    fresh = BaseRate()
    assert fresh.rate(0.001) == pytest.approx(0.001)
    assert fresh.after(0, 10_000, 0.001).rate(0.001) < 0.0001
    assert fresh.after(500, 10_000, 0.001).rate(0.001) == pytest.approx(0.05, rel=0.03)


def test_base_rate_forgets_an_incident() -> None:
    rate = BaseRate().after(500, 10_000, 0.001)
    for _ in range(200):
        rate = rate.after(0, 1_000, 0.001)
    assert rate.rate(0.001) < 0.0001


def test_harm_beyond_a_gap_expects_at_most_one_and_bets_on_worse() -> None:
    bases = (BaseRate(bad=1.0, total=100.0),)
    for rate_c, inside in product((0.0, 0.02, 0.3), (1.0, 0.3)):
        for alternative in range(4):

            def factor(reading: TrialsReading, place: int = alternative) -> float:
                return float(gaps.increments(bases, [reading], 0.05)[0][0, place])

            assert expectation(factor, 6, 6, (rate_c + 0.05) * inside, rate_c) <= 1 + ROUNDING
    worse, after = gaps.increments(bases, [table(20, 100, 1, 100)], 0.05)
    assert worse.min() > 0
    assert after[0].total > 100


def test_no_bet_is_made_where_nothing_can_be_worse() -> None:
    factors, _ = gaps.increments((BaseRate(bad=99.0, total=100.0),), [table(10, 10, 10, 10)], 0.5)
    assert not factors.any()
