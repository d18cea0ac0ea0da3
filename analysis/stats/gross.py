"""Gross harm: a treatment so much worse that no swing of an arm explains it, however little is known yet.

A run without declared dispersion must take a young run's windows for slow swings of the arms' levels (see
`dispersion`), and so would let an outage go on for minutes. Gross harm is watched for beside that, with
another null hypothesis: the treatment is at most `SWING` times as bad as control in any window, however the
arms swing, and trials come in clumps of at most `CLUMPS` in variance. Worse than that is harm, whatever the
correlation.

It may begin at any window, on each of which a part of the money is bet. Since the clumps are fixed, the bets
on one alternative add up to a single number (Shiryaev and Roberts' sum, with weights that add up to 1, so
that it is an e-process). It looks at proportions and counts only.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.stats.counts import Counts
from analysis.stats.mixture import LOG_NOTHING, Floats
from analysis.stats.seen import seen_in

SWING = 5.0
"""Log levels of two arms that swing by a standard deviation of 0.5 each differ by so much in 2 % of windows,
half of them against the treatment."""
CLUMPS = 3.0
MOST = 3.0
"""No window counts for more, so that one mad window does not do: harm lasts."""
_LOG_RATIOS: Floats = np.log([8.0, 12.5, 25.0, SWING])
"""Alternatives, and the null's ratio as the last."""
_LESS_ONE: Floats = np.exp(_LOG_RATIOS) - 1.0
_LOG_WEIGHTS: Floats = np.log([0.4, 0.3, 0.3])
_EARLY = 10.0
"""So many windows share the first half of the money."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gross:
    """Bets on gross harm.

    Attributes:
        money: logarithm of what the bets on each alternative have come to, shape (runs, 3).
        windows: on how many windows something was bet, shape (runs,).
    """

    money: Floats
    windows: Floats

    @property
    def log_e(self) -> Floats:
        """Log e-value of all bets and of what is not bet yet, shape (runs,)."""
        waiting = np.log(_EARLY / (_EARLY + self.windows))
        mixed: Floats = np.logaddexp(np.logaddexp.reduce(self.money, axis=-1), waiting)
        return mixed


def no_bets(runs: int) -> Gross:
    """Nothing seen yet, in so many runs."""
    return Gross(money=np.full((runs, len(_LOG_WEIGHTS)), LOG_NOTHING), windows=np.zeros(runs))


def with_window(
    state: Gross, counts: Counts, counted: NDArray[np.bool_] | None, *, higher_is_better: bool
) -> Gross:
    """With one more window's trials or events; runs that are not `counted` stay as they are."""
    seen = seen_in(counts)
    worse = seen.swapped() if higher_is_better else seen
    logs = worse.logs(_LOG_RATIOS, _LESS_ONE)
    place = _EARLY + state.windows
    bet = np.log(_EARLY / (place * (place + 1.0)))[:, None] + _LOG_WEIGHTS
    factor = np.minimum((logs[..., :-1] - logs[..., -1:]) / CLUMPS, MOST)
    grown = np.logaddexp(state.money, bet) + factor
    money = np.maximum(grown, LOG_NOTHING)
    if counted is None:
        return Gross(money=money, windows=state.windows + 1.0)
    return Gross(money=np.where(counted[:, None], money, state.money), windows=state.windows + counted)
