"""Confidence sequences: intervals that hold at all times at once, by inverting e-processes."""

from math import exp, log, log1p

import numpy as np
from scipy.special import betaln

from analysis.stats.mixture import Floats, log_mix
from analysis.stats.normal import half_width

_GRID: Floats = np.log(20.0) * np.sinh(np.linspace(-2.0, 2.0, 61)) / np.sinh(2.0)
GRID_RATIOS: Floats = np.exp(_GRID)
"""Candidate risk ratios from 1/20 to 20, denser around 1."""

_PRIOR: Floats = np.gradient(_GRID) / (1.0 + (_GRID / 0.5) ** 2)
_LOG_PRIOR: Floats = np.log(_PRIOR / _PRIOR.sum())


def ratio_interval(sums: Floats, alpha: float) -> tuple[float | None, float | None]:
    """Risk ratios that the windows so far do not contradict: (low, high), two-sided at level alpha.

    `sums` is the binomial-form log likelihood summed over windows at `GRID_RATIOS`, over the dispersion;
    alpha bounds the probability that the sequence ever misses the true ratio. None where no candidate of a
    side is excluded.
    """
    log_e = log_mix(sums, _LOG_PRIOR) - sums
    limit = log(1.0 / alpha)
    return _edge(log_e[::-1], _GRID[::-1], limit), _edge(log_e, _GRID, limit)


def _edge(log_e: Floats, candidates: Floats, limit: float) -> float | None:
    """Where, going along the candidates, the log e-value rises to the limit for good.

    Between two candidates a line through the two before it errs on the wide side, because the log e-value is
    convex in the log ratio.
    """
    kept = log_e < limit
    kept[int(np.argmin(log_e))] = True
    last = int(np.flatnonzero(kept)[-1])
    if last + 1 == len(candidates):
        return None
    edge = float(candidates[last + 1])
    rise = float(log_e[last] - log_e[last - 1]) if last > 0 else 0.0
    if rise > 0.0 and log_e[last] < limit:
        step = float(candidates[last] - candidates[last - 1]) / rise
        reached = float(candidates[last]) + step * float(limit - log_e[last])
        edge = min(edge, reached) if step > 0.0 else max(edge, reached)
    return exp(edge)


_XTOL, _RTOL = 2e-12, 4.0 * float(np.finfo(np.float64).eps)
"""How exactly the log of a share is found by bisection, absolutely and relative to it."""


def share_interval(bad: float, total: float, alpha: float) -> tuple[float, float]:
    """Shares of bad trials that the counts so far do not contradict, for one arm with a constant rate.

    Beta-binomial mixture with Jeffreys' prior (Howard and others, arXiv 1810.08240). `total` is positive.
    Counts are divided by the dispersion beforehand, so they need not be whole.
    """
    return _lowest_share(bad, total, alpha), 1.0 - _lowest_share(total - bad, total, alpha)


def _lowest_share(bad: float, total: float, alpha: float) -> float:
    threshold = float(betaln(bad + 0.5, total - bad + 0.5) - betaln(0.5, 0.5)) + log(alpha)
    if bad == 0:
        return 0.0
    if bad == total:
        return exp(threshold / total)

    low, high = -700.0, log(bad / total)
    step = high - low
    while True:
        step *= 0.5
        middle = low + step
        excess = threshold - bad * middle - (total - bad) * log1p(-exp(middle))
        if excess >= 0.0:
            low = middle
        if excess == 0.0 or step < _XTOL - _RTOL * middle:
            return exp(middle)


_FINE: Floats = np.log(20.0) * np.linspace(-1.0, 1.0, 4001)


def value_ratio_interval(sums: Floats, dispersion: float, alpha: float) -> tuple[float | None, float | None]:
    """Ratios of means that the windows so far do not contradict, two-sided at level alpha.

    `sums` are the treatment's and control's weighted sums and the variance's three coefficients, shape (5,),
    scaled as `values.ValuesMethod` does. None where no candidate of a side is excluded, or all are.
    """
    treatment, control, squared, linear, constant = sums.tolist()
    ratios = np.exp(_FINE)
    variance = np.maximum(squared / ratios**2 + linear / ratios + constant, 0.0) * dispersion
    kept = np.abs(treatment / ratios - control) <= half_width(variance, dispersion, alpha)
    if not kept.any() or kept.all():
        return None, None
    inside = np.flatnonzero(kept)
    low, high = int(inside[0]), int(inside[-1])
    return (
        float(ratios[low]) if low else None,
        float(ratios[high]) if high + 1 < len(ratios) else None,
    )
