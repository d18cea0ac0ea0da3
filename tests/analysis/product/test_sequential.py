"""Bounds against published ones, and against Monte-Carlo-free identities."""

from itertools import pairwise
from math import inf, sqrt

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from analysis.product.margins import shifted
from analysis.product.means import Arm, Contrast
from analysis.product.quantiles import Counts
from analysis.product.result import Lack
from analysis.product.sequential import LEVELS, GroupSequential, bounds, reached, repeated_p, spent, steady
from analysis.product.told import Told
from analysis.product.totals import SCALE, Bucket
from engine.core.model import Bound, Role
from engine.core.product import Method, Spending
from tests.analysis.product.totalling import a_metric, a_plan


def equal(looks: int) -> tuple[float, ...]:
    return tuple(look / looks for look in range(1, looks + 1))


PUBLISHED = {
    Spending.OBRIEN_FLEMING: (4.8769, 3.357, 2.6803, 2.2898, 2.0310),
    Spending.POCOCK: (2.438, 2.4268, 2.4102, 2.3966, 2.386),
    Spending.POWER: (4.0556, 3.5668, 3.2644, 3.0303, 2.8333, 2.6599, 2.5028, 2.3578, 2.2219, 2.0929),
}


@pytest.mark.parametrize("spending", Spending)
def test_published_bounds_are_reproduced(spending: Spending) -> None:
    published = PUBLISHED[spending]
    assert bounds(spending, equal(len(published)), 0.05) == pytest.approx(published, abs=1e-4)


@pytest.mark.parametrize("spending", Spending)
def test_uneven_looks_spend_alpha_exactly(spending: Spending) -> None:
    """The chance to stay inside, as a normal integral over all looks at once."""
    looks = (0.3, 0.45, 1.0)
    limits = np.array(bounds(spending, looks, 0.1))
    times = np.array(looks)
    correlation = np.sqrt(np.minimum.outer(times, times) / np.maximum.outer(times, times))
    inside = multivariate_normal(np.zeros(3), correlation, maxpts=10**6, seed=1).cdf(
        limits, lower_limit=-limits
    )
    assert 1.0 - inside == pytest.approx(0.1, abs=1e-5)


def inside(limits: tuple[float, ...], links: tuple[float, ...]) -> float:
    """The chance that z of all looks is inside, as a normal integral over looks in a chain."""
    grown = np.cumprod([1.0, *links[1:]])
    correlation = np.minimum.outer(grown, grown) / np.maximum.outer(grown, grown)
    several = multivariate_normal(np.zeros(len(limits)), correlation, maxpts=10**6, seed=1)
    return float(several.cdf(np.array(limits), lower_limit=-np.array(limits)))


@pytest.mark.parametrize("spending", Spending)
def test_looks_that_are_less_alike_spend_alpha_exactly(spending: Spending) -> None:
    looks, links = (0.3, 0.6, 1.0), (0.0, 0.2, 0.7)
    assert 1.0 - inside(bounds(spending, looks, 0.1, links), links) == pytest.approx(0.1, abs=1e-5)


@pytest.mark.parametrize("spending", Spending)
def test_looks_that_are_more_alike_than_known_spend_no_more(spending: Spending) -> None:
    looks, known = (0.3, 0.6, 1.0), (0.0, 0.2, 0.3)
    limits = bounds(spending, looks, 0.1, known)
    chances = [1.0 - inside(limits, (0.0, link, after)) for link in (0.2, 0.6) for after in (0.3, 0.9)]
    assert chances[0] == max(chances) == pytest.approx(0.1, abs=1e-5)
    assert chances[-1] < 0.09


def test_looks_that_have_nothing_in_common_are_tested_each_on_its_own() -> None:
    looks, apart = equal(4), (0.0,) * 4
    limits = bounds(Spending.POCOCK, looks, 0.05, apart)
    passed = 0.0
    for look, limit in zip(looks, limits, strict=True):
        stayed = np.prod([1.0 - 2 * norm.sf(before) for before in limits[: looks.index(look)]])
        passed += float(stayed) * 2 * norm.sf(limit)
        assert passed == pytest.approx(2 * spent(Spending.POCOCK, look, 0.025), rel=1e-9)


def test_links_come_from_time_where_nothing_else_is_known() -> None:
    looks = (0.3, 0.45, 1.0)
    assert steady(looks) == pytest.approx((0.0, sqrt(0.3 / 0.45), sqrt(0.45)))
    assert bounds(Spending.POWER, looks, 0.1, steady(looks)) == bounds(Spending.POWER, looks, 0.1)


def test_a_repeated_p_value_knows_how_alike_looks_are() -> None:
    looks, links = equal(3), (0.0, 0.1, 0.5)
    limit = bounds(Spending.OBRIEN_FLEMING, looks, 0.05, links)[-1]
    assert limit > bounds(Spending.OBRIEN_FLEMING, looks, 0.05)[-1]
    assert repeated_p(Spending.OBRIEN_FLEMING, looks, limit, links) == pytest.approx(0.05, rel=1e-3)


