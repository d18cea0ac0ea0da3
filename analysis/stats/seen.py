"""One window of trials or of events, as both arms' numbers side by side. Knows no tolerance and no past."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.stats.counts import Counts, EventCounts, TrialCounts
from analysis.stats.mixture import Floats
from analysis.stats.numbers import chosen, larger
from analysis.stats.projection import ArmTrials

_NO_TRIALS = 1e-300
"""Instead of zero as a denominator."""
Where = tuple[Any, ...]
"""An index of an axis of runs; () takes all of them."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seen:
    """A window of either kind, each of shape (runs,).

    Attributes:
        bad, n: of both arms. share, share_c: the treatment's and control's part of `n`, 0 without any.
        trials: whether they are trials.
    """

    bad_t: Floats
    n_t: Floats
    bad_c: Floats
    n_c: Floats
    bad: Floats
    n: Floats
    share: Floats
    share_c: Floats
    trials: bool

    @property
    def both(self) -> NDArray[np.bool_]:
        """Whether both arms have any, shape (runs,)."""
        both: NDArray[np.bool_] = self.n_t * self.n_c > 0.0
        return both

    def logs(self, log: Floats, less_one: Floats) -> Floats:
        """Binomial form at many ratios, by their logarithms and by what they exceed 1."""
        logs: Floats = self.bad_t[..., None] * log
        logs -= self.bad[..., None] * np.log1p(self.share[..., None] * less_one)
        return logs

    def arms(self, where: Where) -> ArmTrials:
        """The counts of some runs."""
        return ArmTrials(
            bad_t=self.bad_t[where],
            n_t=self.n_t[where],
            bad_c=self.bad_c[where],
            n_c=self.n_c[where],
            events=not self.trials,
        )

    def swapped(self) -> "Seen":
        """The same window with the arms swapped."""
        return Seen(
            bad_t=self.bad_c,
            n_t=self.n_c,
            bad_c=self.bad_t,
            n_c=self.n_t,
            bad=self.bad,
            n=self.n,
            share=self.share_c,
            share_c=self.share,
            trials=self.trials,
        )

    @property
    def scores(self) -> Floats:
        """The treatment's bad trials over their expectation, and the variance of that, shape (runs, 1, 2)."""
        expected = self.share * self.bad
        variance = expected * self.share_c
        if self.trials:
            variance *= (self.n - self.bad) / larger(self.n - 1.0, 1.0)
        return np.array([self.bad_t - expected, variance]).T[..., None, :]

    @property
    def totals(self) -> Floats:
        """Bad, all, bad, all (treatment, control), and the Mantel-Haenszel sums, shape (runs, 7)."""
        share, others = self.share, self.share_c
        columns = [self.bad_t, self.n_t, self.bad_c, self.n_c]
        return np.array([*columns, self.bad_t * others, self.bad_c * share, self.n_t * others]).T


def seen_in(counts: Counts) -> Seen:
    """Both arms' numbers in one window. TypeError when they are neither trials nor events."""
    match counts:
        case TrialCounts(bad_t=bad_t, n_t=n_t, bad_c=bad_c, n_c=n_c):
            trials = True
        case EventCounts(treatment=bad_t, control=bad_c, share=n_t):
            n_c, trials = chosen(n_t > 0.0, 1.0 - n_t, 0.0), False
        case _:
            msg = f"neither trials nor events: {type(counts).__name__}"
            raise TypeError(msg)
    n = n_t + n_c
    whole = larger(n, _NO_TRIALS)
    return Seen(
        bad_t=bad_t,
        n_t=n_t,
        bad_c=bad_c,
        n_c=n_c,
        bad=bad_t + bad_c,
        n=n,
        share=n_t / whole,
        share_c=n_c / whole,
        trials=trials,
    )
