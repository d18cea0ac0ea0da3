"""Quantiles over units from bucket counts, without any assumption on the distribution. Interpolates nothing.

A place is a stretch between two neighbouring bucket bounds. A quantile lies above a bound x if fewer than its
share of the units do not exceed x, and so each place has a binomial test of either side. A variant's interval
is all places that are not rejected at half of alpha; treatment minus control lies between the differences of
their ends (Bonferroni). No difference means that both lie in some place: what speaks least against any place
speaks against that.

Evidence, at any time: binomial likelihood ratios, averaged over a beta prior on the other side of the share
(Howard and Ramdas, Bernoulli 28, 2022, beta-binomial mixture), which are e-processes for all shares on this
side: the expected ratio grows with the share, and is 1 at its end. Once, or at planned looks: the order
statistics' binomial tails. That looks may be many supposes units whose numbers are complete: an open window
moves the quantile itself from look to look, in all variants alike, and an interval is about the latest.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import exp, log
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, bdtrc, betaincc, betaln

from analysis.product.result import Interval, Lack
from analysis.product.told import Told
from analysis.product.totals import SCALE, Bucket
from analysis.stats.mixture import Floats

PRIOR_UNITS = 1000.0
"""Weight of the prior in units: bounds are narrowest, in standard errors, at some 8,000 units. They are about
a quarter wider at a tenth of that, and a sixth at 100 times as many."""
SMALLEST = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """One variant's counts at bounds that all variants share.

    Attributes:
        upto, perhaps: units surely, and possibly, not above each bound; shape (bounds,).
    """

    units: int
    upto: NDArray[np.int64]
    perhaps: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """What speaks against each place holding the quantile, per variant; shape (bounds + 1,).

    In minus logarithms of p-values, or logarithms of e-values: at a limit of -log(alpha) a place is out.
    """

    bounds: NDArray[np.int64]
    control: Floats
    treatment: Floats


Counts = Sequence[Bucket]


def units_of(counts: Counts) -> int:
    """How many units are in the buckets."""
    return sum(each.units for each in counts)


def value(counts: Counts, level: float) -> float | None:
    """Upper bound of the bucket that holds the quantile, as counted; None without units."""
    ordered = sorted((each for each in counts if each.units), key=lambda each: each.high)
    sums = list(accumulate(each.units for each in ordered))
    # Units times a level like 0.9 may miss the whole number that it means by a rounding error.
    holds = (
        each.high / SCALE for each, sum_ in zip(ordered, sums, strict=True) if sum_ >= level * sums[-1] - 1e-6
    )
    return next(holds, None)


def placed(control: Counts, treatment: Counts, against: Callable[[Places], Floats]) -> Pair:
    """Both variants' counts, tested at the bounds of either."""
    bounds = np.unique([bound for each in (*control, *treatment) for bound in (each.low, each.high)])
    return Pair(
        bounds=bounds,
        control=against(_places(control, bounds)),
        treatment=against(_places(treatment, bounds)),
    )


def p_value(pair: Pair) -> float:
    """Of "no difference", from two variants' p-values: Bonferroni in every place, then the largest."""
    return min(1.0, 2.0 * exp(-float(np.min(np.maximum(pair.control, pair.treatment)))))


def told(pair: Pair, alpha: float, p_value: float, evidence: float | None = None) -> Told | Lack:
    """The intervals that go with this; a lack of units where data do not bound a quantile on both sides."""
    control = _interval(pair.bounds, pair.control, alpha / 2.0)
    treatment = _interval(pair.bounds, pair.treatment, alpha / 2.0)
    if control is None or treatment is None:
        return Lack.UNITS
    return Told(
        interval=Interval(low=treatment.low - control.high, high=treatment.high - control.low),
        relative_interval=_ratio(control, treatment),
        p_value=p_value,
        evidence=evidence,
    )


def at_any_time(arm: Places, level: float) -> Floats:
    """Log e-values against each place holding the quantile of this level."""
    below = _log_e(arm.upto, arm.units, level)
    above = _log_e(arm.units - arm.perhaps, arm.units, 1.0 - level)
    either: Floats = np.logaddexp(np.append(-np.inf, below), np.append(above, -np.inf)) - log(2.0)
    return either


def once(arm: Places, level: float) -> Floats:
    """Minus log p-values against each place holding the quantile of this level."""
    below = bdtrc(arm.upto - 1, arm.units, level)
    above = bdtr(arm.perhaps, arm.units, level)
    p_values = 2.0 * np.minimum(np.append(1.0, below), np.append(above, 1.0))
    against: Floats = -np.log(np.clip(p_values, SMALLEST, 1.0))
    return against


def _log_e(hits: NDArray[np.int64], units: int, share: float) -> Floats:
    """Log e-values against "at most this share are hits"."""
    prior = (PRIOR_UNITS * share, PRIOR_UNITS * (1.0 - share))
    now = (prior[0] + hits, prior[1] + (units - hits))
    with np.errstate(divide="ignore"):  # a chance too small for a double makes an e-value of 0
        mixed = betaln(*now) + np.log(betaincc(*now, share))
    before = betaln(*prior) + log(float(betaincc(*prior, share)))
    return np.asarray(mixed - before - hits * log(share) - (units - hits) * log(1.0 - share))


def _places(counts: Counts, bounds: NDArray[np.int64]) -> Places:
    """Counts at these bounds."""
    units = np.array([each.units for each in counts])

    def counted(ends: Sequence[int], side: Literal["left", "right"]) -> NDArray[np.int64]:
        order = np.argsort(ends)
        sums = np.append(0, np.cumsum(units[order]))
        found: NDArray[np.int64] = sums[np.searchsorted(np.array(ends)[order], bounds, side=side)]
        return found

    return Places(
        units=int(units.sum()),
        upto=counted([each.high for each in counts], "right"),
        perhaps=counted([each.low for each in counts], "left"),
    )


def _interval(bounds: NDArray[np.int64], against: Floats, alpha: float) -> Interval | None:
    kept = np.flatnonzero(against < -log(alpha))
    if kept[0] == 0 or kept[-1] == len(bounds):
        return None
    return Interval(low=float(bounds[kept[0] - 1]) / SCALE, high=float(bounds[kept[-1]]) / SCALE)


def _ratio(control: Interval, treatment: Interval) -> Interval | None:
    """Treatment over control minus 1; None unless both are surely positive."""
    if control.low <= 0.0 or treatment.low <= 0.0:
        return None
    return Interval(low=treatment.low / control.high - 1.0, high=treatment.high / control.low - 1.0)
