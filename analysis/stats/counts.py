"""Windows as the statistics take them: one array per count, with a leading axis of runs. Checks nothing.

A window in which something is missing has zeros; its increments are zero then.
"""

from dataclasses import dataclass

from analysis.stats.mixture import Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrialCounts:
    """Bad and all trials, each of shape (runs,)."""

    bad_t: Floats
    n_t: Floats
    bad_c: Floats
    n_c: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EventCounts:
    """Events of each arm and the treatment's planned share of both arms' traffic, each of shape (runs,)."""

    treatment: Floats
    control: Floats
    share: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BucketCounts:
    """Trials per bucket, not cumulative, shape (runs, buckets); the last bucket has no upper bound.

    `slo` is the index of the bucket that ends at the latency objective, None without one.
    """

    treatment: Floats
    control: Floats
    slo: int | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ValueSums:
    """Number, sum and sum of squares of values per arm, each of shape (runs, 3).

    `spread_known` is whether sums of squares mean anything.
    """

    treatment: Floats
    control: Floats
    spread_known: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Quotients:
    """Numerator and denominator per arm, each of shape (runs, 2); a level has the denominator 1."""

    treatment: Floats
    control: Floats


Counts = TrialCounts | EventCounts | BucketCounts | ValueSums | Quotients
