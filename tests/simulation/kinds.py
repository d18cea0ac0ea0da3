"""What each kind of metric counts in a window of simulated traffic. Draws; decides nothing.

Levels of a scenario multiply a rate of up to 1 %. Commoner trials vary less, by the root of their rate,
and means, ratios, gauges and latencies by a tenth (`CALM`): theirs are the levels to that power.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from analysis.stats.counts import (
    BucketCounts,
    Counts,
    EventCounts,
    Quotients,
    TrialCounts,
    ValueSums,
)
from tests.simulation.scenarios import Floats, Rng, events, trials

CALM = 0.1
_RARE = 0.01
BUCKETS_S: Floats = np.array([0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0])
"""Prometheus' default buckets."""
SLO_BUCKET = 6
MEDIAN_S, SIGMA = 0.1, 0.9
TAIL_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Harm:
    """How the treatment differs from control: its level is `ratio` times control's, plus `gap`.

    Attributes:
        tail: share of requests that take `TAIL_S` longer (latency).
        beyond: the share above the objective is exactly at the larger of these (ratio, gap) of control's.
    """

    ratio: float = 1.0
    gap: float = 0.0
    tail: float = 0.0
    beyond: tuple[float, float] = (1.0, 0.0)


NONE = Harm()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One window of traffic, each of shape (runs,); see `scenarios.Traffic`."""

    treatment: Floats
    control: Floats
    shared: Floats
    own_treatment: Floats
    own_control: Floats
    storm: float

    def levels(self, power: float = CALM) -> tuple[Floats, Floats, Floats]:
        """Levels of a metric that varies little: shared, of the treatment, of control."""
        shared = self.shared**power
        return shared, self.own_treatment**power, self.own_control**power


def _calm(rate: float) -> float:
    return min(1.0, float(np.sqrt(_RARE / rate)))


Draw = Callable[[Rng, Seen, Harm], Counts]


def proportion(rate: float) -> Draw:
    """Bad trials at a base rate."""

    def draw(rng: Rng, seen: Seen, harm: Harm) -> Counts:
        shared, own_t, own_c = seen.levels(_calm(rate))
        base = rate * shared
        return _trials(rng, seen, (base * harm.ratio + harm.gap) * own_t, base * own_c)

    return draw


def common(rate: float) -> Draw:
    """Bad trials that are no exception; levels and harm are of their odds."""

    def share(odds: Floats) -> Floats:
        return odds / (1.0 + odds)

    def draw(rng: Rng, seen: Seen, harm: Harm) -> Counts:
        shared, own_t, own_c = seen.levels(_calm(rate))
        base = rate / (1.0 - rate) * shared
        return _trials(rng, seen, share(base * harm.ratio * own_t), share(base * own_c))

    return draw


def _trials(rng: Rng, seen: Seen, rate_t: Floats, rate_c: Floats) -> TrialCounts:
    return TrialCounts(
        bad_t=trials(rng, seen.treatment, rate_t, seen.storm),
        n_t=seen.treatment,
        bad_c=trials(rng, seen.control, rate_c, seen.storm),
        n_c=seen.control,
    )


def count(rate: float) -> Draw:
    """Events per request of planned traffic."""

    def draw(rng: Rng, seen: Seen, harm: Harm) -> Counts:
        both = seen.treatment + seen.control
        base = rate * seen.shared
        worse = (base * harm.ratio + harm.gap) * seen.own_treatment
        return EventCounts(
            treatment=events(rng, seen.treatment * worse, seen.storm),
            control=events(rng, seen.control * base * seen.own_control, seen.storm),
            share=seen.treatment / both,
        )

    return draw


def mean(atoms: Floats, chances: Floats, *, squares: bool = True) -> Draw:
    """Values that are one of `atoms`, times the level; sums of squares known or not."""
    powers = np.stack([np.ones_like(atoms), atoms, atoms**2], axis=1)

    def sums(rng: Rng, sizes: Floats, level: Floats, storm: float) -> Floats:
        drawn = _clumps(rng, sizes, np.broadcast_to(chances, (len(sizes), len(chances))), storm)
        return (drawn @ powers) * level[:, None] ** np.arange(3)

    def draw(rng: Rng, seen: Seen, harm: Harm) -> Counts:
        shared, own_t, own_c = seen.levels()
        return ValueSums(
            treatment=sums(rng, seen.treatment, shared * own_t * harm.ratio, seen.storm),
            control=sums(rng, seen.control, shared * own_c, seen.storm),
            spread_known=squares,
        )

    return draw


def durations() -> tuple[Floats, Floats]:
    """Log-normal values of mean 1 and coefficient of variation 1, at 16 places of equal probability."""
    places = (np.arange(16) + 0.5) / 16
    values = np.exp(ndtri(places) * 0.83)
    return values / values.mean(), np.full(16, 1 / 16)


def revenue() -> tuple[Floats, Floats]:
    """Nine of ten pay nothing; the others a log-normal amount with a heavy tail (sigma 1.5)."""
    places = np.concatenate([(np.arange(15) + 0.5) / 16, [0.945, 0.965, 0.98, 0.99, 0.997]])
    widths = np.concatenate([np.full(15, 1 / 16), [0.0225, 0.02, 0.01, 0.007, 0.003]])
    values = np.exp(ndtri(places) * 1.5)
    chances = np.concatenate([[0.9], 0.1 * widths / widths.sum()])
    atoms = np.concatenate([[0.0], values])
    return atoms / (atoms @ chances), chances


def ratio(rng: Rng, seen: Seen, harm: Harm) -> Counts:
    """One sum over another: exponential amounts per item, Poisson numbers of items."""
    shared, own_t, own_c = seen.levels()

    def quotient(sizes: Floats, level: Floats) -> Floats:
        items = rng.poisson(sizes) + 1.0
        return np.stack([rng.gamma(items / seen.storm) * seen.storm * level, items], axis=1)

    return Quotients(
        treatment=quotient(seen.treatment, shared * own_t * harm.ratio),
        control=quotient(seen.control, shared * own_c),
    )


def gauge(rng: Rng, seen: Seen, harm: Harm) -> Counts:
    """A level per arm with measurement noise; the treatment has fewer pods and twice the noise."""
    shared, own_t, own_c = seen.levels()
    noise = rng.gamma(100.0, 0.01, size=(2, len(own_c)))
    one = np.ones(len(own_c))
    return Quotients(
        treatment=np.stack([shared * own_t * harm.ratio * noise[0], one], axis=1),
        control=np.stack([shared * own_c * (1.0 + 0.5 * (noise[1] - 1.0)), one], axis=1),
    )


def latency(rng: Rng, seen: Seen, harm: Harm) -> Counts:
    """A log-normal latency in Prometheus' default buckets."""
    shared, own_t, own_c = seen.levels()
    treatment = _shares(shared * own_t * harm.ratio, harm.tail)
    if harm.beyond != (1.0, 0.0):
        # What lies above the objective is exactly at the margin, whatever control's share is now.
        base = _slower(_shares(shared, 0.0))
        aim = np.maximum(base * harm.beyond[0], base + harm.beyond[1])
        own = _slower(treatment)
        aim = aim * own / base
        times = np.where(np.arange(len(BUCKETS_S) + 1) > SLO_BUCKET, (aim / own)[:, None], 1.0)
        times[:, : SLO_BUCKET + 1] = ((1.0 - aim) / (1.0 - own))[:, None]
        treatment = treatment * times
    return BucketCounts(
        treatment=_clumps(rng, seen.treatment, treatment, seen.storm),
        control=_clumps(rng, seen.control, _shares(shared * own_c, 0.0), seen.storm),
        slo=SLO_BUCKET,
    )


