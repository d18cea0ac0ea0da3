"""How much more than independent trials a metric's windows vary, estimated while the run goes. Judges no run.

Retry storms, one bad instance or slow swings of one arm make windows vary more than the counts allow, and
stay so for a while. The test divides its evidence by the dispersion: variance of sums over many windows, over
that of independent trials. It is estimated by blocking (Flyvbjerg and Petersen, J. Chem. Phys. 91, 461,
1989): sums over blocks of 1, 2, 4, ... windows, neighbouring blocks compared with each other, so that a
lasting difference between the arms, which is what the test is after, does not count as dispersion.

Long blocks are rare in a short run. There the estimate leans on that of half the length, and goes on growing
where it has grown so far. While a run is young it leans on a prior: arms whose levels swing by themselves,
so slowly that a young run cannot know. Errors of up to 1 % swing most, commoner trials less (by the square
root of the rate), values and latencies by a seventh of it (`CALM`).
"""

from dataclasses import dataclass

import numpy as np

from analysis.stats.mixture import Floats

LEVELS = 7
"""Blocks of 1 to 64 windows."""
_PRIOR_DISPERSION = 1.3
_PRIOR_WINDOWS = 20.0
"""Windows that the prior of the shortest block is worth."""
_LEAN = 16.0
"""Blocks that the estimate of half the length is worth."""
_GROWTH = 3.0
_SWING = 50.0
"""Without history a young run is assumed to swing: dispersion 1 + 50 per unit of a window's information on
the log level: a level of its own for each arm, of standard deviation 0.5, correlated over some 20 windows.

With it, at most 5 % of runs whose arms swing just so (AR(1) 0.95) are rolled back falsely.
"""
_SWING_WINDOWS = 20.0
"""Windows that this assumption is worth."""
_CLUMPS = 3.0
"""At least so much is assumed beyond 1: trials or values that come in threes, however little windows tell."""
SWINGING_RATE = 0.01
"""Rates above this swing less."""
CALM = 0.14
"""Values and latencies swing by this part of what errors do: a seventh."""
TOO_LONG = 2.2
"""Dispersion of long blocks over that of short ones from which correlation is too long for a verdict."""
_JUDGED_FROM = 20
_NOTHING = 1e-300
"""Instead of zero as a denominator."""
_OUTLYING = 5.0
"""A contrast counts as at most so many times the usual: harm that begins late is one huge contrast."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Blocks:
    """Sums over blocks of windows; axes are runs, tracked scores, and block lengths 1, 2, 4, ...

    Attributes:
        windows: how many so far, the same for all runs.
        growing: (score, variance) of the block that is not full yet, shape (runs, scores, levels, 2).
        latest: of the latest full one. sums: squared contrasts, their expectation, their number (..., 3).
        information: summed variance of the windows, shape (runs, scores).
    """

    windows: int
    growing: Floats
    latest: Floats
    sums: Floats
    information: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dispersion:
    """What is used, shape (runs,), and long blocks over short ones, shape (runs,)."""

    value: Floats
    growth: Floats


def no_blocks(runs: int, scores: int) -> Blocks:
    """Nothing seen."""
    shape = (runs, scores, LEVELS)
    return Blocks(
        windows=0,
        growing=np.zeros((*shape, 2)),
        latest=np.zeros((*shape, 2)),
        sums=np.zeros((*shape, 3)),
        information=np.zeros((runs, scores)),
    )


def with_window(blocks: Blocks, scores: Floats) -> Blocks:
    """With one more window's (score, variance), shape (runs, scores, 2); zeros where nothing was measured."""
    windows = blocks.windows + 1
    growing = blocks.growing + scores[:, :, None, :]
    full = min(LEVELS, (windows & -windows).bit_length())
    new, old = growing[:, :, :full], blocks.latest[:, :, :full]
    share = old[..., 1] / np.maximum(new[..., 1] + old[..., 1], _NOTHING)
    contrast = new[..., 0] * share - old[..., 0] * (1.0 - share)
    expected = new[..., 1] * share
    sums, latest = blocks.sums.copy(), blocks.latest.copy()
    added = sums[:, :, :full]
    squared = np.minimum(contrast * contrast, _OUTLYING * _typical(added) * expected)
    added += np.array([squared, expected, expected > 0.0]).transpose(1, 2, 3, 0)
    latest[:, :, :full] = new
    growing[:, :, :full] = 0.0
    return Blocks(
        windows=windows,
        growing=growing,
        latest=latest,
        sums=sums,
        information=blocks.information + scores[:, :, 1],
    )


def _typical(sums: Floats) -> Floats:
    """Squared contrasts over their expectation so far, each leaning on that of half the length."""
    number = sums[..., 2]
    told, lean = number * (sums[..., 0] / np.maximum(sums[..., 1], _NOTHING)), _LEAN + number
    found = np.empty_like(told)
    typical: Floats | float = _PRIOR_DISPERSION
    for level in range(told.shape[-1]):
        typical = found[..., level] = (_LEAN * typical + told[..., level]) / lean[..., level]
    return found


def estimated(blocks: Blocks, expected_ratio: Floats, swinging: Floats) -> Dispersion:
    """The dispersion as it can be known now, at least 1.

    `expected_ratio`, shape (runs, scores), is how much a difference between the arms as large as observed
    raises the variance of independent trials. `swinging`, of the same shape, is the information of all
    windows on the log level of an arm (see `increments.Method`), 0 where arms do not swing.
    """
    value, shortest = _longest(blocks, expected_ratio)
    windows = float(blocks.windows)
    excess = np.maximum(_SWING * swinging / max(windows, 1.0), _CLUMPS * (swinging > 0.0))
    assumed = 1.0 + excess
    young = (_SWING_WINDOWS * assumed + windows * value) / (_SWING_WINDOWS + windows)
    growth = value / shortest
    used = np.maximum(np.maximum(value, young), 1.0)
    judged = growth if blocks.windows > _JUDGED_FROM else np.ones_like(growth)
    return Dispersion(value=used.max(axis=1), growth=judged.max(axis=1))


def _longest(blocks: Blocks, expected_ratio: Floats) -> tuple[Floats, Floats]:
    """Dispersion of the longest blocks and the smaller of the two shortest's, shapes (runs, scores)."""
    squared, expected, number = blocks.sums[..., 0], blocks.sums[..., 1], blocks.sums[..., 2]
    told = number * (squared / np.maximum(expected, _NOTHING) / expected_ratio[..., None])
    value = (_PRIOR_WINDOWS * _PRIOR_DISPERSION + told[..., 0]) / (_PRIOR_WINDOWS + number[..., 0])
    lean = _LEAN + number
    shortest, growth = value, np.ones(value.shape)
    for level in range(1, LEVELS):
        longer = (_LEAN * value * growth + told[..., level]) / lean[..., level]
        growth = np.minimum(np.maximum(longer / value, 1.0), _GROWTH)
        value = longer
        if level == 1:
            shortest = np.minimum(shortest, value)
    return value, shortest
