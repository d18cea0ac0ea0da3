"""The Markov chain under every calculation here: errors come, each the treatment's or the control's.

Exact: the probability of every state is carried, none is sampled. Knows no time and no traffic.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.stats import binom

from analysis.design.rules import Counts, Floats

_NEGLIGIBLE = 1e-12
"""A walk that is still under way with less than this probability counts as ended."""
_NOTHING = 1e-16
"""States and steps at the edges with less than this probability are dropped."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ends:
    """At which look the walk ends, and how.

    Attributes:
        rollback, promotion: probability of ending so at each look, shape (looks,).
    """

    rollback: Floats
    promotion: Floats


def ends(new_errors: Counts, treatment_share: Floats, rollback_from: Counts, promotion_up_to: Counts) -> Ends:
    """Walks until a line is met; rollback is looked at first. All arguments have shape (looks,).

    Args:
        new_errors: errors since the look before, at least 1.
        treatment_share: probability that each of them is the treatment's.
        rollback_from: treatment errors from which the run is rolled back; more than all errors where none.
        promotion_up_to: treatment errors up to which it is promoted; -1 where none.

    Returns:
        The probabilities of each end; what is missing to 1 is still under way after the last look.
    """
    rollback, promotion = np.zeros(len(new_errors)), np.zeros(len(new_errors))
    state, low, left = np.ones(1), 0, 1.0  # probabilities of low, low + 1, ... treatment errors
    for look, (errors, share) in enumerate(zip(new_errors.tolist(), treatment_share.tolist(), strict=True)):
        fewest, step = _step(errors, share)
        state = np.convolve(state, step)
        low += fewest
        start = max(0, int(rollback_from[look]) - low)
        end = min(start, max(0, int(promotion_up_to[look]) + 1 - low))
        rollback[look], promotion[look] = state[start:].sum(), state[:end].sum()
        left -= float(rollback[look] + promotion[look])
        occupied = np.flatnonzero(state[end:start] > _NOTHING)
        if left < _NEGLIGIBLE or not len(occupied):
            break
        state = state[end + occupied[0] : end + occupied[-1] + 1]
        low += end + int(occupied[0])
    return Ends(rollback=rollback, promotion=promotion)


@lru_cache(maxsize=64)
def _step(errors: int, share: float) -> tuple[int, Floats]:
    """Fewest treatment errors among so many that are worth a thought; probabilities of that many and more."""
    chances = np.asarray(binom.pmf(np.arange(errors + 1), errors, share), dtype=np.float64)
    some = np.flatnonzero(chances > _NOTHING)
    return int(some[0]), chances[some[0] : some[-1] + 1]
