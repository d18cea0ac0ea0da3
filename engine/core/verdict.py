"""What the evidence says, with an error rate. What to do about it is `engine.core.decide`'s business."""

from dataclasses import dataclass
from enum import StrEnum

from engine.core.measure import Missing
from engine.core.model import MetricKind, Role, Unit
from engine.core.plan import Stage


class VerdictKind(StrEnum):
    """The six things evidence can say."""

    HARMFUL = "harmful"
    NOT_WORSE = "not_worse"
    BETTER = "better"
    UNDECIDED = "undecided"
    NO_DATA = "no_data"
    UNTRUSTWORTHY = "untrustworthy"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmSummary:
    """Totals of one arm since launch (and since the last weight change).

    `bad` of `total`: trials gone wrong (above the objective for latency), or what the kind has instead: a sum
    of values over how many, a numerator over a denominator, events over planned shares of windows.
    """

    bad: float
    total: float
    step_bad: float
    step_total: float

    @property
    def rate(self) -> float | None:
        """Share of bad trials (or mean, ratio, level, rate), or None without trials."""
        return self.bad / self.total if self.total else None

    @property
    def step_rate(self) -> float | None:
        """Share of bad trials at this step, or None without trials."""
        return self.step_bad / self.step_total if self.step_total else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """A difference with its anytime-valid confidence sequence; `low`/`high` of None is unbounded.

    Attributes:
        measure: what the number is: `risk ratio`, `rate ratio`, `ratio of means`, `difference`, `share`.
        estimate: None while it cannot be computed (no events in control, say).
    """

    measure: str
    estimate: float | None
    low: float | None
    high: float | None
    alpha: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What the evidence says about one metric.

    Attributes:
        log_e_harm: natural log of the e-value against "not worse than tolerance", this window.
        log_e_harm_max: its largest value so far. log_e_promote: against "worse by margin or more", now.
        difference: treatment minus control in rate (absolute), None without data.
        inside_margin_at_step: whether this step's own estimate is inside the margin; None without trials.
        missing: why the latest window gave nothing, or None.
        missing_windows: how many windows gave nothing so far. windows: how many counted.
        distrust: why the metric's assumptions fail, empty if they hold.
        calibrated: the dispersion was known before the run (declared, or estimated from history).
        dispersion: variance of the windows over that of independent trials, as used; None without any.
        correlation_windows: how many windows stay correlated, as estimated in the run; None if unknown.
        pods: the fewest pods of an arm in the windows counted, where the series say so; None if they do not.
        log_e_better: against "not better than control", now; None where that is not asked (no objective).
        may_promote: whether being better counts for promotion; not when requests of sticky visitors are
            counted, because those are not independent.
        measure, treatment_index, stage, family: see `Metric`.
        discovered: of a part of another metric, that harm shows there, with few false ones among all parts
            that are named (see `analysis.stats.discoveries`); it is then `harmful`, and else never is.
    """

    metric: str
    kind: MetricKind
    role: Role
    unit: Unit
    verdict: VerdictKind
    weight: float
    control: ArmSummary
    treatment: ArmSummary
    effect: Effect
    difference: float | None
    log_e_harm: float
    log_e_harm_max: float
    log_e_promote: float
    inside_margin_at_step: bool | None
    method: str
    assumptions: tuple[str, ...]
    calibrated: bool
    dispersion: float | None
    windows: int
    missing_windows: int
    missing: Missing | None
    distrust: str
    log_e_better: float | None = None
    may_promote: bool = True
    measure: str = ""
    treatment_index: int = 0
    stage: Stage = Stage.SPLIT
    correlation_windows: float | None = None
    pods: int | None = None
    family: str = ""
    discovered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmVerdict:
    """What the evidence says about one treatment.

    Attributes:
        log_e_harm: of its e-process against harm, now; it has its part of alpha_rollback.
        culprit: the metric with the most evidence of harm. better_by: the objective that is better, by Holm
            over treatments and objectives; empty without.
    """

    treatment: str
    kind: VerdictKind
    harm_latched: bool
    log_e_harm: float
    culprit: str
    better_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitFinding:
    """Whether one treatment got the visitors it was planned to get, against control.

    Attributes:
        planned: the treatment's planned share of both, in the windows counted (weighted by visitors); None
            before the first. control, treatment: visitors counted.
        log_e: log e-value against "as planned, within tolerance", now. alarm: it reached 100, now or before.
        windows: counted; those around weight changes are left out.
    """

    treatment: str
    planned: float | None
    control: int
    treatment_count: int
    log_e: float
    alarm: bool
    windows: int

    @property
    def seen(self) -> float | None:
        """The treatment's share of both as counted, None without visitors."""
        total = self.control + self.treatment_count
        return self.treatment_count / total if total else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the evidence says about the run.

    Attributes:
        log_e_harm: natural log of the run's e-process (weighted average over deciding metrics), now.
        harm_latched: it crossed log(1/alpha_rollback) at this or an earlier window; with several treatments,
            every one of them did.
        culprit: the metric with the largest weighted evidence of harm, empty without any.
        windows: windows that counted as evidence. windows_read: all windows read, warm-up and gaps too.
        data_until_s: end of the latest window in which every deciding metric was measured, None before.
        arms: one per treatment. splits: one per treatment, none where the check is exempt.
        stage: of the latest window; `kind` speaks of the metrics of this stage.
    """

    kind: VerdictKind
    findings: tuple[Finding, ...]
    log_e_harm: float
    harm_latched: bool
    culprit: str
    alpha_rollback: float
    alpha_promote: float
    windows: int
    windows_read: int
    data_until_s: float | None
    arms: tuple[ArmVerdict, ...] = ()
    splits: tuple[SplitFinding, ...] = ()
    stage: Stage = Stage.SPLIT

    def finding(self, metric: str) -> Finding:
        """The finding of one metric by name."""
        return next(finding for finding in self.findings if finding.metric == metric)
