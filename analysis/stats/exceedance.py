"""A latency histogram as one proportion per bucket bound: the share slower than it. Whole counts only."""

from functools import lru_cache

import numpy as np

from analysis.stats.conditional import binomial_logs
from analysis.stats.mixture import HARM_RATIOS, Floats
from engine.core.measure import Trials, TrialsReading


def above_bounds(counts: Floats) -> Floats:
    """Trials above each finite bound, from trials per bucket (last axis, one more than bounds)."""
    below = counts.cumsum(axis=-1)
    above: Floats = below[..., -1:] - below[..., :-1]
    return above


def increments(control: Floats, treatment: Floats, worst_fine: float, mostly_above: Floats) -> Floats:
    """Log likelihood ratios of the harm alternatives against the tolerated ratio, shape (bounds, 4).

    `control` and `treatment` are trials per bucket. `mostly_above` is 1 for the bounds that most trials of
    earlier windows exceeded, else 0: there, "slower" shows in the few trials below the bound, with the
    ratios inverted.
    """
    n_c, n_t = control.sum(), treatment.sum()
    above_t, above_c = above_bounds(treatment), above_bounds(control)
    log, less_one, less_one_inverted = _points(worst_fine)
    flip = mostly_above[:, None] > 0.0
    rare_t = np.where(mostly_above, n_t - above_t, above_t)[:, None]
    rare = np.where(mostly_above, n_t + n_c - above_t - above_c, above_t + above_c)[:, None]
    logs = binomial_logs(
        rare_t,
        rare,
        n_t / (n_t + n_c),
        np.where(flip, less_one_inverted, less_one),
        np.where(flip, -log, log),
    )
    ratios: Floats = logs[:, :4] - logs[:, 4:]
    return ratios


def readings(control: Floats, treatment: Floats) -> list[TrialsReading]:
    """Per bound, both arms' trials above it."""
    n_c, n_t = int(control.sum()), int(treatment.sum())
    return [
        TrialsReading(control=Trials(bad=int(c), total=n_c), treatment=Trials(bad=int(t), total=n_t))
        for c, t in zip(above_bounds(control), above_bounds(treatment), strict=True)
    ]


@lru_cache(maxsize=256)
def _points(worst_fine: float) -> tuple[Floats, Floats, Floats]:
    log = np.log(np.append(HARM_RATIOS * worst_fine, worst_fine))
    return log, np.expm1(log), np.expm1(-log)
