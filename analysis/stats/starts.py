"""Start points: harm that begins late must not be masked by a healthy past. Knows no metric and no clock.

Evidence of harm is a bet. A part of the money is on the run's first window; the rest waits. At every weight
change and on a time grid, some of what waits is bet on harm that begins there, but only once the newest bet
has lost half: a bet that has lost less is still as good as a new one. When to bet and how much depends on the
past alone, and what waits counts as itself, so the sum is an e-process from the first window on.
"""

from dataclasses import dataclass, replace

import numpy as np

from analysis.stats.mixture import Floats

FIRST = 0.55
"""What is bet on the run's first window."""
AT_CHANGE = 0.7
"""Part of what waits that is bet at a weight change."""
ON_GRID = 0.05
"""Part of what waits that is bet at a point of the time grid."""
MAX_STARTS = 24
"""No more start points than this are opened; it bounds time and state."""
_SUNK = 0.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Starts:
    """Bets by start point, oldest first; leading axis runs.

    Attributes:
        weights: money bet at each start, shape (runs, starts); 0 where a run has not opened it.
        waiting: money not bet yet, shape (runs,).
        sums: the harm sums as they were when the start was opened, shape (runs, starts, columns).
    """

    weights: Floats
    waiting: Floats
    sums: Floats


def begin(runs: int, columns: int, first: float = FIRST) -> Starts:
    """One start for every run, at its first window; `first` of 1 opens no others."""
    return Starts(
        weights=np.full((runs, 1), first),
        waiting=np.full(runs, 1.0 - first),
        sums=np.zeros((runs, 1, columns)),
    )


def log_mix_starts(starts: Starts, log_e: Floats) -> Floats:
    """Log of the money in all bets and waiting, (runs,), from each start's log e-value (runs, starts)."""
    most: Floats = np.maximum.reduce(log_e, axis=1)
    above = np.maximum(most, 0.0)
    top = np.where(starts.waiting > 0.0, above, most)
    grown = np.vecdot(starts.weights, np.exp(log_e - top[:, None]))
    mixed: Floats = top + np.log(grown + starts.waiting * np.exp(-above))
    return mixed


def opened(starts: Starts, log_e: Floats, now: Floats, part: Floats) -> Starts:
    """With a new start where `part` (runs,) of what waits is above 0 and the newest bet has lost half.

    `log_e` is each start's log e-value (runs, starts); `now` the harm sums of this moment (runs, columns).
    """
    opened_by_run = (starts.weights > 0.0).sum(axis=1)
    newest = np.take_along_axis(log_e, opened_by_run[:, None] - 1, axis=1)[:, 0]
    may = (newest < np.log(_SUNK)) & (opened_by_run < MAX_STARTS)
    bet = np.where(may, part * starts.waiting, 0.0)
    if not bet.any():
        return starts
    rows = np.flatnonzero(bet)
    columns = opened_by_run[rows]
    roomy = _with_room(starts, int(columns.max()) + 1)
    weights, sums = roomy.weights.copy(), roomy.sums.copy()
    weights[rows, columns], sums[rows, columns] = bet[rows], now[rows]
    return Starts(weights=weights, waiting=starts.waiting - bet, sums=sums)


def _with_room(starts: Starts, wanted: int) -> Starts:
    """With as many columns as wanted; those that no run has opened are zero."""
    runs, present = starts.weights.shape
    lacking = max(0, wanted - present)
    return replace(
        starts,
        weights=np.concatenate([starts.weights, np.zeros((runs, lacking))], axis=1),
        sums=np.concatenate([starts.sums, np.zeros((runs, lacking, starts.sums.shape[2]))], axis=1),
    )
