"""A latency histogram as one proportion per bucket bound: the share slower than it. Whole counts only."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from analysis.stats.conditional import binomial_logs
from analysis.stats.mixture import HARM_RATIOS, Floats
from engine.core.measure import Trials, TrialsReading

Places = NDArray[np.intp]


def increments(above: Floats, up_to: Floats, worst_fine: float, mostly_above: Places) -> Floats:
    """Log likelihood ratios of the harm alternatives against the tolerated ratio, shape (bounds, 4).

    `above` are trials above each bound, shape (2, bounds), and `up_to` trials up to it and, last, all trials,
    shape (2, bounds + 1): the treatment's, and both arms' together. `mostly_above` is 1 for the bounds that
    most trials of earlier windows exceeded, else 0: there, "slower" shows in the few trials up to the bound,
    with the ratios inverted.
    """
    less_one, log = _points(worst_fine)
    n_t, n = up_to[:, -1].tolist()
    rare_t, rare = np.where(mostly_above, up_to[:, :-1], above)[:, :, None]
    logs = binomial_logs(
        rare_t, rare, n_t / n, less_one.take(mostly_above, axis=0), log.take(mostly_above, axis=0)
    )
    ratios: Floats = logs[:, :4] - logs[:, 4:]
    return ratios


def readings(above: Floats, up_to: Floats) -> list[TrialsReading]:
    """Per bound, each arm's trials above it; arguments as of `increments`."""
    n_t, n = up_to[:, -1].astype(np.int64).tolist()
    return [
        TrialsReading(control=Trials(bad=both - t, total=n - n_t), treatment=Trials(bad=t, total=n_t))
        for t, both in above.T.astype(np.int64).tolist()
    ]


@lru_cache(maxsize=256)
def _points(worst_fine: float) -> tuple[Floats, Floats]:
    """Ratios minus 1 and as logarithms, shape (2, 5): as they are, and inverted."""
    log = np.log(np.append(HARM_RATIOS * worst_fine, worst_fine))
    both = np.array([log, -log])
    return np.expm1(both), both
