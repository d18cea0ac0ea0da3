"""What a release of a known quality will go through: how it ends, after how many requests, with what harm.

Sums up a walk over errors in treatment requests. Decides nothing and simulates nothing.
"""

from dataclasses import dataclass

import numpy as np

from analysis.design.chain import ends
from analysis.design.clock import Clock, clock
from analysis.design.rules import Counts, Floats, Rule, fires_from, fires_up_to, treatment_share_of_errors
from analysis.design.traffic import Traffic, Truth

_PRECISION_REQUESTS = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class End:
    """One way for the run to end before its horizon.

    Attributes:
        chances: probability of ending so at each look at which that can be, shape (looks,).
        errors: independent errors by that look, shape (looks,).
        clock: when errors arrive.
        earliest: treatment requests before which it cannot happen.
        clump: errors in an independent one, the dispersion.
    """

    chances: Floats
    errors: Floats
    clock: Clock
    earliest: float
    clump: float

    @property
    def probability(self) -> float:
        """Probability of ending so."""
        return self.probability_by(self.clock.horizon)

    @property
    def mean_requests(self) -> float | None:
        """Mean treatment requests of the runs that end so; None when none does."""
        within = self._within
        if not within.any():
            return None
        spent = self.chances @ self.capped_requests - self.clock.horizon * (self.chances - within).sum()
        return float(spent / within.sum())

    @property
    def mean_errors(self) -> float | None:
        """Mean errors of both arms in the runs that end so; None when none does."""
        weights = self._within
        return self.clump * float(self.errors @ weights / weights.sum()) if weights.any() else None

    def probability_by(self, requests: float) -> float:
        """Probability of having ended so by so many treatment requests."""
        if requests < self.earliest:
            return 0.0
        return float(self.chances @ self.clock.seen(self.errors, requests))

    def requests_needed(self, probability: float) -> float | None:
        """Treatment requests by which a run has ended so with this probability; None when never.

        Raises:
            ValueError: the probability is not in (0, 1).
        """
        if not 0.0 < probability < 1.0:
            raise ValueError(f"probability {probability} is not in (0, 1)")
        if self.probability < probability:
            return None
        low, high = self.earliest, self.clock.horizon
        while high - low > _PRECISION_REQUESTS:
            middle = (low + high) / 2
            low, high = (low, middle) if self.probability_by(middle) >= probability else (middle, high)
        return high

    def requests_quantile(self, level: float) -> float | None:
        """Quantile of treatment requests among the runs that end so; None when none does."""
        probability = level * self.probability
        return self.requests_needed(probability) if probability > 0.0 else None

    def errors_quantile(self, level: float) -> float | None:
        """Quantile of the errors of both arms among the runs that end so; None when none does."""
        reached = np.cumsum(self._within)
        if not len(reached) or not reached[-1]:
            return None
        return self.clump * float(self.errors[np.searchsorted(reached, level * reached[-1])])

    @property
    def capped_requests(self) -> Floats:
        """Mean treatment requests of a run that ends at each look or at the horizon, shape (looks,)."""
        waiting = self.earliest - self.clock.mean_seen(self.errors, self.earliest)
        return self.clock.mean_seen(self.errors, self.clock.horizon) + waiting

    @property
    def _within(self) -> Floats:
        """Probability of ending so at each look before the horizon, shape (looks,)."""
        within: Floats = self.chances * self.clock.seen(self.errors, self.clock.horizon)
        return within


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome:
    """What becomes of a run.

    Attributes:
        rollback, promotion: its ends before the horizon.
        mean_requests: treatment requests until the run ends, at the horizon if nothing else ends it.
        excess_errors: errors that control would not have made, until then; below 0 for a better release.
    """

    rollback: End
    promotion: End
    mean_requests: float
    excess_errors: float

    @property
    def undecided(self) -> float:
        """Probability of reaching the horizon."""
        return max(0.0, 1.0 - self.rollback.probability - self.promotion.probability)


def walk(truth: Truth, traffic: Traffic, *, rollback: Rule | None, promotion: Rule | None) -> Outcome:
    """What becomes of a release of this quality under these rules.

    With a look after every error, a constant share and no floor everything is exact. Under a schedule each
    leg but the last is given its expected number of errors, rounded, and promotion begins at the expected
    number of errors of its floor. Looks find the expected number of errors, rounded down: against the exact
    numbers the mean is at most 2 % short (6 % where mostly one look decides), and false rollbacks are up to
    0.3 percentage points too many.

    Args:
        truth: what the release is like.
        traffic: what it is given.
        rollback: the harm rule, None to never roll back.
        promotion: the rule of the last leg, None to never promote. Where both fire, rollback counts.

    Raises:
        ValueError: a rule bets on the wrong side.
    """
    time = clock(truth, traffic)
    counts = time.error_counts
    new, shares = np.diff(counts, prepend=0), time.shares_since(counts)
    never = np.full(len(counts), -1)
    up_to = never if promotion is None else fires_up_to(promotion, new, shares)
    ended = ends(
        new,
        treatment_share_of_errors(shares, truth.ratio),
        counts + 1 if rollback is None else fires_from(rollback, new, shares),
        np.where(counts < round(time.errors_by(traffic.promotion_from)), never, up_to),
    )
    harmful = _end(ended.rollback, counts, 0.0, time, truth)
    good = _end(ended.promotion, counts, traffic.promotion_from, time, truth)
    mean = _mean_requests(harmful, good)
    return Outcome(
        rollback=harmful,
        promotion=good,
        mean_requests=mean,
        excess_errors=truth.base_rate * (truth.ratio - 1.0) * mean,
    )


def _end(at: Floats, counts: Counts, earliest: float, time: Clock, truth: Truth) -> End:
    occurs = at > 0.0
    return End(
        chances=at[occurs],
        errors=counts[occurs].astype(np.float64),
        clock=time,
        earliest=earliest,
        clump=truth.dispersion,
    )


def _mean_requests(harmful: End, good: End) -> float:
    ended = harmful.chances @ harmful.capped_requests + good.chances @ good.capped_requests
    left = 1.0 - harmful.chances.sum() - good.chances.sum()
    return float(ended + left * harmful.clock.horizon)
