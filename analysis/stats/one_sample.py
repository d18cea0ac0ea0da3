"""One arm against a declared limit: binomial likelihood ratios. The control does not enter.

exp(increment) has expectation at most 1 in a window whose bad rate is on the null's side of the limit: the
likelihood ratio of a larger against a smaller rate grows with the number of bad trials (Wald 1945).
"""

from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache
from math import log

import numpy as np

from analysis.stats.counts import Counts, TrialCounts
from analysis.stats.dispersion import SWINGING_RATE
from analysis.stats.increments import Increments, Widths
from analysis.stats.mixture import Floats, log_mix

ABOVE_ODDS: Floats = np.array([1.3, 1.5, 2.2, 5.0])
"""Odds relative to the limit's odds in the alternatives of a harm test."""
ABOVE_LOG_WEIGHTS: Floats = np.log([0.2, 0.4, 0.3, 0.1])
BELOW_ODDS: Floats = np.array([0.1, 0.5, 0.8])
"""Odds relative to the limit's odds in the alternatives of a promotion test."""
BELOW_LOG_WEIGHTS: Floats = np.log([0.4, 0.4, 0.2])
_ABOVE = len(ABOVE_ODDS)


@lru_cache(maxsize=256)
def _slopes(limit: float) -> tuple[Floats, Floats]:
    """Log likelihood ratio per bad and per good trial: alternatives above the limit, then those below."""
    odds = limit / (1.0 - limit) * np.concatenate([ABOVE_ODDS, BELOW_ODDS])
    return np.log(odds / (1.0 + odds)) - np.log(limit), -np.log1p(odds) - np.log1p(-limit)


def log_ratios(bad: Floats, total: Floats, limit: float) -> tuple[Floats, Floats]:
    """Log likelihood ratios against the limit of rates above it (..., 4) and below it (..., 3)."""
    per_bad, per_good = _slopes(limit)
    logs = bad[..., None] * per_bad + (total - bad)[..., None] * per_good
    return logs[..., :_ABOVE], logs[..., _ABOVE:]


@dataclass(frozen=True, slots=True, kw_only=True)
class OneSampleMethod:
    """The treatment's share of bad trials against `limit`, above 0 and below 1."""

    limit: float

    @property
    def widths(self) -> Widths:
        """Columns of the sums."""
        return Widths(harm=_ABOVE, promote=len(BELOW_ODDS), better=0, effect=0, memory=0)

    def increments(self, counts: Counts, memory: Floats, totals: Floats) -> Increments:
        """What a window adds."""
        if not isinstance(counts, TrialCounts):
            msg = f"no trials: {type(counts).__name__}"
            raise TypeError(msg)
        above, below = log_ratios(counts.bad_t, counts.n_t, self.limit)
        none = np.zeros_like(counts.bad_t)
        nothing = above[..., :0]
        return Increments(
            harm=above,
            promote=below,
            better=nothing,
            effect=nothing,
            memory=memory,
            scores=_scores(counts, totals)[..., None, :],
            totals=np.array([counts.bad_t, counts.n_t, counts.bad_c, counts.n_c, none, none, none]).T,
            exact=none,
        )

    def swinging(self, information: Floats, totals: Floats) -> Floats:
        """That of a rate of at most `SWINGING_RATE`."""
        return np.minimum(information, SWINGING_RATE * totals[:, 1:2])

    def log_e_harm(self, sums: Floats, dispersion: Floats) -> Floats:
        """Mixture over the alternatives."""
        return log_mix(sums / dispersion[..., None], ABOVE_LOG_WEIGHTS)

    def log_e_promote(self, sums: Floats, dispersion: Floats) -> Floats:
        """Mixture over the alternatives."""
        return log_mix(sums / dispersion[:, None], BELOW_LOG_WEIGHTS)

    def log_e_better(self, sums: Floats, dispersion: Floats) -> Floats:
        """Never asked: nothing is compared."""
        return np.zeros(len(sums))


def _scores(counts: TrialCounts, totals: Floats) -> Floats:
    """Bad trials over their expectation at the rate so far, and the binomial variance, shape (runs, 2)."""
    bad, total = totals.T[:2]
    rate = (bad + counts.bad_t + 0.5) / (total + counts.n_t + 1.0)
    return np.array([counts.bad_t - rate * counts.n_t, rate * (1.0 - rate) * counts.n_t]).T


def fewest_good(limit: float, alpha: float) -> int:
    """How many trials, all of them good, show with error `alpha` that the rate is below the limit.

    >>> fewest_good(0.05, 0.05)
    81
    """
    _, per_good = _slopes(limit)

    def log_e(count: int) -> float:
        return float(log_mix(count * per_good[_ABOVE:], BELOW_LOG_WEIGHTS))

    enough = 1
    while log_e(enough) < -log(alpha):
        enough *= 2
    return bisect_left(range(enough), -log(alpha), key=log_e)
