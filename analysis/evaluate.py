"""The one door to the statistics: fold observations into evidence, read the verdict from it. Pure.

Says what is true of the release, with an error rate. What to do about it is `engine.core.decide`'s business.

The run's harm evidence is the weighted average of its deciding metrics' e-processes, looked at after every
window; reaching 1/alpha_rollback latches. Promotion needs every deciding metric's own evidence, now. Many
looks, ramps and several metrics need no further correction (Ville's inequality; averages of e-values are
e-values).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log
from typing import Any

from pydantic import TypeAdapter, ValidationError

from analysis.stats import evidence as fold
from analysis.stats.evidence import MetricEvidence
from analysis.stats.findings import finding
from analysis.stats.mixture import LOG_NOTHING
from engine.core.measure import Observation
from engine.core.model import Experiment, Metric, Stage
from engine.core.verdict import Finding, Verdict, VerdictKind
from engine.errors import CorruptRecord

_STARTS_PER_HORIZON = 32


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """Everything about a run that its verdict depends on; a few kilobytes per metric.

    Attributes:
        metrics: one state per metric, in the experiment's order.
        windows: how many gave evidence on some metric. windows_read: all, warm-up and gaps too.
        origin_s: start of the first window. period: which part of the horizon's time grid the latest is in.
        log_e_harm: the run's e-process now. culprit: who gave most of it when it latched, empty before.
        data_until_s: end of the latest window in which every deciding metric was measured.
    """

    metrics: tuple[MetricEvidence, ...]
    windows: int = 0
    windows_read: int = 0
    origin_s: float | None = None
    period: int = 0
    log_e_harm: float = 0.0
    harm_latched: bool = False
    culprit: str = ""
    data_until_s: float | None = None

    def to_plain(self) -> dict[str, Any]:
        """As plain JSON values, without loss."""
        plain: dict[str, Any] = _PLAIN.dump_python(self, mode="json")
        return plain

    @classmethod
    def from_plain(cls, experiment: Experiment, plain: Mapping[str, Any]) -> "Evidence":
        """The evidence again. CorruptRecord when `plain` is none, or not of this experiment's metrics."""
        try:
            evidence = _PLAIN.validate_python(plain)
        except (ValidationError, KeyError, TypeError) as error:
            msg = f"stored evidence cannot be read: {error}"
            raise CorruptRecord(msg) from error
        found = [state.name for state in evidence.metrics]
        wanted = [metric.name for metric in experiment.metrics]
        if found != wanted:
            msg = f"stored evidence is of the metrics {found}, the experiment has {wanted}"
            raise CorruptRecord(msg)
        return evidence


_PLAIN = TypeAdapter(Evidence)


def start(experiment: Experiment) -> Evidence:
    """No evidence yet."""
    return Evidence(metrics=tuple(fold.nothing_yet(metric) for metric in experiment.metrics))


def update(experiment: Experiment, evidence: Evidence, observations: Sequence[Observation]) -> Evidence:
    """Evidence after more windows: consecutive, in order, and each given exactly once over the run.

    With a window that is a new start, step totals begin again, and harm may have begun there.
    """
    for observation in observations:
        evidence = _after(experiment, evidence, observation)
    return evidence


def probed(experiment: Experiment, evidence: Evidence) -> int:
    """How many probes have been answered, or not answered, so far."""
    return max(
        (
            state.tally.treatment.total
            for metric, state in zip(experiment.metrics, evidence.metrics, strict=True)
            if metric.stage is Stage.PREVIEW
        ),
        default=0,
    )


def verdict(experiment: Experiment, evidence: Evidence) -> Verdict:
    """What the evidence says now."""
    latched = evidence.culprit if evidence.harm_latched else ""
    findings = tuple(
        finding(experiment, metric, state, is_culprit=metric.name == latched)
        for metric, state in zip(experiment.metrics, evidence.metrics, strict=True)
    )
    return Verdict(
        kind=_run_verdict([found for found in findings if _decides(experiment, found)], evidence),
        findings=findings,
        log_e_harm=evidence.log_e_harm,
        harm_latched=evidence.harm_latched,
        culprit=evidence.culprit or _suspect(experiment, evidence.metrics),
        alpha_rollback=experiment.alpha_rollback,
        alpha_promote=experiment.alpha_promote,
        windows=evidence.windows,
        windows_read=evidence.windows_read,
        data_until_s=evidence.data_until_s,
    )