@pytest.mark.parametrize("spending", Spending)
def test_all_alpha_is_spent_at_the_end_and_never_less_than_before(spending: Spending) -> None:
    sums = [spent(spending, look, 0.025) for look in equal(20)]
    assert sums[-1] == pytest.approx(0.025)
    assert all(one < other for one, other in pairwise(sums))


def test_one_look_at_the_end_is_the_fixed_test() -> None:
    for spending in Spending:
        assert bounds(spending, (1.0,), 0.05) == pytest.approx([norm.isf(0.025)], rel=1e-9)


def test_alpha_too_small_for_doubles_gives_no_bound_and_is_spent_later() -> None:
    early, late = bounds(Spending.OBRIEN_FLEMING, (0.001, 1.0), 0.05)
    assert early == inf
    assert late == pytest.approx(norm.isf(0.025), rel=1e-6)
    assert bounds(Spending.POCOCK, (1.0,), 1.0) == (0.0,)


def test_looks_are_those_that_are_due() -> None:
    assert reached(0.19, 5) == ()
    assert reached(0.2, 5) == (0.2,)
    assert reached(0.1 + 0.2 + 0.3, 5) == pytest.approx((0.2, 0.4, 0.6))
    assert reached(1.7, 2) == (0.5, 1.0)


@pytest.mark.parametrize("spending", Spending)
@pytest.mark.parametrize("alpha", [0.2, 0.05, 0.013, 1e-4])
def test_a_repeated_p_value_is_the_alpha_whose_bound_is_met(spending: Spending, alpha: float) -> None:
    looks = equal(10)[:6]
    limit = bounds(spending, looks, alpha)[-1]
    assert repeated_p(spending, looks, limit) == pytest.approx(alpha, rel=1e-3)
    assert repeated_p(spending, looks, -limit) == repeated_p(spending, looks, limit)


def test_repeated_p_values_have_ends() -> None:
    assert repeated_p(Spending.POCOCK, (0.5,), 0.0) == 1.0
    assert repeated_p(Spending.POCOCK, (0.5,), 40.0) == pytest.approx(LEVELS[0])


def contrast(lift: float) -> Contrast:
    arm = Arm(units=1000, measured=1.0, mean=1.0, variance=1.0, plain_variance=1.0)
    return Contrast(
        control=arm,
        treatment=Arm(units=1000, measured=1 + lift, mean=1 + lift, variance=1.0, plain_variance=1.0),
    )


def planned(*looks: float, spending: Spending = Spending.OBRIEN_FLEMING) -> GroupSequential:
    return GroupSequential(a_plan(method=Method.GROUP_SEQUENTIAL, looks=5, spending=spending), looks)


def test_an_interval_is_as_wide_as_the_bound_of_its_look() -> None:
    told = planned(0.2, 0.4).told(contrast(0.1))
    assert told is not None
    assert told.relative_interval is not None
    assert (told.interval.high - told.interval.low) / 2 == pytest.approx(3.357 * sqrt(2 / 1000), rel=1e-4)
    assert 0 < told.relative_interval.high - 0.1 < 0.25
    assert (told.p_value < 0.05) == (told.interval.low > 0)


def test_before_anything_is_spent_nothing_is_told() -> None:
    assert planned().told(contrast(0.1)) is None
    assert planned(0.001).told(contrast(0.1)) is None
    assert planned().quantile(counted(0), counted(3), 0.5) is Lack.LOOK


def test_not_worse_is_half_of_the_two_sided_p_value_on_the_good_side() -> None:
    metric = a_metric(role=Role.GUARDRAIL, margin=Bound(absolute=0.1))
    method = planned(0.2, 0.4, 0.6, 0.8, 1.0)
    for lift, worse in ((0.02, False), (-0.3, True)):
        both = contrast(lift)
        told = method.told(both)
        assert told is not None
        p_not_worse = method.with_margin(told, both, shifted(metric, both)).p_not_worse
        shifted_p = repeated_p(Spending.OBRIEN_FLEMING, method.looks, (lift + 0.1) / sqrt(2 / 1000))
        assert p_not_worse == (1.0 if worse else shifted_p / 2)


def counted(shift: int) -> Counts:
    """The numbers 1 to 1,000, moved."""
    return [
        Bucket(low=(value + shift - 1) * SCALE, high=(value + shift) * SCALE, units=1)
        for value in range(1, 1001)
    ]


def test_a_quantile_is_told_with_the_bound_of_its_look() -> None:
    at_end, before = planned(0.2, 0.4, 0.6, 0.8, 1.0), planned(0.2, 0.4)
    late, early = (method.quantile(counted(0), counted(200), 0.5) for method in (at_end, before))
    assert isinstance(late, Told)
    assert isinstance(early, Told)
    assert early.interval.low < late.interval.low < 200 < late.interval.high < early.interval.high
    assert late.p_value < early.p_value
