"""Closed forms of other people's anytime-valid tests, vectorised.

Those of gbstats and savvi are checked against the packages in each run; avlm is an R package, checked against
a published value. All are two-sided; here they alarm when they reject and the treatment is the worse arm.
"""

from math import log, sqrt

import numpy as np
from scipy.special import betaln

from tests.benchmarks.peers.streams import Bools, Floats, Streams

GROWTHBOOK_REQUESTS = 5_000
"""Default tuning: requests of both arms at which the interval is narrowest."""
SAVVI_CONCENTRATION = 100.0


def growthbook_log_e(
    bad_t: Floats,
    n_t: Floats,
    bad_c: Floats,
    n_c: Floats,
    *,
    alpha: float,
    tuning: float = GROWTHBOOK_REQUESTS,
) -> Floats:
    """Log e-value against "no relative difference"; 0 where the package refuses to answer.

    Asymptotic confidence sequence of Waudby-Smith and others (arXiv 2103.06476, equations 9, 155 and 161),
    with the delta method's unpooled variance of the relative difference.
    """
    p_t, p_c = bad_t / n_t, bad_c / n_c
    usable = (bad_t > 0) & (bad_c > 0) & (bad_t < n_t) & (bad_c < n_c)
    safe = np.where(usable, p_c, 0.5)
    variance = p_t * (1 - p_t) / (safe**2 * n_t) + safe * (1 - safe) * p_t**2 / (safe**4 * n_c)
    n = n_t + n_c
    rho2 = (-2 * log(alpha) + log(1 - 2 * log(alpha))) / tuning
    spread = n * rho2 + 1
    relative = p_t / safe - 1
    score = np.divide(relative**2 * n, variance, out=np.zeros_like(relative), where=usable)
    log_e: Floats = np.where(usable, rho2 * score / (2 * spread) - 0.5 * np.log(spread), 0.0)
    return log_e


def growthbook_interval(
    bad_t: float, n_t: float, bad_c: float, n_c: float, *, alpha: float, tuning: float, relative: bool
) -> tuple[float, float]:
    """Lower and upper end of the confidence sequence of the (relative) difference, by equation 9."""
    p_t, p_c = bad_t / n_t, bad_c / n_c
    scale = p_c if relative else 1.0
    slope = p_t / p_c if relative else 1.0
    variance = (p_t * (1 - p_t) / n_t + slope**2 * p_c * (1 - p_c) / n_c) / scale**2
    return _around((p_t - p_c) / scale, variance, n_t + n_c, alpha, tuning)


def _around(estimate: float, variance: float, n: float, alpha: float, tuning: float) -> tuple[float, float]:
    rho2 = (-2 * log(alpha) + log(1 - 2 * log(alpha))) / tuning
    spread = n * rho2 + 1
    width = sqrt(variance * n) * sqrt(2 * spread / (n**2 * rho2) * log(sqrt(spread) / alpha))
    return estimate - width, estimate + width


def growthbook_mean_interval(
    means: tuple[float, float],
    variances: tuple[float, float],
    sizes: tuple[int, int],
    *,
    alpha: float,
    tuning: float,
) -> tuple[float, float]:
    """The same for the relative difference of two means, given as (control, treatment)."""
    slope = means[1] / means[0]
    variance = (variances[1] / sizes[1] + slope**2 * variances[0] / sizes[0]) / means[0] ** 2
    return _around(slope - 1, variance, sum(sizes), alpha, tuning)


def savvi_log_odds(bad_t: Floats, bad_c: Floats, share: Floats | float) -> Floats:
    """Log posterior odds against "the treatment has its share of the bad requests".

    Dirichlet mixture of Lindon and Malek (arXiv 2011.03567) at concentration 100.
    """
    a, b = SAVVI_CONCENTRATION * share, SAVVI_CONCENTRATION * (1 - share)
    expected = bad_t * np.log(share) + bad_c * np.log1p(-np.asarray(share))
    log_odds: Floats = betaln(a + bad_t, b + bad_c) - betaln(a, b) - expected
    return log_odds


def linear_model_log_e(bad_t: Floats, n_t: Floats, bad_c: Floats, n_c: Floats, *, g: float = 1.0) -> Floats:
    """Log e-value of avlm's t test for the treatment's coefficient, g = 1 by default; 0 without variance.

    Lindon, Ham, Tingley and Bojinov (arXiv 2210.08589). Each request is a 0 or 1 of an ordinary regression.
    """
    p_t, p_c, n = bad_t / n_t, bad_c / n_c, n_t + n_c
    freedom = n - 2
    residual = n_t * p_t * (1 - p_t) + n_c * p_c * (1 - p_c)
    variance = residual / freedom * (1 / n_t + 1 / n_c)
    t2 = np.divide((p_t - p_c) ** 2, variance, out=np.zeros_like(n), where=variance > 0) / freedom
    shrink = g / (g + n)
    log_e: Floats = 0.5 * np.log(shrink) + 0.5 * (freedom + 1) * (np.log1p(t2) - np.log1p(shrink * t2))
    return log_e


def linear_model_crosses(streams: Streams, alpha: float) -> Bools:
    """avlm's test at each look, running totals."""
    bad_t, n_t, bad_c, n_c = totals = streams.so_far
    crosses: Bools = linear_model_log_e(*totals) >= log(1 / alpha)
    return crosses & (bad_t * n_c > bad_c * n_t)


def growthbook_crosses(streams: Streams, alpha: float) -> Bools:
    """GrowthBook's sequential test at each look, running totals, default settings."""
    bad_t, n_t, bad_c, n_c = totals = streams.so_far
    crosses: Bools = growthbook_log_e(*totals, alpha=alpha) >= log(1 / alpha)
    return crosses & (bad_t * n_c > bad_c * n_t)


def savvi_crosses(streams: Streams, alpha: float) -> Bools:
    """savvi's Poisson process test at each look, running totals, the share so far as the planned one."""
    bad_t, n_t, bad_c, n_c = streams.so_far
    share = n_t / (n_t + n_c)
    crosses: Bools = savvi_log_odds(bad_t, bad_c, share) >= log(1 / alpha)
    return crosses & (bad_t * n_c > bad_c * n_t)
