"""Start points: harm that begins late must not be masked by a healthy past. Knows no metric and no clock.

The run's first window has prior weight 1/2; the k-th later start has 1/2 * 1/(k(k+1)). Terms that have not
started count as 1, so the sum is an e-process from the first window on, however many starts are opened.
"""

from functools import cache
from math import exp, log

import numpy as np

from analysis.stats.mixture import Floats

MAX_STARTS = 64
"""No more start points than this are opened; it bounds time and state."""


@cache
def log_start_weights(started: int) -> Floats:
    """Log weights of `started` start points and, last, of all that have not started (shape started + 1).

    >>> float(np.exp(log_start_weights(5)).sum().round(12))
    1.0
    """
    later = [0.5 / (k * (k + 1)) for k in range(1, started)]
    return np.log([0.5, *later, 0.5 / started])


def mix_starts(logs: Floats) -> float:
    """Log of the mixture over start points, each of which has an e-value that is a sum.

    `logs` are the logarithms of what is added up, shape (started, parts), oldest start first.
    """
    log_weights = log_start_weights(len(logs))
    weighted = logs + log_weights[:-1, None]
    waiting = float(log_weights[-1])
    top = max(float(weighted.max()), waiting)
    return top + log(float(np.exp(weighted - top).sum()) + exp(waiting - top))


def with_new_start(sums: Floats) -> Floats:
    """Sums by start point (first axis) with one more start, at zero."""
    return np.concatenate([sums, np.zeros((1, *sums.shape[1:]))])
