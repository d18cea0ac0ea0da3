"""Ridit score of a latency histogram: did the treatment draw the slower ranks of the window?

Each trial is scored by its mid-rank in the window's pooled buckets. Under equal distributions, which arm a
trial belongs to is exchangeable, so the score's variance is known from the pooled counts (permutation
variance). The sum of scores becomes an e-process by a one-sided normal mixture (see `normal`), which is
asymptotic: exact for normal scores, close for windows with tens of trials per arm.
"""

import numpy as np

from analysis.stats.mixture import Floats
from analysis.stats.normal import log_e_above
from analysis.stats.numbers import larger

PRIOR_PRECISION = 4.0
"""Variance at which half of the prior is spent: bets sized for a latency shift of about a quarter.

Larger values find small shifts sooner and lean less on normality, smaller ones find large shifts sooner.
"""


def scores(treatment: Floats, pooled: Floats, drift: float) -> Floats:
    """The window's (score, variance), shape (runs, 2).

    `treatment` and `pooled` (both arms) are trials per bucket, shape (runs, buckets). `drift` is the
    tolerated excess of P(treatment slower) + P(equal)/2 over 1/2; it is subtracted.
    """
    n_t, n = np.add.reduce(treatment, axis=-1), np.add.reduce(pooled, axis=-1)
    whole = larger(n, 1.0)
    centred = (np.add.accumulate(pooled, axis=-1) - pooled / 2) / whole[..., None] - 0.5
    pairs = (n - n_t) * n_t / whole
    variance = pairs / larger(n - 1.0, 1.0) * np.add.reduce(pooled * centred * centred, axis=-1)
    return np.array([np.add.reduce(treatment * centred, axis=-1) - drift * pairs, variance]).T


def log_e(score: Floats, variance: Floats, dispersion: Floats) -> Floats:
    """Log e-value from a summed score and variance, one-sided: only slower treatments count."""
    return log_e_above(score / dispersion, variance / dispersion, PRIOR_PRECISION)
