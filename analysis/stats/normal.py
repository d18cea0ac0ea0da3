"""Scores of known scale as evidence: one-sided normal mixture and discrete bets. Asymptotic; knows no metric.

A score is centred under the null and has a known or an observed variance. exp(c S - c^2 V / 2) is an
e-process in the Gaussian limit, and for symmetric scores with V the sum of their squares at any number of
windows (de la Peña, Ann. Probab. 27, 1999). Averaged over a normal c it has a closed form (Robbins 1970;
Howard, Ramdas, McAuliffe and Sekhon, arXiv 1810.08240, equations 14 and 32).
"""

from math import log

import numpy as np
from scipy.special import log_ndtr

from analysis.stats.mixture import Floats, log_mix


def log_e_above(score: Floats, variance: Floats, precision: float) -> Floats:
    """Log e-value against "the score has no positive drift", half-normal prior; arguments broadcast.

    `precision` is the inverse variance of the prior of c: the variance at which half of it is spent.

    >>> float(log_e_above(np.array(0.0), np.array(0.0), 100.0).round(12))
    0.0
    """
    total = variance + precision
    spread = score / np.sqrt(total)
    logs: Floats = 0.5 * (spread * spread - np.log(total / precision)) + log_ndtr(spread) + log(2.0)
    return logs


def half_width(variance: Floats, precision: float, alpha: float) -> Floats:
    """How far a score is from 0, ever, with probability at most alpha: two-sided normal mixture."""
    total = variance + precision
    width: Floats = np.sqrt(total * (2.0 * log(1.0 / alpha) + np.log(total / precision)))
    return width


def log_e_bets(score: Floats, variance: Floats, bets: Floats, log_weights: Floats) -> Floats:
    """Log e-value of a mixture over the bets c, shape (bets,); `score` and `variance` of any shape."""
    return log_mix(score[..., None] * bets - variance[..., None] * (bets**2 / 2.0), log_weights)