def _after(experiment: Experiment, evidence: Evidence, observation: Observation) -> Evidence:
    window = observation.window
    origin_s = window.start_s if evidence.origin_s is None else evidence.origin_s
    passed = (window.start_s - origin_s) / experiment.horizon_s
    period = max(evidence.period, int(passed * _STARTS_PER_HORIZON))
    states = evidence.metrics
    if observation.new_start:
        states = tuple(fold.at_new_step(state) for state in states)
    if observation.new_start or period > evidence.period:
        states = tuple(fold.at_new_start(state) for state in states)
    states = tuple(
        fold.with_reading(metric, state, observation.readings[metric.name], warm_up=observation.warm_up)
        for metric, state in zip(experiment.metrics, states, strict=True)
    )
    log_e = _run_log_e(experiment, states)
    crossed = log_e >= -log(experiment.alpha_rollback)
    return Evidence(
        metrics=states,
        windows=evidence.windows + _any_counted(evidence.metrics, states),
        windows_read=evidence.windows_read + 1,
        origin_s=origin_s,
        period=period,
        log_e_harm=log_e,
        harm_latched=evidence.harm_latched or crossed,
        culprit=evidence.culprit or (_suspect(experiment, states) if crossed else ""),
        data_until_s=window.end_s if _all_measured(experiment, states) else evidence.data_until_s,
    )


def _weighted(
    metrics: Sequence[Metric], states: Sequence[MetricEvidence]
) -> list[tuple[float, Metric, MetricEvidence]]:
    """Log of weight times e-value per deciding metric; one whose assumptions fail contributes nothing."""
    return [
        (log(metric.weight) + state.harm.log_e, metric, state)
        for metric, state in zip(metrics, states, strict=True)
        if metric.decides and metric.weight > 0.0 and not state.distrust
    ]


def _run_log_e(experiment: Experiment, states: Sequence[MetricEvidence]) -> float:
    logs = [logged for logged, _, _ in _weighted(experiment.metrics, states)]
    if not logs:
        return LOG_NOTHING
    top = max(logs)
    return max(LOG_NOTHING, top + log(sum(exp(logged - top) for logged in logs)))


def _suspect(experiment: Experiment, states: Sequence[MetricEvidence]) -> str:
    """The metric with the largest weighted evidence of harm, empty when none has any."""
    logs = [
        (logged, metric.name)
        for logged, metric, state in _weighted(experiment.metrics, states)
        if state.harm.log_e > 0.0
    ]
    return max(logs, key=lambda entry: entry[0])[1] if logs else ""


def _any_counted(before: Sequence[MetricEvidence], after: Sequence[MetricEvidence]) -> bool:
    return any(new.windows > old.windows for old, new in zip(before, after, strict=True))


def _all_measured(experiment: Experiment, states: Sequence[MetricEvidence]) -> bool:
    return all(
        state.missing is None and not state.distrust
        for metric, state in zip(experiment.metrics, states, strict=True)
        if metric.decides
    )


def _decides(experiment: Experiment, found: Finding) -> bool:
    return next(metric for metric in experiment.metrics if metric.name == found.metric).decides


def _run_verdict(deciding: Sequence[Finding], evidence: Evidence) -> VerdictKind:
    if evidence.harm_latched:
        return VerdictKind.HARMFUL
    kinds = {found.verdict for found in deciding}
    for kind in (VerdictKind.UNTRUSTWORTHY, VerdictKind.NO_DATA):
        if kind in kinds:
            return kind
    return VerdictKind.NOT_WORSE if kinds == {VerdictKind.NOT_WORSE} else VerdictKind.UNDECIDED
