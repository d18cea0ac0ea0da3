"""Planned looks that share out alpha: group-sequential bounds, repeated intervals and p-values.

Lan and DeMets (Biometrika 70, 1983): the chance of a false alarm up to a share t of the planned time, of
either side, is a spending function of t. Bounds follow by integrating the density of paths that were inside
at all looks before (Armitage, McPherson and Rowe 1969), Gauss-Legendre in between. Intervals are repeated
ones (Jennison and Turnbull 1989), so each holds at its look whether or not one stopped before.

Alpha may be spent along time (Lan and DeMets, Statistics in Medicine 8, 1989), but how alike the estimates of
two looks are depends on what was known at each, which `looks.links` bounds from below. Such bounds are on the
safe side: the chance that z of a chain of looks stays inside symmetric limits does not fall when a link
between two looks grows (Royen, arXiv 1408.1028, for the looks before it and those after; with a link of 0 it
is Sidak's inequality, 1967). Knows nothing of metrics.
"""

from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import pairwise
from math import e, exp, floor, inf, log1p, sqrt
from typing import assert_never

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from analysis.product import quantiles
from analysis.product.means import Contrast
from analysis.product.quantiles import Counts, Places
from analysis.product.result import Interval, Lack
from analysis.product.told import Told
from analysis.stats.mixture import Floats
from engine.core.product import ProductPlan, Spending

FARTHEST = 38.0
"""Standard deviations beyond which the normal tail is no double."""
NODES, WEIGHTS = np.polynomial.legendre.leggauss(80)
"""Of the integration between two bounds: exact to 1e-8 for 100 looks."""
LEVELS = tuple(float(level) for level in np.logspace(-10.0, 0.0, 41))
"""At which repeated p-values are tabulated; those between are interpolated, smaller ones are the first."""


def reached(information: float, looks: int) -> tuple[float, ...]:
    """Shares of time of the planned looks up to now, the last one where it really is; empty before the first.

    >>> reached(0.55, 4)
    (0.25, 0.55)
    """
    done = floor(min(information, 1.0) * looks + 1e-9)
    if done == 0:
        return ()
    return (*(step / looks for step in range(1, done)), min(information, 1.0))


def spent(spending: Spending, information: float, alpha: float) -> float:
    """Chance of a false alarm up to this share of time, of one side whose whole chance is `alpha`."""
    match spending:
        case Spending.OBRIEN_FLEMING:
            return 2.0 * float(ndtr(ndtri(alpha / 2.0) / sqrt(information)))
        case Spending.POCOCK:
            return alpha * log1p((e - 1.0) * information)
        case Spending.POWER:
            return alpha * information**3
        case _:
            assert_never(spending)


def steady(looks: tuple[float, ...]) -> tuple[float, ...]:
    """Correlation of each look's estimate with that before, if information comes as evenly as time; first 0.

    >>> steady((0.25, 1.0))
    (0.0, 0.5)
    """
    return (0.0, *(sqrt(before / now) for before, now in pairwise(looks)))


@lru_cache(maxsize=512)
def bounds(
    spending: Spending, looks: tuple[float, ...], alpha: float, links: tuple[float, ...] | None = None
) -> tuple[float, ...]:
    """Two-sided limits of |z| at the looks, each side with half of alpha.

    Args:
        spending: how alpha is shared out.
        looks: share of the planned time at each, ascending, in (0, 1].
        alpha: of both sides together, over all looks.
        links: at least how correlated z of each look is with that of the look before, in [0, 1), 0 for the
            first; None: as `steady` has it. Too small ones make limits too large, never too small.
    """
    found: list[float] = []
    places, density, used = np.zeros(1), np.ones(1), 0.0
    for share, link in zip(looks, steady(looks) if links is None else links, strict=True):
        centres, spread = link * places, sqrt(1.0 - link**2)
        chance = spent(spending, share, alpha / 2.0) - used
        limit = _limit(centres, density, spread, chance)
        found.append(limit)
        if limit < inf:
            used += chance
        places, density = _inside(centres, density, spread, min(limit, 9.0))
    return tuple(found)


