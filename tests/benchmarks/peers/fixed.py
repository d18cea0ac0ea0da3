"""Tests made for one look or a few planned ones, applied at every look, as dashboards are read.

The group-sequential boundaries are computed here by recursive numerical integration (Armitage, McPherson and
Rowe 1969), from nothing but the normal density.
"""

from collections.abc import Sequence
from functools import cache
from math import sqrt

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

from tests.benchmarks.peers.streams import Bools, Floats, Streams

PLANNED_LOOKS = 10
TEA_TASTING_Z_FROM = 1_000
"""Requests from which tea-tasting uses its z test; below it takes Barnard's, which is left out here."""
_LOWEST = -8.0
_GRID = 401


def pooled_z(bad_t: Floats, n_t: Floats, bad_c: Floats, n_c: Floats, *, corrected: bool = False) -> Floats:
    """z of the difference of two proportions with pooled variance; 0 where it is undefined.

    `corrected` moves the difference towards 0 by half a request of each arm (Yates).
    """
    pooled = (bad_t + bad_c) / (n_t + n_c)
    per_arm = 1 / n_t + 1 / n_c
    difference = bad_t / n_t - bad_c / n_c
    if corrected:
        difference = np.sign(difference) * np.maximum(np.abs(difference) - per_arm / 2, 0)
    spread = np.sqrt(pooled * (1 - pooled) * per_arm)
    z: Floats = np.divide(difference, spread, out=np.zeros_like(difference), where=spread > 0)
    return z


def naive_one_sided(streams: Streams, alpha: float) -> Bools:
    """One-sided z at each look; the same as "chance to win above 95 %" with a flat prior."""
    crosses: Bools = pooled_z(*streams.so_far) > norm.isf(alpha)
    return crosses


def naive_two_sided(streams: Streams, alpha: float) -> Bools:
    """Two-sided z at each look, where the treatment is worse."""
    crosses: Bools = pooled_z(*streams.so_far) > norm.isf(alpha / 2)
    return crosses


def tea_tasting(streams: Streams, alpha: float) -> Bools:
    """tea-tasting's Proportion at each look with its defaults: two-sided, continuity-corrected z."""
    _, n_t, _, n_c = totals = streams.so_far
    crosses: Bools = pooled_z(*totals, corrected=True) > norm.isf(alpha / 2)
    return crosses & (n_t + n_c >= TEA_TASTING_Z_FROM)


def group_sequential(streams: Streams, alpha: float, *, two_sided: bool) -> Bools:
    """O'Brien and Fleming's boundaries at ten equally spaced looks."""
    looks = streams.treatment.shape[1]
    planned = np.arange(1, PLANNED_LOOKS + 1) * looks // PLANNED_LOOKS - 1
    bounds = obrien_fleming_bounds(alpha, PLANNED_LOOKS, two_sided=two_sided)
    z = pooled_z(*(total[:, planned] for total in streams.so_far))
    crosses = np.zeros(streams.treatment.shape, dtype=np.bool_)
    crosses[:, planned] = z >= bounds
    return crosses


@cache
def obrien_fleming_bounds(alpha: float, looks: int, *, two_sided: bool) -> Floats:
    """Upper bounds of z at equally spaced looks, C sqrt(looks / k)."""
    shape = np.sqrt(looks / np.arange(1, looks + 1))
    bounds: Floats = shape * _scale(shape, alpha, two_sided=two_sided)
    return bounds


def pocock_bound(alpha: float, looks: int) -> float:
    """The two-sided bound of z that is the same at each of equally spaced looks."""
    return _scale(np.ones(looks), alpha, two_sided=True)


def _scale(shape: Floats, alpha: float, *, two_sided: bool) -> float:
    def excess(scale: float) -> float:
        return float(crossing_chances(tuple(scale * shape), two_sided=two_sided).sum()) - alpha

    return float(brentq(excess, 1.0, 4.0, xtol=1e-9))


def crossing_chances(bounds: Sequence[float], *, two_sided: bool) -> Floats:
    """Probability, without effect, of the first crossing at each of equally spaced looks.

    Brownian motion at times 1, 2, ...; its density short of all earlier bounds is carried from look to
    look on a Simpson grid over the region that continues.
    """
    chances, points, density = [], np.zeros(1), np.ones(1)
    for look, bound in enumerate(bounds, start=1):
        top = bound * sqrt(look)
        low = -top if two_sided else _LOWEST * sqrt(look)
        over = norm.sf(top - points) + (norm.cdf(low - points) if two_sided else 0.0)
        chances.append(float(density @ over))
        grid = np.linspace(low, top, _GRID)
        density = _simpson(grid) * (density @ norm.pdf(grid[None, :] - points[:, None]))
        points = grid
    return np.array(chances)


def _simpson(grid: Floats) -> Floats:
    weights = np.full(len(grid), 2.0)
    weights[1::2] = 4.0
    weights[[0, -1]] = 1.0
    scaled: Floats = weights * (grid[1] - grid[0]) / 3
    return scaled
