"""What one look at a product experiment says: the model behind its report, tables and JSON. Words nothing.

Absence is a type: what cannot be told is None with a reason beside it, never a zero.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from analysis.product.totals import Counted, Slice
from engine.core.product import Method, ProductPlan


class Standing(StrEnum):
    """What an interval says of one variant and metric."""

    BETTER = "better"
    WORSE = "worse"
    NOT_WORSE = "not_worse"
    """A guardrail whose whole interval is inside the margin."""
    UNCLEAR = "unclear"
    TOO_FEW = "too_few"
    """Not enough units or events for any interval."""


class Lack(StrEnum):
    """What is missing where nothing, or not everything, can be told."""

    UNITS = "units"
    """Too few units in a variant."""
    SPREAD = "spread"
    """All units have the same number."""
    DENOMINATOR = "denominator"
    """Nothing, or too little, to divide by in a variant."""
    EVENTS = "events"
    """An event that the metric asks for never occurs."""
    LOOK = "look"
    """The first planned look is still to come."""
    NEAR_ZERO = "near_zero"
    """Control or treatment is too close to 0 for a relative effect; the rest can be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Where the truth lies, at the level of the plan's alpha."""

    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One variant against control in one slice.

    Attributes:
        control, treatment: means over units (ratio: of sums; quantile: the quantile), as measured.
        difference, relative: of the adjusted means; `relative` is a fraction of control, None where control
            is too close to 0 to tell.
        standard_error: of `difference`. interval, relative_interval: by the plan's method; None: too few.
        evidence: natural log of the e-value against "no difference" (anytime), else None. p_value: by the
            method. claimed: whether it survives the correction over all questions of its kind.
        reduction: share of the variance that earlier behaviour explained; 0 without.
        evidence_not_worse, p_not_worse: of guardrails, one-sided against "worse by the margin or more"; None
            otherwise, and for quantiles.
        reason: what is missing, where something is.
    """

    metric: str
    variant: str
    slice: Slice
    units_control: int
    units_treatment: int
    control: float | None
    treatment: float | None
    difference: float | None = None
    relative: float | None = None
    standard_error: float | None = None
    interval: Interval | None = None
    relative_interval: Interval | None = None
    evidence: float | None = None
    p_value: float | None = None
    claimed: bool = False
    standing: Standing = Standing.TOO_FEW
    reduction: float = 0.0
    evidence_not_worse: float | None = None
    p_not_worse: float | None = None
    reason: Lack | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bayes:
    """Flat-prior view of an effect; not safe to look at before the planned end.

    Attributes:
        chance: that the variant is better. loss: what shipping it costs on average if it is not, per unit.
    """

    metric: str
    variant: str
    chance: float
    loss: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """What an effect means with everybody on the variant, per day.

    Attributes:
        per_day, interval: in the metric's own unit. units_per_day: exposed units that this rests on.
    """

    metric: str
    variant: str
    per_day: float
    interval: Interval | None
    units_per_day: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitFinding:
    """Whether units are split as planned, in one slice.

    Attributes:
        log_e: evidence against it, of a sequential test. p_value: of the exact or chi-square test, for
            readers who know that one. alarm: whether `log_e` is over the limit.
    """

    slice: Slice
    units: Mapping[str, int]
    planned: Mapping[str, float]
    log_e: float
    p_value: float
    alarm: bool


class FaultKind(StrEnum):
    """What can be wrong with the data. Order is gravity."""

    SPLIT = "split"
    UNKNOWN_VARIANT = "unknown_variant"
    CROSSED = "crossed"
    BIASED_BEFORE = "biased_before"
    EARLY_UNEVEN = "early_uneven"
    """Units with events before their exposure are not split as planned."""
    MACHINES_UNEVEN = "machines_uneven"
    """Units that are left out as machines are not split as planned."""
    FUTURE = "future"
    EVENTS_ENDED = "events_ended"
    """Units are still exposed, but no event comes any more."""
    MISSING_DAY = "missing_day"
    VALUELESS = "valueless"
    """Events without the number that a metric sums."""
    NO_EVENTS = "no_events"
    """An event that a metric asks for never occurs."""
    EARLY_EVENTS = "early_events"
    DUPLICATES = "duplicates"
    REPEATED = "repeated"
    MACHINES = "machines"
    BEFORE_START = "before_start"
    """Units first exposed before the start, which are left out."""
    INCOMPLETE = "incomplete"
    """Rows without a unit or a time."""
    OLD = "old"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong.

    Attributes:
        grave: it makes the results untrustworthy. what: of which metric, event, variant, slice or day; empty:
            all.
        count: rows or units that it concerns. share: of all of them, as a fraction.
    """

    kind: FaultKind
    grave: bool
    what: str = ""
    count: int = 0
    share: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """How long it takes until the smallest effect of interest would be found.

    Attributes:
        needed: units per variant. units: the smallest variant has now. days: from now; None when nothing
            comes in. at_s: when that is, Unix time.
    """

    metric: str
    needed: int
    units: int
    days: float | None
    at_s: float | None


class Outcome(StrEnum):
    """What to do."""

    SHIP = "ship"
    KEEP_CONTROL = "keep_control"
    KEEP_RUNNING = "keep_running"
    DO_NOT_TRUST = "do_not_trust"


class ProductRule(StrEnum):
    """Why."""

    FAULT = "fault"
    GUARDRAIL_WORSE = "guardrail_worse"
    OBJECTIVE_WORSE = "objective_worse"
    OBJECTIVE_BETTER = "objective_better"
    GUARDRAIL_UNCLEAR = "guardrail_unclear"
    NOT_YET = "not_yet"
    ENDED_UNDECIDED = "ended_undecided"
    BEFORE_THE_END = "before_the_end"
    """A method for the planned end is looked at before it."""
    NO_DATA = "no_data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The decision and the rule that fired.

    Attributes:
        variant: which is shipped, or which lost; empty where none is meant. metric: which decided.
    """

    outcome: Outcome
    rule: ProductRule
    variant: str = ""
    metric: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """One look.

    Attributes:
        at_s: time of the look, Unix seconds. method: that intervals are by.
        effects: of all units, per metric and treatment. parts: of dimensions' values. days: per day of the
            first exposure. weekdays: per day of the week, `Slice.value` "1" is Monday.
        left: treatments that were taken out before, in the plan's order: shown, and part of no decision.
    """

    plan: ProductPlan
    at_s: float
    method: Method
    answer: Answer
    units: Mapping[str, int]
    effects: tuple[Effect, ...]
    parts: tuple[Effect, ...]
    days: tuple[Effect, ...]
    weekdays: tuple[Effect, ...]
    bayes: tuple[Bayes, ...]
    impacts: tuple[Impact, ...]
    splits: tuple[SplitFinding, ...]
    faults: tuple[Fault, ...]
    forecasts: tuple[Forecast, ...]
    counted: Counted
    caps: Mapping[str, float]
    left: tuple[str, ...] = ()
