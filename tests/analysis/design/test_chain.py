"""The chain against every path there is, and against published rules whose lines are drawn here."""

from itertools import product

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import betainc, betaln, xlogy

from analysis.design.chain import ends

ERRORS = 5250  # what 50,000 treatment requests bring at a rate of 1.5 % against 1 %, a tenth of the traffic
COUNT = np.arange(1, ERRORS + 1)
ONE_BY_ONE, NEVER = np.ones(ERRORS, dtype=int), np.full(ERRORS, -1)
SHARE = 0.1
LOG_20 = np.log(20.0)


def test_ends_are_those_of_all_paths():
    new, share = np.array([1, 1, 2, 1, 1, 2]), np.array([0.2, 0.2, 0.5, 0.5, 0.7, 0.7])
    up, down = np.array([2, 2, 3, 4, 4, 5]), np.array([-1, -1, 0, -1, 1, 2])
    rollback, promotion = np.zeros(6), np.zeros(6)
    per_error = np.repeat(share, new)
    for path in product((0, 1), repeat=8):
        chance = np.prod(np.where(path, per_error, 1.0 - per_error))
        for look, y in enumerate(np.cumsum(path)[np.cumsum(new) - 1]):
            if y >= up[look] or y <= down[look]:
                (rollback if y >= up[look] else promotion)[look] += chance
                break

    ended = ends(new, share, up, down)

    assert ended.rollback == pytest.approx(rollback)
    assert ended.promotion == pytest.approx(promotion)
    assert 0.1 < rollback.sum() < 0.9
    assert 0.1 < promotion.sum() < 0.9


def test_rollback_comes_before_promotion():
    ended = ends(np.array([1]), np.array([0.5]), np.array([0]), np.array([1]))

    assert ended.rollback.tolist() == [1.0]
    assert ended.promotion.tolist() == [0.0]


def test_beta_mixture_as_in_savvi_and_its_one_sided_form():
    # Lindon and Malek's closed form with a prior worth 100 errors
    def two_sided(m, y):
        logs = betaln(10 + y, 90 + m - y) - betaln(10, 90)
        return logs - y * np.log(SHARE) - (m - y) * np.log(1 - SHARE)

    def one_sided(m, y):
        upper, prior = betainc(10 + y, 90 + m - y, SHARE), betainc(10, 90, SHARE)
        return two_sided(m, y) + np.log1p(-np.minimum(upper, 1 - 1e-16)) - np.log1p(-prior)

    assert round(100 * false_alarms(two_sided, LOG_20), 2) == 1.47
    assert round(100 * false_alarms(one_sided, LOG_20), 2) == 3.33


def test_binomial_maxsprt_with_four_errors_at_least():
    critical = brentq(lambda c: false_alarms(max_llr, c) - 0.05, 3.9, 4.1, xtol=2e-4)
    line = first_at_or_above(max_llr, critical)

    assert false_alarms(max_llr, critical) == pytest.approx(0.05, abs=1e-4)
    assert mean_requests(line, 1.5) == pytest.approx(3697, rel=1e-3)
    assert mean_requests(line, 2.0) == pytest.approx(1094, rel=1e-3)


def max_llr(m, y):
    llr = xlogy(y, y / m / SHARE) + xlogy(m - y, (1 - y / m) / (1 - SHARE))
    return np.where(y >= 4, llr, -1.0)


def first_at_or_above(log_e, threshold):
    """Fewest treatment errors, above the expected share, at which a rule that grows from there on fires."""
    low, high = np.ceil(SHARE * COUNT).astype(int) - 1, COUNT + 1
    while np.any(high - low > 1):
        middle = np.minimum((low + high) // 2, COUNT)
        fires = log_e(COUNT, np.maximum(middle, 0)) >= threshold
        inside = high - low > 1
        low, high = np.where(inside & ~fires, middle, low), np.where(inside & fires, middle, high)
    return high


def false_alarms(log_e, threshold):
    line = first_at_or_above(log_e, threshold)
    return ends(ONE_BY_ONE, np.full(ERRORS, SHARE), line, NEVER).rollback.sum()


def mean_requests(line, ratio):
    q = SHARE * ratio / (1 - SHARE + SHARE * ratio)
    at = ends(ONE_BY_ONE, np.full(ERRORS, q), line, NEVER).rollback
    return COUNT @ at * SHARE / (0.01 * (1 - SHARE + SHARE * ratio))
