"""The sequential rules as values, and at how many treatment errors of so many errors each one ends a run.

Given an error, it is the treatment's with probability q = r R / (1 - r + r R), R being the true risk ratio
and r the treatment's share of requests. So a run is a walk over (errors, treatment errors), and a rule is a
line across it. Walks no run itself.

Sources: Lindon and Malek (arXiv 2011.03567); the binomial form of `analysis.stats.conditional`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A bet on risk ratios beyond a null, and the evidence at which it ends the run.

    Attributes:
        ratios: risk ratios (treatment over control) of the alternatives, all above or all below `null_ratio`.
        log_weights: logs of their prior weights, which add up to 1.
        null_ratio: the tolerance's ratio (harm) or the margin's (promotion).
        log_threshold: log e-value at which it fires: log(1/alpha), or a calibrated one.
        first_start_weight: prior weight of harm that begins with the run, in (0, 1]; the rest of the mixture
            over start points counts as 1, so the e-value is w e + (1 - w).
    """

    ratios: tuple[float, ...]
    log_weights: tuple[float, ...]
    null_ratio: float
    log_threshold: float
    first_start_weight: float = 1.0

    def __post_init__(self) -> None:
        """Raises ValueError for a rule that is no e-process against its null, or bets on both sides of it."""
        if len(self.ratios) != len(self.log_weights) or abs(sum(np.exp(self.log_weights)) - 1.0) > 1e-9:
            raise ValueError("one weight per ratio, adding up to 1")
        if min(*self.ratios, self.null_ratio) <= 0.0:
            raise ValueError("risk ratios are positive")
        if not (self.bets_on_more or max(self.ratios) < self.null_ratio):
            raise ValueError(f"ratios {self.ratios} lie on both sides of {self.null_ratio}")
        if not 0.0 < self.first_start_weight <= 1.0:
            raise ValueError(f"first_start_weight {self.first_start_weight} is not in (0, 1]")

    @property
    def bets_on_more(self) -> bool:
        """Whether it speaks for more treatment errors (harm) and not for fewer (promotion)."""
        return bool(min(self.ratios) > self.null_ratio)


def treatment_share_of_errors(shares: Floats, ratio: float) -> Floats:
    """Probability that an error is the treatment's, for each share of requests: r R / (1 - r + r R).

    >>> treatment_share_of_errors(np.array([0.5]), 3.0).tolist()
    [0.75]
    """
    return shares * ratio / (1.0 - shares + shares * ratio)


def log_e(rule: Rule, shares: Sequence[float], errors: Sequence[int], treatment_errors: int) -> float:
    """Log e-value after `errors[s]` errors at traffic share `shares[s]`, `treatment_errors` of them all.

    >>> even = Rule(ratios=(3.0,), log_weights=(0.0,), null_ratio=1.0, log_threshold=3.0)
    >>> round(log_e(even, [0.5], [4], 3), 6) == round(3 * log(3.0) - 4 * log(2.0), 6)
    True
    """
    offsets = _offsets(rule, np.asarray(errors, dtype=np.int64), np.asarray(shares, dtype=np.float64))[-1:]
    return float(_log_e(rule, offsets, np.array([treatment_errors], dtype=np.float64))[0])


def fires_from(rule: Rule, new_errors: Counts, shares: Floats) -> Counts:
    """Smallest number of treatment errors at which a rule that bets on more fires, at each look.

    Args:
        rule: a rule that bets on more.
        new_errors: errors since the look before, shape (looks,).
        shares: the treatment's share of requests since then, shape (looks,).

    Returns:
        Shape (looks,); one more than the errors so far where no number is enough.
    """
    return _first(rule, new_errors, shares, fires_when=True)


def fires_up_to(rule: Rule, new_errors: Counts, shares: Floats) -> Counts:
    """Largest number of treatment errors at which a rule that bets on fewer fires, at each look.

    Args:
        rule: a rule that bets on fewer.
        new_errors: errors since the look before, shape (looks,).
        shares: the treatment's share of requests since then, shape (looks,).

    Returns:
        Shape (looks,); -1 where no number is few enough.
    """
    return _first(rule, new_errors, shares, fires_when=False) - 1


def _first(rule: Rule, new_errors: Counts, shares: Floats, *, fires_when: bool) -> Counts:
    """First number of treatment errors at which firing is `fires_when`, by bisection: e is monotone in it."""
    if rule.bets_on_more != fires_when:
        raise ValueError("this rule bets on the other side")
    offsets = _offsets(rule, new_errors, shares)
    below = np.full(len(offsets), -1, dtype=np.int64)
    found: Counts = np.cumsum(new_errors) + 1
    while np.any(found - below > 1):
        middle = (below + found) // 2
        fires = _log_e(rule, offsets, middle.astype(np.float64)) >= rule.log_threshold
        reached = (fires == fires_when) & (middle > below)
        found = np.where(reached, middle, found)
        below = np.where(reached, below, middle)
    return found


def _offsets(rule: Rule, new_errors: Counts, shares: Floats) -> Floats:
    """What the number of errors alone takes from each alternative's log e-value, shape (looks, j)."""
    share = shares[:, None]
    given = np.log1p(share * (np.asarray(rule.ratios) - 1.0)) - np.log1p(share * (rule.null_ratio - 1.0))
    offsets: Floats = np.cumsum(new_errors[:, None] * given, axis=0)
    return offsets


def _log_e(rule: Rule, offsets: Floats, treatment_errors: Floats) -> Floats:
    gains = np.log(np.asarray(rule.ratios) / rule.null_ratio)
    logs = treatment_errors[:, None] * gains - offsets + np.asarray(rule.log_weights)
    mixed: Floats = np.logaddexp.reduce(logs, axis=1)
    weight = rule.first_start_weight
    if weight == 1.0:
        return mixed
    later: Floats = np.logaddexp(log(weight) + mixed, log(1.0 - weight))
    return later