def _limit(centres: Floats, density: Floats, spread: float, chance: float) -> float:
    """What a path that was inside passes now with this chance; infinite where it is too small for doubles."""

    def excess(limit: float) -> float:
        return float(density @ ndtr((centres - limit) / spread)) - chance

    if chance <= 0.0 or excess(FARTHEST) >= 0.0:
        return inf
    return float(brentq(excess, 0.0, FARTHEST, xtol=1e-13, rtol=1e-13)) if excess(0.0) > 0.0 else 0.0


def _inside(centres: Floats, density: Floats, spread: float, limit: float) -> tuple[Floats, Floats]:
    """Points between the limits, and the weight of the paths that are there now and were inside before."""
    there = NODES * limit
    steps = (there[:, None] - centres[None, :]) / spread
    kernel = np.exp(-0.5 * steps**2) / (spread * sqrt(2.0 * np.pi))
    return there, (kernel @ density) * WEIGHTS * limit


def repeated_p(
    spending: Spending, looks: tuple[float, ...], z: float, links: tuple[float, ...] | None = None
) -> float:
    """The smallest alpha whose bound at the last look |z| reaches: valid at every look, for any alpha."""
    logs = _log_levels(spending, looks, links)
    return exp(float(logs(min(z * z, float(logs.x[-1])))))


@lru_cache(maxsize=64)
def _log_levels(
    spending: Spending, looks: tuple[float, ...], links: tuple[float, ...] | None
) -> PchipInterpolator:
    """From squared limits of the last look to the logarithm of the alpha that each belongs to."""
    limits = np.array([*(bounds(spending, looks, level, links)[-1] for level in LEVELS[:-1]), 0.0])
    finite = np.isfinite(limits)
    return PchipInterpolator(limits[finite][::-1] ** 2, np.log(LEVELS)[finite][::-1])


@dataclass(frozen=True, slots=True)
class GroupSequential:
    """The method with planned looks; `looks` and `links`, as `bounds` has them, are those up to now."""

    plan: ProductPlan
    looks: tuple[float, ...]
    links: tuple[float, ...] | None = None

    def told(self, contrast: Contrast) -> Told | None:
        """What the contrast says at this look; None while no alpha to speak of was spent."""
        limit = self._limit(self.plan.alpha)
        if limit == inf:
            return None
        half = limit * contrast.standard_error
        return Told(
            interval=Interval(low=contrast.difference - half, high=contrast.difference + half),
            relative_interval=contrast.relative_within(limit),
            p_value=self._p_value(contrast.difference / contrast.standard_error),
        )

    def with_margin(self, told: Told, contrast: Contrast, shifted: Contrast) -> Told:
        """The same with the one-sided p-value of "worse by the margin or more"."""
        z = shifted.difference / shifted.standard_error
        return replace(told, p_not_worse=self._p_value(z) / 2.0 if z > 0.0 else 1.0)

    def quantile(self, control: Counts, treatment: Counts, level: float) -> Told | Lack:
        """What the counts say of a quantile: as at one look, but with p-values repeated over the looks."""
        if self._limit(self.plan.alpha / 2.0) == inf:
            return Lack.LOOK
        pair = quantiles.placed(control, treatment, partial(self._repeated, level=level))
        return quantiles.told(pair, self.plan.alpha, quantiles.p_value(pair))

    def _limit(self, alpha: float) -> float:
        return bounds(self.plan.spending, self.looks, alpha, self.links)[-1] if self.looks else inf

    def _p_value(self, z: float) -> float:
        return repeated_p(self.plan.spending, self.looks, z, self.links)

    def _repeated(self, arm: Places, level: float) -> Floats:
        z_values = -ndtri(np.exp(-quantiles.once(arm, level)) / 2.0)
        return -np.log([self._p_value(float(z)) for z in z_values])
