"""The experiment as a value: what is released, how, and by which evidence.

Built once at the border by `engine.spec`; nothing in here parses, reads or writes.
Shares and rates are fractions (0.01 is 1 %), weights are whole percent, times are seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import time
from enum import StrEnum

from engine.core.plan import Plan, Policy, Stage


class Arm(StrEnum):
    """The two sides of a comparison."""

    CONTROL = "control"
    TREATMENT = "treatment"


class Mode(StrEnum):
    """Whether the engine moves traffic or only records what it would do."""

    ACT = "act"
    OBSERVE = "observe"


class NoticeKind(StrEnum):
    """What somebody may want to be told."""

    LAUNCHED = "launched"
    NEEDS_APPROVAL = "needs_approval"
    BLOCKED = "blocked"
    ROLLBACK = "rollback"
    PROMOTED = "promoted"
    STOPPED = "stopped"


class MetricKind(StrEnum):
    """What a metric counts; decides the statistical method."""

    PROPORTION = "proportion"
    COUNT = "count"
    """Events without a denominator; expected in proportion to planned traffic."""
    MEAN = "mean"
    DISTRIBUTION = "distribution"
    RATIO = "ratio"
    """One sum over another, neither of which counts trials (bytes per request, cost per order)."""
    GAUGE = "gauge"
    """A level that is read once per window and arm (memory, queue length)."""
    THRESHOLD = "threshold"
    ASSIGNMENT = "assignment"
    """Trials only (`total`), for the split check; never one of the experiment's metrics."""

    @property
    def counts_trials(self) -> bool:
        """Whether it has trials that a step's floor can ask for."""
        return self not in {MetricKind.COUNT, MetricKind.RATIO, MetricKind.GAUGE}


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
    """One thing measured on control and one treatment, in one stage of the plan.

    A declared metric becomes one of these per treatment and stage; `name` differs from `measure` only then.

    Attributes:
        measure: the metric's name as declared.
        treatment_index: which of the experiment's treatments is compared with control.
        stage: the stage whose windows count; when settling, control's trials are those before the switch.
        higher_is_better: `bad` then counts the good trials, and every comparison is turned round.
        bad: counter of bad trials (proportion, threshold), of events (count), or of what is summed (mean: the
            values, ratio: the numerator); None for a distribution, a gauge and for probes.
        total: counter of all trials (proportion, threshold, mean), or the ratio's denominator; else None.
        squares: counter of the squared values (mean), None where buckets or windows have to tell the spread.
        buckets: the `_bucket` counter of a classic histogram (distribution, mean).
        histogram: a native histogram by its name (distribution, mean).
        expression: PromQL of a gauge, one series per arm.
        arm_labels: per arm the label values that tell its series apart.
        slo_s: latency objective in seconds; the share above it decides promotion (distribution), or is bad
            (probes).
        limit: largest acceptable share of bad trials (threshold only).
        tolerance: worse than this is harm. margin: not worse than this may ship.
        effect: the worsening that harm tests are built to find soon, as a fraction of control (0.5 is 1.5
            times); None takes it from the margin. It sets speed, never validity.
        dispersion: how much more than independent trials the metric's windows vary, as a ratio of variances,
            known from history (see `calibrate`); None lets the run estimate it, carefully.
        value_unit: what a mean, ratio or gauge is measured in, as shown ("s", "bytes"); empty for shares.
        weight: share of the run's rollback evidence; weights of all deciding metrics add up to 1.
        segment: the label and value that this is the part of another metric with; None for a whole metric.
        family: of a part, the name of that metric; empty for a whole one.
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
    squares: Selector | None = None
    buckets: Selector | None = None
    histogram: Selector | None = None
    expression: str | None = None
    slo_s: float | None = None
    limit: float | None = None
    measure: str = ""
    treatment_index: int = 0
    stage: Stage = Stage.SPLIT
    higher_is_better: bool = False
    effect: float | None = None
    dispersion: float | None = None
    value_unit: str = ""
    segment: Matcher | None = None
    family: str = ""

    @property
    def decides(self) -> bool:
        """Whether the metric takes part in verdicts."""
        return self.role is not Role.QUALITY


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
class SinkChoice:
    """Somebody to be told: a sink plugin with its options, and of what.

    Attributes:
        name: of this sink within the experiment.
    """

    name: str
    plugin: PluginChoice
    on: tuple[NoticeKind, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """A release experiment with every default filled in.

    Attributes:
        treatment: the first (usually the only) treatment. more_treatments: the others of an A/B test.
        splits: per treatment what the router counts for the split check; none where it is exempt.
        split_tolerance: how far the treatment's share may be off, relative to the smaller arm's.
        sticky: a visitor stays on a variant, so weights must not change; arms_pct: but up to these shares of
            the treatments, where the target deals out arms once for all (see `TargetFacts`).
        preview_url: where the treatment answers without the router.
    """

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
    more_treatments: tuple[str, ...] = ()
    splits: tuple[Metric, ...] = ()
    split_tolerance: Bound = Bound(relative=0.1, absolute=0.01)
    sticky: bool = False
    preview_url: str | None = None
    sinks: tuple[SinkChoice, ...] = ()
    on_foreign: Policy = Policy.HOLD
    arms_pct: tuple[int, ...] = ()

    @property
    def treatments(self) -> tuple[str, ...]:
        """All treatments, in the order of their weights."""
        return (self.treatment, *self.more_treatments)

    @property
    def read_metrics(self) -> tuple[Metric, ...]:
        """What the metric source is asked for: everything that is not probed, and the split's counts."""
        return tuple(m for m in self.metrics if m.stage is not Stage.PREVIEW) + self.splits

    @property
    def probed_metrics(self) -> tuple[Metric, ...]:
        """What probes measure."""
        return tuple(metric for metric in self.metrics if metric.stage is Stage.PREVIEW)

    def without_parts(self) -> "Experiment":
        """The same without what breakdowns only show."""
        return replace(self, metrics=tuple(metric for metric in self.metrics if not metric.family))

    def metric(self, name: str) -> Metric:
        """The metric of this name."""
        return next(metric for metric in self.metrics if metric.name == name)
