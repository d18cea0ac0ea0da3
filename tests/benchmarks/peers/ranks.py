"""Rank tests of per-interval rates: Mann and Whitney's test repeated, and Kayenta's rule.

Kayenta's rule is that of its NetflixACAJudge (release of 2025): the 98 % confidence interval of the
Hodges-Lehmann shift, found as the root in `mu` of the tie-corrected rank statistic of (treatment - mu,
control), lies above a quarter of the shift's estimate. Between two possible differences that statistic does
not depend on mu, so its roots are found here exactly, where Kayenta searches for them. Where the estimate is
not unique the middle is taken; Kayenta's search ends somewhere in between.
"""

import numpy as np
from scipy.stats import norm

from tests.benchmarks.peers.intervals import Counted, growing, rates
from tests.benchmarks.peers.streams import Bools, Floats, Streams

KAYENTA_CONFIDENCE = 0.98
KAYENTA_TOLERANCE = 0.25


def mann_whitney_p(seen: Counted) -> Floats:
    """One-sided p of "the treatment's rates are higher", normal with tie and continuity corrections."""
    n = seen.intervals
    below = np.cumsum(seen.control, axis=1) - seen.control / 2
    wins = (seen.treatment * below).sum(axis=1)
    spread = _spread(n, n, _ties(seen.treatment + seen.control))
    z = np.divide(wins - n * n / 2 - 0.5, spread, out=np.full_like(wins, -np.inf), where=spread > 0)
    p: Floats = norm.sf(z)
    return p


def _ties(by_value: Floats) -> Floats:
    ties: Floats = (by_value**3 - by_value).sum(axis=1)
    return ties


def _spread(n: int, m: int, ties: Floats) -> Floats:
    total = n + m
    variance = n * m / 12 * (total + 1 - ties / (total * (total - 1)))
    spread: Floats = np.sqrt(np.maximum(variance, 0.0))
    return spread


def mann_whitney_crosses(streams: Streams, level: float, *, requests: int, first: int, every: int) -> Bools:
    """Where the repeated test has p below the level."""
    crosses = np.zeros(streams.treatment.shape, dtype=np.bool_)
    found = rates(streams, requests)
    for seen in growing(found, first=first, every=every):
        crosses[:, seen.intervals * found.looks - 1] = mann_whitney_p(seen) < level
    return crosses


def kayenta_crosses(streams: Streams, *, requests: int, first: int, every: int) -> Bools:
    """Where Kayenta's judge classifies the error rate as "High"."""
    crosses = np.zeros(streams.treatment.shape, dtype=np.bool_)
    found = rates(streams, requests)
    for seen in growing(found, first=first, every=every):
        crosses[:, seen.intervals * found.looks - 1] = kayenta_high(seen)
    return crosses


def kayenta_high(seen: Counted) -> Bools:
    """The rule on all intervals so far; the mean ratio's gate is at its default, 1."""
    low, _, estimate = shift_interval(seen)
    values = np.arange(seen.treatment.shape[1])
    as_large = (seen.treatment - seen.control) @ values >= 0
    varied = ((seen.treatment > 0).sum(axis=1) > 1) | ((seen.control > 0).sum(axis=1) > 1)
    high: Bools = (low > KAYENTA_TOLERANCE * np.abs(estimate)) & as_large & varied
    return high


def shift_interval(seen: Counted, confidence: float = KAYENTA_CONFIDENCE) -> tuple[Floats, Floats, Floats]:
    """Lower end, upper end and estimate of the shift, in units of the values, each of shape (runs,)."""
    n, m = seen.treatment.sum(axis=1), seen.control.sum(axis=1)
    differences = _differences(seen.treatment, seen.control)
    values = seen.treatment.shape[1]
    above = (n * m)[:, None] - np.cumsum(differences, axis=1) - (n * m)[:, None] / 2
    spread = _spread(int(n[0]), int(m[0]), _ties(seen.treatment) + _ties(seen.control))
    statistic = (above - 0.5 * np.sign(above)) / spread[:, None]
    z = float(norm.isf((1 - confidence) / 2))
    low = (statistic <= z).argmax(axis=1) - (values - 1)
    high = (statistic <= -z).argmax(axis=1) - (values - 1)
    first = (statistic <= 0).argmax(axis=1) - (values - 1)
    last = (statistic < 0).argmax(axis=1) - (values - 1)
    smallest, largest = _ends(differences)
    return (
        np.maximum(low, smallest),
        np.where((statistic <= -z).any(axis=1), high, largest),
        (first + last) / 2,
    )


def _differences(treatment: Floats, control: Floats) -> Floats:
    """How many pairs have each difference, from -(values - 1) up, shape (runs, 2 values - 1)."""
    runs, values = treatment.shape
    pairs = np.zeros((runs, 2 * values - 1))
    for value in range(values):
        start = values - 1 - value
        pairs[:, start : start + values] += treatment * control[:, value : value + 1]
    return pairs


def _ends(differences: Floats) -> tuple[Floats, Floats]:
    width = differences.shape[1]
    offset = (width - 1) // 2
    present = differences > 0
    smallest = present.argmax(axis=1) - offset
    largest = width - 1 - present[:, ::-1].argmax(axis=1) - offset
    return smallest, largest
