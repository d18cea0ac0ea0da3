"""The metric table: one row per metric with both arms, the effect and what it is held against. Pure."""

from dataclasses import dataclass

from engine.core import wording
from engine.core.labels import VERDICT_WORDS
from engine.core.model import Experiment, Metric, MetricKind, Role, Unit
from engine.core.numbers import percent
from engine.core.verdict import ArmSummary, Finding, Verdict, VerdictKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Bad trials out of all that counted as evidence; `rate` is None without trials."""

    bad: int
    total: int
    rate: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricRow:
    """One metric.

    Attributes:
        counts: what a bad trial is, in words.
        measure: what `effect` is a number of (risk ratio, odds ratio, share); its confidence sequence from
            `low` to `high` holds at all times with error `alpha`; None is unknown or unbounded.
        tolerance, margin: in words. tolerance_rate, margin_rate: the treatment's rate at which they begin,
            at control's present rate; None without one.
        icon, word: of the verdict. note: why the latest window gave nothing or the metric is not trusted.
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


def rows(experiment: Experiment, verdict: Verdict) -> tuple[MetricRow, ...]:
    """All metrics in the experiment's order."""
    return tuple(_row(metric, verdict.finding(metric.name)) for metric in experiment.metrics)


def _row(metric: Metric, finding: Finding) -> MetricRow:
    icon, word = VERDICT_WORDS[finding.verdict]
    tolerance, margin = _limits(metric)
    tolerance_rate, margin_rate = _limit_rates(metric, finding.control.rate)
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
    )


def _share(arm: ArmSummary) -> Share:
    return Share(bad=arm.bad, total=arm.total, rate=arm.rate)


def _limits(metric: Metric) -> tuple[str, str]:
    if metric.kind is MetricKind.THRESHOLD:
        limit = f"limit {percent(metric.limit)}"
        return limit, limit
    return wording.bound(metric.tolerance), wording.bound(metric.margin)


def _limit_rates(metric: Metric, control: float | None) -> tuple[float | None, float | None]:
    if metric.kind is MetricKind.THRESHOLD:
        return metric.limit, metric.limit
    if control is None:
        return None, None
    return metric.tolerance.limit_for(control), metric.margin.limit_for(control)


def _note(finding: Finding) -> str:
    if finding.distrust:
        return finding.distrust
    return "" if finding.missing is None else wording.missing(finding.missing.reason)
