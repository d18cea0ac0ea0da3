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
def start_weights(started: int) -> Floats:
    """Weights of `started` start points and, last, of all that have not started (shape started + 1).

    >>> float(start_weights(5).sum().round(12))
    1.0
    """
    later = [0.5 / (k * (k + 1)) for k in range(1, started)]
    return np.array([0.5, *later, 0.5 / started])


def mix_starts(log_e: Floats, weights: Floats) -> float:
    """Log of the mixture over start points and over the e-values that each of them averages.

    `log_e` has shape (started, averaged), oldest start first; `weights`, shape (averaged,), add up to 1.
    """
    by_start = start_weights(len(log_e))
    top = max(0.0, float(log_e.max()))
    started = by_start[:-1].dot(np.exp(log_e - top).dot(weights))
    return top + log(float(started) + float(by_start[-1]) * exp(-top))


def with_new_start(sums: Floats) -> Floats:
    """Sums by start point (first axis) with one more start, at zero."""
    return np.concatenate([sums, np.zeros((1, *sums.shape[1:]))])
