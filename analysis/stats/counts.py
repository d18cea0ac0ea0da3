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

    @property
    def of_first_run(self) -> "TrialCounts":
        """The first run's counts, without the axis of runs."""
        return TrialCounts(bad_t=self.bad_t[0], n_t=self.n_t[0], bad_c=self.bad_c[0], n_c=self.n_c[0])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EventCounts:
    """Events of each arm and the treatment's planned share of both arms' traffic, each of shape (runs,)."""

    treatment: Floats
    control: Floats
    share: Floats

    @property
    def of_first_run(self) -> "EventCounts":
        """The first run's counts, without the axis of runs."""
        return EventCounts(treatment=self.treatment[0], control=self.control[0], share=self.share[0])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BucketCounts:
    """Trials per bucket, not cumulative, shape (runs, buckets); the last bucket has no upper bound.

    `slo` is the index of the bucket that ends at the latency objective, None without one.
    """

    treatment: Floats
    control: Floats
    slo: int | None

    @property
    def of_first_run(self) -> "BucketCounts":
        """The first run's counts, without the axis of runs."""
        return BucketCounts(treatment=self.treatment[0], control=self.control[0], slo=self.slo)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ValueSums:
    """Number, sum and sum of squares of values per arm, each of shape (runs, 3).

    `spread_known` is whether sums of squares mean anything.
    """

    treatment: Floats
    control: Floats
    spread_known: bool

    @property
    def of_first_run(self) -> "ValueSums":
        """The first run's counts, without the axis of runs."""
        return ValueSums(treatment=self.treatment[0], control=self.control[0], spread_known=self.spread_known)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Quotients:
    """Numerator and denominator per arm, each of shape (runs, 2); a level has the denominator 1."""

    treatment: Floats
    control: Floats

    @property
    def of_first_run(self) -> "Quotients":
        """The first run's counts, without the axis of runs."""
        return Quotients(treatment=self.treatment[0], control=self.control[0])


Counts = TrialCounts | EventCounts | BucketCounts | ValueSums | Quotients
