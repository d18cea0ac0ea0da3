"""The smallest threshold whose error rate, up to a declared horizon, is exactly the wanted one.

Ville's log(1/alpha) holds for ever and is paid for in requests; this one holds to the horizon only. Beyond
the horizon, keep log(1/alpha).

A base rate is never known for certain. With a look after every error, an upper bound of it is safe: fewer
errors, over-dispersion and rarer looks only lower the error rate. With `requests_per_look` it is not, because
fewer errors per look are closer to a look after every error.
"""

from dataclasses import replace
from functools import cache
from math import log

from scipy.optimize import brentq

from analysis.design.outcome import walk
from analysis.design.rules import Rule
from analysis.design.traffic import Traffic, Truth

_PRECISION = 1e-4


def error_rate(rule: Rule, traffic: Traffic, base_rate: float) -> float:
    """Probability that the rule fires before the horizon although its null holds, just so.

    The release is as bad as the null's ratio allows, and errors are independent.
    """
    truth = Truth(base_rate=base_rate, ratio=rule.null_ratio)
    if rule.bets_on_more:
        return walk(truth, traffic, rollback=rule, promotion=None).rollback.probability
    return walk(truth, traffic, rollback=None, promotion=rule).promotion.probability


def calibrated_threshold(rule: Rule, alpha: float, traffic: Traffic, base_rate: float) -> float:
    """Log e-value at which the rule's error rate up to the horizon is at most alpha, to four digits.

    Args:
        rule: its own threshold does not matter.
        alpha: wanted error rate, in (0, 1).
        traffic: shares, horizon and floor.
        base_rate: control's share of bad requests.

    Returns:
        A number in (0, log(1/alpha)].

    Raises:
        ValueError: alpha is not in (0, 1).
    """
    if not 0.0 < alpha < 1.0:
        raise ValueError(f"alpha {alpha} is not in (0, 1)")

    @cache
    def surplus(threshold: float) -> float:
        rate = error_rate(replace(rule, log_threshold=threshold), traffic, base_rate)
        return log(max(rate, 1e-300) / alpha)

    low = high = log(1.0 / alpha)
    while low > _PRECISION and surplus(low) <= 0.0:
        low = max(_PRECISION, low - 0.5)
    if surplus(low) <= 0.0:
        return low
    found = float(brentq(surplus, low, high, xtol=_PRECISION))
    while surplus(found) > 0.0:
        found += _PRECISION
    return min(found, high)
