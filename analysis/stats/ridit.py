"""Ridit score of a latency histogram: did the treatment draw the slower ranks of the window?

Each trial is scored by its mid-rank in the window's pooled buckets. Under equal distributions, which arm a
trial belongs to is exchangeable, so the score's variance is known from the pooled counts (permutation
variance). The sum of scores becomes an e-process by a one-sided normal mixture (Robbins; Howard and others,
arXiv 1810.08240), which is asymptotic: exact for normal scores, close for windows with tens of trials per
arm.
"""

from math import log

import numpy as np
from scipy.special import log_ndtr

from analysis.stats.mixture import Floats

PRIOR_PRECISION = 4.0
"""Variance at which half of the prior is spent: bets sized for a latency shift of about a quarter.

Larger values find small shifts sooner and lean less on normality, smaller ones find large shifts sooner.
"""

_LOG_SCALE = log(2.0) + 0.5 * log(PRIOR_PRECISION)


def score(counts: Floats, up_to: Floats, drift: float) -> Floats:
    """The window's (score, variance), shape (2,); each arm has at least one trial.

    `counts` are trials per bucket and `up_to` their running sums, shape (2, buckets): the treatment's, and
    both arms' together. `drift` is the tolerated excess of P(treatment slower) + P(equal)/2 over 1/2; it is
    subtracted.
    """
    n_t, n = up_to[:, -1].tolist()
    treatment, pooled = counts
    centred = (up_to[1] - pooled / 2) / n - 0.5
    pairs = (n - n_t) * n_t / n
    variance = pairs / (n - 1) * float(pooled.dot(centred**2))
    return np.array([float(treatment.dot(centred)) - drift * pairs, variance])


def log_e(sums: Floats) -> Floats:
    """Log e-value from summed (score, variance), shape (..., 2), one-sided: only slower treatments count."""
    total = sums[..., 1] + PRIOR_PRECISION
    spread = sums[..., 0] / np.sqrt(total)
    logs: Floats = 0.5 * (spread**2 - np.log(total)) + log_ndtr(spread) + _LOG_SCALE
    return logs