def _slower(shares: Floats) -> Floats:
    slower: Floats = shares[:, SLO_BUCKET + 1 :].sum(axis=1)
    return slower


def _shares(level: Floats, tail: float) -> Floats:
    """Probability of every bucket, shape (runs, buckets)."""

    def below(bounds: Floats) -> Floats:
        log_bounds = np.log(np.maximum(bounds, 1e-9) / MEDIAN_S)
        shares: Floats = ndtr((log_bounds[None] - np.log(level)[:, None]) / SIGMA)
        return shares

    inside = (1.0 - tail) * below(BUCKETS_S) + tail * below(BUCKETS_S - TAIL_S)
    edges = np.concatenate([np.zeros((len(level), 1)), inside, np.ones((len(level), 1))], axis=1)
    return np.maximum(np.diff(edges, axis=1), 0.0)


def _clumps(rng: Rng, sizes: Floats, chances: Floats, storm: float) -> Floats:
    """How many trials fall where; `storm` of them always together."""
    groups = np.maximum(sizes / storm, 1.0).astype(np.int64)
    drawn = rng.multinomial(groups, chances / chances.sum(axis=1, keepdims=True)).astype(np.float64)
    return drawn * storm


def threshold(limit: float) -> Draw:
    """Bad trials of the treatment at `ratio` times the odds of its limit."""

    def draw(rng: Rng, seen: Seen, harm: Harm) -> Counts:
        odds = limit / (1.0 - limit) * harm.ratio
        rate = odds / (1.0 + odds)
        # Not to a power: with nothing to compare with, the mean has to stay at the limit.
        own_t, own_c = (1.0 + _calm(limit) * (own - 1.0) for own in (seen.own_treatment, seen.own_control))
        return _trials(rng, seen, rate * own_t, rate * own_c)

    return draw
