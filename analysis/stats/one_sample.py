"""One arm against a declared limit: binomial likelihood ratios. The control does not enter.

exp(increment) has expectation at most 1 in a window whose bad rate is on the null's side of the limit: the
likelihood ratio of a larger against a smaller rate grows with the number of bad trials.
"""

from bisect import bisect_left
from functools import lru_cache
from math import log

import numpy as np

from analysis.stats.mixture import HARM_RATIOS, Floats, log_mix
from engine.core.measure import Trials

BELOW_ODDS: Floats = np.array([0.1, 0.5, 0.8])
"""Odds relative to the limit's odds in the alternatives of a promotion test."""
BELOW_LOG_WEIGHTS: Floats = np.log([0.4, 0.4, 0.2])


@lru_cache(maxsize=256)
def _slopes(limit: float) -> tuple[Floats, Floats]:
    """Log likelihood ratio per bad and per good trial: four alternatives above the limit, three below."""
    odds = limit / (1.0 - limit) * np.concatenate([HARM_RATIOS, BELOW_ODDS])
    return np.log(odds / (1.0 + odds)) - np.log(limit), -np.log1p(odds) - np.log1p(-limit)


def increments(trials: Trials, limit: float) -> tuple[Floats, Floats]:
    """Log likelihood ratios against the limit of rates above it (shape (4,)) and below it (shape (3,))."""
    per_bad, per_good = _slopes(limit)
    logs: Floats = trials.bad * per_bad + (trials.total - trials.bad) * per_good
    return logs[:4], logs[4:]


def fewest_good(limit: float, alpha: float) -> int:
    """How many trials, all of them good, show with error `alpha` that the rate is below the limit.

    >>> fewest_good(0.05, 0.05)
    81
    """
    _, per_good = _slopes(limit)

    def log_e(count: int) -> float:
        return float(log_mix(count * per_good[4:], BELOW_LOG_WEIGHTS))

    enough = 1
    while log_e(enough) < -log(alpha):
        enough *= 2
    return bisect_left(range(enough), -log(alpha), key=log_e)
