"""Planned looks that share out alpha: group-sequential bounds, repeated intervals and p-values.

Lan and DeMets (Biometrika 70, 1983): the chance of a false alarm up to information t, of either side, is a
spending function of t. Bounds follow by integrating the density of paths that were inside at all looks before
(Armitage, McPherson and Rowe 1969), Gauss-Legendre in between. Intervals are repeated ones (Jennison and
Turnbull 1989), so each holds at its look whether or not one stopped before. Knows nothing of metrics.
"""

from dataclasses import dataclass, replace
from functools import lru_cache, partial
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
    """Information of the planned looks up to now, the last one where it really is; empty before the first.

    >>> reached(0.55, 4)
    (0.25, 0.55)
    """
    done = floor(min(information, 1.0) * looks + 1e-9)
    if done == 0:
        return ()
    return (*(step / looks for step in range(1, done)), min(information, 1.0))


def spent(spending: Spending, information: float, alpha: float) -> float:
    """Chance of a false alarm up to this information, of one side whose whole chance is `alpha`."""
    match spending:
        case Spending.OBRIEN_FLEMING:
            return 2.0 * float(ndtr(ndtri(alpha / 2.0) / sqrt(information)))
        case Spending.POCOCK:
            return alpha * log1p((e - 1.0) * information)
        case Spending.POWER:
            return alpha * information**3
        case _:
            assert_never(spending)


@lru_cache(maxsize=512)
def bounds(spending: Spending, looks: tuple[float, ...], alpha: float) -> tuple[float, ...]:
    """Two-sided limits of |z| at the looks, each side with half of alpha.

    Args:
        spending: how alpha is shared out.
        looks: information of each, ascending, in (0, 1].
        alpha: of both sides together, over all looks.
    """
    found: list[float] = []
    places, density = np.zeros(1), np.ones(1)
    before, used = 0.0, 0.0
    for information in looks:
        step = sqrt(information - before)
        chance = spent(spending, information, alpha / 2.0) - used
        limit = _limit(places, density, step, chance, sqrt(information))
        found.append(limit / sqrt(information))
        if limit < inf:
            used += chance
        places, density = _inside(places, density, step, min(limit, 9.0 * sqrt(information)))
        before = information
    return tuple(found)


def _limit(places: Floats, density: Floats, step: float, chance: float, spread: float) -> float:
    """What a path that was inside passes now with this chance; infinite where it is too small for doubles."""

    def excess(limit: float) -> float:
        return float(density @ ndtr((places - limit) / step)) - chance

    if chance <= 0.0 or excess(FARTHEST * spread) >= 0.0:
        return inf
    return float(brentq(excess, 0.0, FARTHEST * spread, xtol=1e-13, rtol=1e-13)) if excess(0.0) > 0.0 else 0.0


def _inside(places: Floats, density: Floats, step: float, limit: float) -> tuple[Floats, Floats]:
    """Points between the limits, and the weight of the paths that are there now and were inside before."""
    there = NODES * limit
    steps = (there[:, None] - places[None, :]) / step
    kernel = np.exp(-0.5 * steps**2) / (step * sqrt(2.0 * np.pi))
    return there, (kernel @ density) * WEIGHTS * limit


def repeated_p(spending: Spending, looks: tuple[float, ...], z: float) -> float:
    """The smallest alpha whose bound at the last look |z| reaches: valid at every look, for any alpha."""
    logs = _log_levels(spending, looks)
    return exp(float(logs(min(z * z, float(logs.x[-1])))))


@lru_cache(maxsize=64)
def _log_levels(spending: Spending, looks: tuple[float, ...]) -> PchipInterpolator:
    """From squared limits of the last look to the logarithm of the alpha that each belongs to."""
    limits = np.array([*(bounds(spending, looks, level)[-1] for level in LEVELS[:-1]), 0.0])
    finite = np.isfinite(limits)
    return PchipInterpolator(limits[finite][::-1] ** 2, np.log(LEVELS)[finite][::-1])


@dataclass(frozen=True, slots=True)
class GroupSequential:
    """The method with planned looks; `looks` is the information of those up to now."""

    plan: ProductPlan
    looks: tuple[float, ...]

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
        return bounds(self.plan.spending, self.looks, alpha)[-1] if self.looks else inf

    def _p_value(self, z: float) -> float:
        return repeated_p(self.plan.spending, self.looks, z)

    def _repeated(self, arm: Places, level: float) -> Floats:
        z_values = -ndtri(np.exp(-quantiles.once(arm, level)) / 2.0)
        return -np.log([self._p_value(float(z)) for z in z_values])
