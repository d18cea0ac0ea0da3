"""Quantiles stand in buckets, their intervals end at bucket bounds and hold at all times."""

from math import lgamma, log

import numpy as np
import pytest

from analysis.stats.quantiles import quantile

BOUNDS_S = (0.1, 0.25, 0.5, 1.0)


def test_a_quantile_is_in_the_bucket_in_which_its_share_is_reached():
    found = quantile(BOUNDS_S, (40, 40, 15, 4, 1), 0.95, alpha=0.05)
    assert (found.above_s, found.upto_s) == (0.25, 0.5)
    assert quantile(BOUNDS_S, (40, 40, 14, 5, 1), 0.95, alpha=0.05).upto_s == 1.0


def test_a_quantile_beyond_the_last_bound_has_no_upper_end():
    found = quantile(BOUNDS_S, (0, 0, 0, 0, 5_000), 0.5, alpha=0.05)
    assert (found.above_s, found.upto_s, found.low_s, found.high_s) == (1.0, None, 1.0, None)


def test_few_trials_bound_nothing():
    found = quantile(BOUNDS_S, (1, 1, 1, 0, 0), 0.95, alpha=0.05)
    assert (found.low_s, found.high_s) == (0.0, None)


def test_an_interval_narrows_to_the_bucket_with_more_trials():
    wide = quantile(BOUNDS_S, (20, 40, 30, 8, 2), 0.5, alpha=0.05)
    narrow = quantile(BOUNDS_S, tuple(100 * each for each in (20, 40, 30, 8, 2)), 0.5, alpha=0.05)
    assert (narrow.low_s, narrow.high_s) == (0.1, 0.25)
    assert wide.low_s <= narrow.low_s
    assert wide.high_s is None or wide.high_s >= narrow.high_s


@pytest.mark.parametrize(("errors", "excluded"), [(0, False), (1, True)])
def test_a_bound_is_excluded_where_the_beta_binomial_mixture_says_so(errors, excluded):
    """By its own formula: n of n trials above, against a share of one half, with half of alpha."""
    n = 1
    while lgamma(n + 0.5) - lgamma(0.5) - lgamma(n + 1) + n * log(2) < log(2 / 0.05):
        n += 1
    found = quantile((1.0,), (0, n - 1 + errors), 0.5, alpha=0.05)
    assert (found.low_s == 1.0) is excluded


def test_dispersed_counts_exclude_less():
    assert quantile(BOUNDS_S, (20, 80, 0, 0, 0), 0.5, alpha=0.05).low_s == 0.1
    assert quantile(BOUNDS_S, (20, 80, 0, 0, 0), 0.5, alpha=0.05, dispersion=5.0).low_s == 0.0


@pytest.mark.parametrize("level", [0.5, 0.95])
def test_intervals_miss_at_any_look_no_more_often_than_they_may(level):
    """The true quantile is just below the second bound, where a miss is easiest; looked at 40 times."""
    shares = np.array([level - 0.02, 0.02, 1 - level])
    rng = np.random.default_rng(20_261_123)
    missed = 0
    for _ in range(300):
        counts = np.zeros(3, dtype=int)
        for _ in range(40):
            counts += rng.multinomial(50, shares)
            found = quantile((0.1, 0.2), counts.tolist(), level, alpha=0.2)
            if found.low_s > 0.1 or (found.high_s is not None and found.high_s < 0.2):
                missed += 1
                break
    assert missed <= 0.2 * 300 + 2 * (300 * 0.2 * 0.8) ** 0.5
