"""Quantiles of one arm's latency from bucket counts, with intervals that hold at all times. Judges nothing.

A histogram knows exactly how many trials were slower than a bucket bound, and nothing in between. So a
quantile is told as the bucket that holds it, and its interval ends at bucket bounds: the confidence sequence
of the share above each bound, inverted (beta-binomial mixture; Howard and others, arXiv 1810.08240).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import log, log1p

from scipy.special import betaln


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantile:
    """One quantile of one arm.

    Attributes:
        level: 0.95 is the latency that 95 % of the trials do not exceed.
        above_s, upto_s: the bucket that holds it as counted; `upto_s` of None is without an upper bound.
        low_s, high_s: bucket bounds between which it is at all times at once, with the stated error; None is
            unbounded.
    """

    level: float
    above_s: float
    upto_s: float | None
    low_s: float
    high_s: float | None


def quantile(
    bounds_s: Sequence[float],
    counts: Sequence[int],
    level: float,
    *,
    alpha: float,
    dispersion: float = 1.0,
) -> Quantile:
    """The quantile of independent trials whose distribution stays the same.

    The interval misses it, ever, with probability at most alpha: half of it for each end. One bound is enough
    for an end, because whatever excludes a bound excludes those beyond it too. With dispersed counts it has
    the weight of as many fewer trials.

    Args:
        bounds_s: finite bucket bounds, ascending.
        counts: trials per bucket, not cumulative, one more than bounds; not all zero.
        level: between 0 and 1.
        alpha: error of the interval.
        dispersion: variance over that of independent trials.
    """
    total = sum(counts)
    above = [total - up_to for up_to in accumulate(counts[:-1])]
    slower = 1.0 - level
    enough = log(2.0 / alpha)
    kept = [_log_e(bad / dispersion, total / dispersion, slower) < enough for bad in above]
    below = [
        s for s, bad, keep in zip(bounds_s, above, kept, strict=True) if not keep and bad > slower * total
    ]
    beyond = [
        s for s, bad, keep in zip(bounds_s, above, kept, strict=True) if not keep and bad < slower * total
    ]
    place = sum(bad > slower * total for bad in above)
    return Quantile(
        level=level,
        above_s=bounds_s[place - 1] if place else 0.0,
        upto_s=bounds_s[place] if place < len(bounds_s) else None,
        low_s=max(below, default=0.0),
        high_s=min(beyond, default=None),
    )


def _log_e(bad: float, total: float, share: float) -> float:
    """Log e-value of the counts against this share, by a mixture with Jeffreys' prior."""
    mixed = float(betaln(bad + 0.5, total - bad + 0.5) - betaln(0.5, 0.5))
    return mixed - bad * log(share) - (total - bad) * log1p(-share)
