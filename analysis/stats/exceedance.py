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


def increments(above: Floats, totals: Floats, worst_fine: float, mostly_above: Floats) -> Floats:
    """Log likelihood ratios of the harm alternatives against the tolerated ratio, shape (bounds, 4).

    `above` are trials above each bound, shape (arms, bounds), and `totals` all trials, shape (arms, 1);
    control first. `mostly_above` is 1 for the bounds that most trials of earlier windows exceeded, else 0:
    there, "slower" shows in the few trials below the bound, with the ratios inverted.
    """
    less_one, log = _points(worst_fine)
    rare = np.where(mostly_above, totals - above, above)
    n_c, n_t = totals[:, 0].tolist()
    logs = binomial_logs(
        rare[1][:, None],
        (rare[0] + rare[1])[:, None],
        n_t / (n_t + n_c),
        less_one.take(mostly_above, axis=0),
        log.take(mostly_above, axis=0),
    )
    ratios: Floats = logs[:, :4] - logs[:, 4:]
    return ratios


def readings(above: Floats, totals: Floats) -> list[TrialsReading]:
    """Per bound, both arms' trials above it; arguments as of `increments`."""
    n_c, n_t = totals[:, 0].tolist()
    return [
        TrialsReading(control=Trials(bad=int(c), total=int(n_c)), treatment=Trials(bad=int(t), total=int(n_t)))
        for c, t in above.T.tolist()
    ]


@lru_cache(maxsize=256)
def _points(worst_fine: float) -> tuple[Floats, Floats]:
    """Ratios minus 1 and as logarithms, shape (2, 5): as they are, and inverted."""
    log = np.log(np.append(HARM_RATIOS * worst_fine, worst_fine))
    both = np.array([log, -log])
    return np.expm1(both), both
