"""The metric table: one row per metric with both arms, the effect and what it is held against. Pure."""

import math
from dataclasses import dataclass

from analysis.stats.harmed import harmed
from engine.core import wording
from engine.core.labels import VERDICT_WORDS
from engine.core.model import Bound, Experiment, Metric, MetricKind, Role, Unit
from engine.core.numbers import percent
from engine.core.plan import Stage
from engine.core.verdict import ArmSummary, Effect, Finding, Verdict, VerdictKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Bad trials out of all that counted as evidence; `rate` is None without trials.

    Other kinds have what `ArmSummary` says in their place: sums of values, events over planned shares.
    """

    bad: int | float
    total: int | float
    rate: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Extra:
    """Bad trials that the treatment had more than it would have had with control's rate (good ones fewer).

    From `low` to `high` with the error of the effect's confidence sequence; None is unbounded.
    """

    estimate: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricRow:
    """One metric of one treatment and stage.

    Attributes:
        counts: what a bad trial is, in words.
        measure: what `effect` is a number of (risk ratio, rate ratio, ratio of means, share); its confidence
            sequence from `low` to `high` holds at all times with error `alpha`; None is unknown or unbounded.
        tolerance, margin: in words. tolerance_rate, margin_rate: the treatment's rate at which they begin,
            at control's present rate; None without one.
        value_unit: what rates and differences are in, for a mean, a ratio or a level; empty for shares.
        dispersion, calibrated, correlation_windows, pods: see `Finding`.
        icon, word: of the verdict. note: why the latest window gave nothing or the metric is not
            trusted, or that an arm has too few pods to tell a bad one from a bad release.
        declared: the metric's name in the spec. variant: the treatment it is of.
        difference_low, difference_high: the confidence sequence in rate, at control's rate as counted; None
            is unknown or unbounded.
        log10_e_better: that the treatment is better; None where that is not asked. may_promote: whether that
            may promote. extra: people harmed so far; None is unknown.
    """

    metric: str
    kind: MetricKind
    role: Role
    unit: Unit
    counts: str
    control: Share
    treatment: Share
    difference: float | None
    measure: str
    effect: float | None
    low: float | None
    high: float | None
    alpha: float
    tolerance: str
    margin: str
    tolerance_rate: float | None
    margin_rate: float | None
    weight: float
    verdict: VerdictKind
    icon: str
    word: str
    note: str
    method: str
    assumptions: tuple[str, ...]
    calibrated: bool
    dispersion: float | None
    windows: int
    missing_windows: int
    declared: str = ""
    variant: str = ""
    treatment_index: int = 0
    stage: Stage = Stage.SPLIT
    higher_is_better: bool = False
    difference_low: float | None = None
    difference_high: float | None = None
    log10_e_better: float | None = None
    may_promote: bool = True
    extra: Extra | None = None
    value_unit: str = ""
    correlation_windows: float | None = None
    pods: int | None = None


def rows(experiment: Experiment, verdict: Verdict) -> tuple[MetricRow, ...]:
    """All whole metrics in the experiment's order; their parts are in `breakdowns`."""
    return tuple(
        row(experiment, metric, verdict.finding(metric.name))
        for metric in experiment.metrics
        if not metric.family
    )


def row(experiment: Experiment, metric: Metric, finding: Finding) -> MetricRow:
    """One metric, whole or part."""
    icon, word = VERDICT_WORDS[finding.verdict]
    tolerance, margin = _limits(metric)
    tolerance_rate, margin_rate = _limit_rates(metric, finding.control.rate)
    difference_low, difference_high = _difference_ends(metric, finding.effect, finding.control.rate)
    return MetricRow(
        metric=metric.name,
        kind=metric.kind,
        role=metric.role,
        unit=metric.unit,
        counts=wording.bad_trials(metric),
        control=_share(finding.control),
        treatment=_share(finding.treatment),
        difference=finding.difference,
        measure=finding.effect.measure,
        effect=finding.effect.estimate,
        low=finding.effect.low,
        high=finding.effect.high,
        alpha=finding.effect.alpha,
        tolerance=tolerance,
        margin=margin,
        tolerance_rate=tolerance_rate,
        margin_rate=margin_rate,
        weight=finding.weight,
        verdict=finding.verdict,
        icon=icon,
        word=word,
        note=_note(finding),
        method=finding.method,
        assumptions=finding.assumptions,
        calibrated=finding.calibrated,
        dispersion=finding.dispersion,
        windows=finding.windows,
        missing_windows=finding.missing_windows,
        declared=metric.measure or metric.name,
        variant=experiment.treatments[metric.treatment_index],
        treatment_index=metric.treatment_index,
        stage=metric.stage,
        higher_is_better=metric.higher_is_better,
        difference_low=difference_low,
        difference_high=difference_high,
        log10_e_better=None if finding.log_e_better is None else finding.log_e_better / math.log(10),
        may_promote=finding.may_promote,
        extra=_extra(metric, finding),
        value_unit=metric.value_unit,
        correlation_windows=finding.correlation_windows,
        pods=finding.pods,
    )


def _share(arm: ArmSummary) -> Share:
    return Share(bad=arm.bad, total=arm.total, rate=arm.rate)


def _limits(metric: Metric) -> tuple[str, str]:
    if metric.kind is MetricKind.THRESHOLD:
        limit = f"limit {percent(metric.limit)}"
        return limit, limit
    return wording.bound(metric, metric.tolerance), wording.bound(metric, metric.margin)


def _limit_rates(metric: Metric, control: float | None) -> tuple[float | None, float | None]:
    if metric.kind is MetricKind.THRESHOLD:
        return metric.limit, metric.limit
    if control is None:
        return None, None
    return _worst(metric, metric.tolerance, control), _worst(metric, metric.margin, control)


def _worst(metric: Metric, bound: Bound, control: float) -> float:
    """The treatment's rate at which the bound is reached; below control's where higher is better."""
    if not metric.higher_is_better:
        return bound.limit_for(control)
    relative = control / (1 + bound.relative) if bound.relative is not None else control
    worst = min(relative, control - (bound.absolute or 0.0))
    return max(0.0, worst) if wording.is_share(metric) else worst


def _difference_ends(
    metric: Metric, effect: Effect, control: float | None
) -> tuple[float | None, float | None]:
    """The ratio's confidence sequence as differences from control's rate; a share is at most 1."""
    if control is None or control < 0.0 or effect.measure == "share":
        return None, None
    low, high = effect.low, effect.high
    most = 1.0 if wording.is_share(metric) else math.inf
    return (
        None if low is None else max(low - 1, -1) * control,
        None if high is None else min((high - 1) * control, most),
    )


def _extra(metric: Metric, finding: Finding) -> Extra | None:
    """Nobody is harmed by a probe, and without a ratio nothing can be told."""
    if metric.stage is Stage.PREVIEW or finding.effect.measure == "share":
        return None
    found = harmed(finding)
    if found is None:
        return None
    estimate, low, high = found
    if metric.higher_is_better:
        estimate, low, high = -estimate, None if high is None else -high, None if low is None else -low
    return Extra(estimate=estimate, low=low, high=high)


def _note(finding: Finding) -> str:
    if finding.distrust:
        return finding.distrust
    if finding.missing is not None:
        return wording.missing(finding.missing.reason)
    # The whole metric says it of all its parts.
    return "" if finding.family else wording.few_pods(finding.pods)
