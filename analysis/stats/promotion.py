"""Evidence that the treatment is not worse by the margin: over the whole run, as of now, never its maximum.

The null is "worse by at least the larger of a ratio and an absolute difference". Per window and alternative
one e-factor is multiplied on: the conditional one where the ratio is what matters; where the difference is
the larger, the projection onto the whole null with a little of the conditional one mixed in, so that one
shared incident cannot wipe out the evidence. Which it is, earlier windows decide.
"""

from dataclasses import dataclass
from math import log

import numpy as np

from analysis.stats.conditional import ratio_of
from analysis.stats.mixture import PROMOTE_LOG_WEIGHTS, Floats, log_mix
from analysis.stats.projection import BaseRate, RatePair, log_factor, nearest_worse_by_both
from engine.core.measure import TrialsReading
from engine.core.model import Bound

_LOG_SIDE_BET = log(0.05)
_LOG_MAIN_BET = log(0.95)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Promotion:
    """State of one metric's promotion evidence.

    Attributes:
        logs: log e-value per alternative, shape (3,). base: the control's recent bad rate.
    """

    logs: Floats
    base: BaseRate

    def log_e(self, log_weights: Floats) -> float:
        """Log e-value against "worse by the margin or more", now."""
        return float(log_mix(self.logs, log_weights))


def nothing_yet() -> Promotion:
    """No evidence."""
    return Promotion(logs=np.zeros(len(PROMOTE_LOG_WEIGHTS)), base=BaseRate())


def with_window(state: Promotion, margin: Bound, reading: TrialsReading, conditional: Floats) -> Promotion:
    """State after one window in which both arms have trials.

    `conditional` are the window's log likelihood ratios against the margin's ratio, shape (3,).
    """
    gap = margin.absolute or 0.0
    if not gap:
        return Promotion(logs=state.logs + conditional, base=state.base)
    base = state.base.rate(gap)
    ratio = max(1.0, ratio_of(margin))
    increment: Floats = conditional
    if base * (ratio - 1.0) <= 2.0 * gap:
        q = RatePair(treatment=base, control=base)
        n_t, n_c = reading.treatment.total, reading.control.total
        projected = log_factor(reading, q, nearest_worse_by_both(q, ratio, gap, n_t, n_c))
        increment = np.logaddexp(_LOG_MAIN_BET + projected, _LOG_SIDE_BET + conditional)
    after = state.base.after(reading.control.bad, reading.control.total, gap)
    return Promotion(logs=state.logs + increment, base=after)
