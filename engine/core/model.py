"""The experiment as a value: what is released, how, and by which evidence.

Built once at the border by `engine.spec`; nothing in here parses, reads or writes.
Shares and rates are fractions (0.01 is 1 %), weights are whole percent, times are seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from enum import StrEnum


class Arm(StrEnum):
    """The two sides of a comparison."""

    CONTROL = "control"
    TREATMENT = "treatment"


class Mode(StrEnum):
    """Whether the engine moves traffic or only records what it would do."""

    ACT = "act"
    OBSERVE = "observe"


class Policy(StrEnum):
    """What to do when evidence cannot be had in time. No policy promotes."""

    ROLLBACK = "rollback"
    HOLD = "hold"


class MetricKind(StrEnum):
    """What a metric counts; decides the statistical method."""

    PROPORTION = "proportion"
    DISTRIBUTION = "distribution"
    THRESHOLD = "threshold"


class Role(StrEnum):
    """What a metric may decide. Quality is shown and never decides."""

    OBJECTIVE = "objective"
    GUARDRAIL = "guardrail"
    QUALITY = "quality"


class Unit(StrEnum):
    """What one trial is."""

    REQUEST = "request"
    SESSION = "session"
    USER = "user"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """How much worse than control, as the larger of a ratio and an absolute difference.

    Attributes:
        relative: allowed increase as a fraction of control (0.5 allows 1.5 times), or None.
        absolute: allowed increase in the metric's own unit (0.001 is 0.1 percentage points), or None.
    """

    relative: float | None = None
    absolute: float | None = None

    def limit_for(self, control: float) -> float:
        """The largest treatment value that is still inside, given control's value.

        >>> Bound(relative=0.5, absolute=0.001).limit_for(0.0004)
        0.0014
        """
        allowed = (control * (1 + self.relative)) if self.relative is not None else control
        return max(allowed, control + (self.absolute or 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Matcher:
    """One label condition of a selector; `op` is one of =, !=, =~, !~."""

    label: str
    op: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """A counter's name and label conditions; never an expression."""

    name: str
    matchers: tuple[Matcher, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One thing measured on both arms; lower is better.

    Attributes:
        bad: counter of bad trials (proportion, threshold); None for a distribution.
        total: counter of all trials (proportion, threshold); None for a distribution.
        buckets: the `_bucket` counter of a classic histogram (distribution only).
        arm_labels: per arm the label values that tell its series apart.
        slo_s: latency objective in seconds; the share above it decides promotion (distribution only).
        limit: largest acceptable share of bad trials (threshold only).
        tolerance: worse than this is harm. margin: not worse than this may ship.
        weight: share of the run's rollback evidence; weights of all deciding metrics add up to 1.
    """

    name: str
    kind: MetricKind
    role: Role
    unit: Unit
    arm_labels: Mapping[Arm, Mapping[str, str]]
    tolerance: Bound
    margin: Bound
    weight: float
    bad: Selector | None = None
    total: Selector | None = None
    buckets: Selector | None = None
    slo_s: float | None = None
    limit: float | None = None

    @property
    def decides(self) -> bool:
        """Whether the metric takes part in verdicts."""
        return self.role is not Role.QUALITY


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One rung of the ramp; below 100 %, because promotion is the 100."""

    weight_pct: int
    hold_s: float
    floor: int
    approve: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a strategy made of its options: the rungs and what the end needs."""

    strategy: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseWindow:
    """When traffic may be given: weekdays (0 is Monday) and local times in a named time zone."""

    days: tuple[int, ...]
    start: time
    end: time
    time_zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginChoice:
    """A plugin by name with its checked options as plain JSON values."""

    name: str
    options: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class GateChoice:
    """The flag that gates the experiment and the OpenFeature provider that answers for it."""

    flag: str
    provider: str
    options: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """A release experiment with every default filled in."""

    name: str
    control: str
    treatment: str
    target: PluginChoice
    source: PluginChoice
    gate: GateChoice
    plan: Plan
    metrics: tuple[Metric, ...]
    mode: Mode
    interval_s: float
    warm_up_s: float
    horizon_s: float
    patience_s: float
    progress_deadline_s: float
    alpha_rollback: float
    alpha_promote: float
    on_blind: Policy
    on_untrustworthy: Policy
    on_undecided: Policy
    windows: tuple[ReleaseWindow, ...] = ()
    description: str = ""

    def metric(self, name: str) -> Metric:
        """The metric of this name."""
        return next(metric for metric in self.metrics if metric.name == name)
