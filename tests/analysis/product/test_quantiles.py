"""Quantiles from counts: against order statistics, and enumerated chances."""

from functools import partial
from math import exp, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, quantile_test

from analysis.product import quantiles
from analysis.product.anytime import Anytime
from analysis.product.fixed import Fixed
from analysis.product.quantiles import Counts, Places
from analysis.product.result import Lack
from analysis.product.told import Told
from analysis.product.totals import SCALE, Bucket
from tests.analysis.product.totalling import a_plan


def exact(values: list[int]) -> Counts:
    """A bucket for every value that occurs."""
    found, units = np.unique(values, return_counts=True)
    return [
        Bucket(low=int(v) * SCALE - 1, high=int(v) * SCALE, units=int(n))
        for v, n in zip(found, units, strict=True)
    ]


def test_a_quantile_is_the_smallest_number_that_enough_units_do_not_exceed() -> None:
    counts = exact([5, 1, 2, 3, 4, 6, 7, 8, 9, 10])
    assert [quantiles.value(counts, level) for level in (0.05, 0.1, 0.5, 0.51, 0.9, 0.99)] == [
        1,
        1,
        5,
        6,
        9,
        10,
    ]
    assert quantiles.value((), 0.5) is None
    assert quantiles.value([Bucket(low=0, high=1, units=0)], 0.5) is None
    assert quantiles.units_of(counts) == 10


def test_an_interval_of_one_look_is_that_of_order_statistics() -> None:
    values = np.random.default_rng(1).permutation(np.arange(1, 501))
    pair = quantiles.placed(exact(list(values)), exact(list(values)), partial(quantiles.once, level=0.8))
    told = quantiles.told(pair, 0.1, 1.0)
    assert isinstance(told, Told)
    theirs = quantile_test(values, p=0.8).confidence_interval(confidence_level=0.95)
    assert told.interval.high == pytest.approx(theirs.high - theirs.low, abs=1.001)
    assert told.interval.low == -told.interval.high


@given(st.integers(1, 40), st.floats(0.05, 0.95), st.floats(0.05, 0.95))
def test_evidence_expects_at_most_one_wherever_the_share_is(units: int, level: float, share: float) -> None:
    """Of either side, for every share on the other one: summed over all counts."""
    hits = np.arange(units + 1)
    chances = binom.pmf(hits, units, share)
    if share <= level:
        assert chances @ np.exp(quantiles._log_e(hits, units, level)) <= 1 + 1e-9
    if 1 - share <= 1 - level:
        assert chances @ np.exp(quantiles._log_e(units - hits, units, 1 - level)) <= 1 + 1e-9


@given(st.integers(1, 60), st.floats(0.05, 0.95))
def test_a_place_that_holds_the_quantile_is_seldom_rejected(units: int, level: float) -> None:
    """The middle one of three, with the level's share of the units below both of its bounds."""
    hits = np.arange(units + 1)
    chances = binom.pmf(hits, units, level)
    places = [Places(units=units, upto=np.array([n, n]), perhaps=np.array([n, n])) for n in hits]
    e_values = [exp(min(700.0, quantiles.at_any_time(each, level)[1])) for each in places]
    p_values = [exp(-quantiles.once(each, level)[1]) for each in places]
    assert chances @ np.array(e_values) <= 1 + 1e-9
    for alpha in (0.01, 0.1, 0.5):
        assert chances @ (np.array(p_values) <= alpha) <= alpha + 1e-9


def test_counts_on_the_other_side_are_never_evidence_however_many() -> None:
    hits = np.array([0, 1, 400_000, 499_000])
    assert np.all(quantiles._log_e(hits, 1_000_000, 0.5) < 0)
    assert np.all(quantiles._log_e(1_000_000 - hits[:3], 1_000_000, 0.5) > log(20))


def test_counts_inside_a_bucket_speak_for_neither_side() -> None:
    """Where the other variant has bounds inside a bucket, its units may be on either side of them."""
    coarse, fine = [Bucket(low=0, high=100 * SCALE, units=100)], exact(list(range(1, 101)))
    seen: list[Places] = []

    def kept(arm: Places) -> np.ndarray:
        seen.append(arm)
        return quantiles.once(arm, 0.5)

    quantiles.placed(coarse, fine, kept)
    assert set(seen[0].upto) == {0, 100}
    assert set(seen[0].perhaps) == {0, 100}
    assert np.all(seen[0].upto <= seen[0].perhaps)


METHODS = (Anytime(a_plan()), Fixed(a_plan()))


@pytest.mark.parametrize("method", METHODS, ids=["anytime", "fixed"])
def test_a_planted_shift_is_found_and_bounded(method: Anytime | Fixed) -> None:
    told = method.quantile(exact(list(range(1, 3001))), exact(list(range(1001, 4001))), 0.5)
    assert isinstance(told, Told)
    assert 500 < told.interval.low < 1000 < told.interval.high < 1500
    assert told.p_value < 1e-6
    assert told.relative_interval is not None
    assert told.relative_interval.low < 1000 / 1500 < told.relative_interval.high


@pytest.mark.parametrize("method", METHODS, ids=["anytime", "fixed"])
def test_no_difference_is_not_found(method: Anytime | Fixed) -> None:
    told = method.quantile(exact(list(range(1, 3001))), exact(list(range(1, 3001))), 0.9)
    assert isinstance(told, Told)
    assert told.p_value == 1.0
    assert told.interval.low < 0 < told.interval.high


@pytest.mark.parametrize("method", METHODS, ids=["anytime", "fixed"])
def test_too_few_units_do_not_bound_a_quantile(method: Anytime | Fixed) -> None:
    for level in (0.001, 0.999):
        assert method.quantile(exact(list(range(1, 101))), exact(list(range(1, 101))), level) is Lack.UNITS


def test_a_bound_at_any_time_is_wider_than_at_one_time() -> None:
    counts = exact(list(range(1, 3001)))
    always, once = (method.quantile(counts, counts, 0.5) for method in METHODS)
    assert isinstance(always, Told)
    assert isinstance(once, Told)
    assert once.interval.high < always.interval.high
    assert always.evidence is not None
    assert always.evidence < log(20)
    assert once.evidence is None


def test_zeros_have_no_relative_interval() -> None:
    told = Fixed(a_plan()).quantile(exact([0] * 900 + [5] * 100), exact([0] * 900 + [5] * 100), 0.5)
    assert isinstance(told, Told)
    assert told.relative_interval is None
    assert told.interval.high == pytest.approx(0.0, abs=2 / SCALE)
