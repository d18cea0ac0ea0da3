"""A product experiment as a value: what is asked of users' events, and how sure an answer must be.

Built once at the border by `engine.spec`; nothing in here parses, reads or writes. Shares and alphas are
fractions, times are seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from engine.core.model import Bound, Role

LARGEST_VALUE = 1e12
"""An event's value beyond it, above or below 0, is none: looks keep whole millionths in 64 bits."""


class Aggregate(StrEnum):
    """How the events of one unit become its number."""

    CONVERSION = "conversion"
    """1 for a unit that has the event in the metric's time, else 0; with a later start it is retention."""
    COUNT = "count"
    """How many of the events a unit has."""
    SUM = "sum"
    """The sum of a column of a unit's events: revenue, minutes."""
    RATIO = "ratio"
    """The sum over all units of one number over that of another; units differ in both."""
    QUANTILE = "quantile"
    """A quantile over units of their sums."""


class Method(StrEnum):
    """When an interval may be looked at."""

    ANYTIME = "anytime"
    """At every look, however many there are."""
    FIXED = "fixed"
    """Once, at the planned end."""
    GROUP_SEQUENTIAL = "group_sequential"
    """At the planned looks, which share out alpha."""


class Spending(StrEnum):
    """How planned looks share out alpha (Lan and DeMets, 1983)."""

    OBRIEN_FLEMING = "obrien_fleming"
    POCOCK = "pocock"
    POWER = "power"
    """Alpha times the cube of the share of the information."""


class Correction(StrEnum):
    """How many questions at once are kept honest."""

    HOLM = "holm"
    """The chance of a single false claim, over all of them."""
    E_BH = "e_bh"
    """The share of false ones among the claims; needs evidence that may be looked at any time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What is taken of a unit's events: their number, or the sum of a column of theirs.

    Attributes:
        event: name of the events. value: the column that is summed; None counts them.
    """

    event: str
    value: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductMetric:
    """One number per unit, compared between variants.

    Attributes:
        measure: what is taken (a ratio's numerator). per: a ratio's denominator, else None.
        from_s, within_s: events count from so long after a unit's first exposure, and until then (None:
            until the data end).
        cap: largest number that a unit may have. winsorize: the same as a quantile over all units (0.999).
        quantile: which one, for a quantile, else None.
        margin: how much worse a guardrail may be. before_s: length of the time before the first exposure
            whose number predicts a unit's (CUPED); None for no such adjustment.
        value_unit: as shown ("EUR", "min"); empty for shares and counts.
    """

    name: str
    aggregate: Aggregate
    measure: Measure
    role: Role
    margin: Bound
    per: Measure | None = None
    from_s: float = 0.0
    within_s: float | None = None
    cap: float | None = None
    winsorize: float | None = None
    quantile: float | None = None
    higher_is_better: bool = True
    before_s: float | None = None
    value_unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """A column of exposures by which results are broken down.

    Attributes:
        confirmatory: declared before the start, so that its claims count; else exploratory.
    """

    column: str
    confirmatory: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """Units whose first exposure has one of these values in a column are left out: bots, testers."""

    column: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """Where exposures and events are.

    Attributes:
        warehouse: how Ibis connects: `duckdb://FILE`, a directory of Parquet or CSV, `postgres://…`,
            `pyspark://…`. Never holds a password: that comes from the environment.
        recorded_as: the experiment whose exposures the engine recorded itself, in its own store, and that are
            meant; None where they are in `warehouse`.
        exposures, events: names of tables, or of files in that directory.
        columns: the names of columns here that differ from ours: `unit`, `time`, `variant` of exposures;
            `unit`, `time`, `name`, `id` of events.
    """

    warehouse: str
    exposures: str = "exposures"
    events: str = "events"
    columns: Mapping[str, str]
    recorded_as: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A variant and its planned share of the exposed units, as a fraction."""

    variant: str
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductPlan:
    """Everything that is fixed before anybody looks.

    Attributes:
        shares: control first. unit: what is assigned ("user"), for wording.
        most_events: a unit with more events than this is a machine, and left out.
        starts_s, ends_s: Unix time of the first exposure that counts, and of the planned end; None: open.
        looks: how many are planned (group sequential). mde: the relative effect that should be found.
    """

    name: str
    question: str
    shares: tuple[Share, ...]
    tables: Tables
    metrics: tuple[ProductMetric, ...]
    unit: str = "user"
    dimensions: tuple[Dimension, ...] = ()
    exclusions: tuple[Exclusion, ...] = ()
    most_events: int = 10_000
    method: Method = Method.ANYTIME
    spending: Spending = Spending.OBRIEN_FLEMING
    correction: Correction = Correction.HOLM
    looks: int = 1
    alpha: float = 0.05
    power: float = 0.8
    mde: float = 0.02
    starts_s: float | None = None
    ends_s: float | None = None

    @property
    def control(self) -> str:
        """The variant that the others are compared with."""
        return self.shares[0].variant

    @property
    def treatments(self) -> tuple[str, ...]:
        """All other variants, in order."""
        return tuple(share.variant for share in self.shares[1:])

    def metric(self, name: str) -> ProductMetric:
        """The metric of this name."""
        return next(metric for metric in self.metrics if metric.name == name)
