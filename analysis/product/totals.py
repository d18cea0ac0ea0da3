"""What is known of an experiment's units once their events are summed up: exact, so that order never matters.

Everything that a report says of numbers is made from these values; nothing in here queries or estimates.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

SCALE = 1_000_000
"""Numbers of units are kept in whole millionths, so that sums do not depend on their order."""


class Variable(StrEnum):
    """One number of a unit within a metric."""

    Y = "y"
    """The metric's (a ratio's numerator), capped."""
    D = "d"
    """A ratio's denominator."""
    X = "x"
    """As `y`, of the time before the first exposure."""
    W = "w"
    """As `d`, of the time before the first exposure."""


Pair = tuple[Variable, Variable]
"""In the order in which `Variable` names them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Sums over the units of a cell, of one metric.

    Attributes:
        units: how many. sums: per variable, in 1 / SCALE. products: per pair, in 1 / SCALE².
    """

    units: int
    sums: Mapping[Variable, int]
    products: Mapping[Pair, int]

    def mean(self, variable: Variable) -> float:
        """Mean over units; needs one."""
        return float(Fraction(self.sums[variable], self.units * SCALE))

    def covariance(self, one: Variable, other: Variable) -> float:
        """Over units, with n - 1; needs two. Exact until the last step, so that large means cost nothing."""
        pair = (one, other) if (one, other) in self.products else (other, one)
        centred = self.units * self.products[pair] - self.sums[one] * self.sums[other]
        return float(Fraction(centred, self.units * (self.units - 1) * SCALE**2))

    def __add__(self, other: "Moments") -> "Moments":
        """Of both cells together."""
        return Moments(
            units=self.units + other.units,
            sums={key: value + other.sums[key] for key, value in self.sums.items()},
            products={key: value + other.products[key] for key, value in self.products.items()},
        )


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Slice:
    """A part of the units: all of them, those with a value of a dimension, or those first exposed on a day.

    Attributes:
        dimension: its column, empty for all; `DAY` for the day of the first exposure (UTC, ISO date).
    """

    dimension: str = ""
    value: str = ""


ALL = Slice()
DAY = "@day"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """Units whose number lies in (low, high], in 1 / SCALE; for quantiles."""

    low: int
    high: int
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What was found in the tables, and left out of them, in units unless named otherwise.

    Attributes:
        exposures, repeated: rows of exposures, and those that repeat an earlier one of the same unit.
        events, duplicates: rows of events of known units, and those whose id was there already.
        early: events before the first exposure that no metric's earlier time asks for. early_units: units
            that have such events, per variant.
        crossed: units seen in two variants, left out. excluded: by declared exclusions. before_start: units
            first exposed before the experiment starts, left out. machines: units with more events than
            `most_events`, left out, per variant. unknown: units per variant that nobody declared.
        future: rows with a time of more than ten minutes after the look: some clock is wrong. All after it
            are left out.
        incomplete: rows of either table without a unit or a time, left out. valueless: per metric that sums
            a column, its events that hold no usable number there; each counts as 0.
        first_s, last_s: times of the first and the last exposure or event that counts.
        days: units first exposed per day and variant, every day between the first and the last.
        events_by_day: rows of events per day. events_by_name: the same per event that a metric asks for, 0
            for one that never occurs.
    """

    exposures: int
    repeated: int
    events: int
    duplicates: int
    early: int
    early_units: Mapping[str, int]
    crossed: int
    excluded: int
    before_start: int
    machines: Mapping[str, int]
    unknown: Mapping[str, int]
    future: int
    incomplete: int
    valueless: Mapping[str, int]
    first_s: float | None
    last_s: float | None
    days: Mapping[str, Mapping[str, int]]
    events_by_day: Mapping[str, int]
    events_by_name: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Everything that one look at the tables brings back.

    Attributes:
        units: per variant and slice. moments: per variant, slice and metric.
        buckets: per variant and metric, of quantile metrics. caps: per metric, what its numbers were cut to.
    """

    units: Mapping[tuple[str, Slice], int]
    moments: Mapping[tuple[str, Slice, str], Moments]
    buckets: Mapping[tuple[str, str], tuple[Bucket, ...]]
    caps: Mapping[str, float]
    counted: Counted
