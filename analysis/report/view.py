"""The one model behind every form of the report: terminal, JSON and page tell the same facts. Pure.

Built from the event log alone, so it can be rebuilt at any time; nothing in here formats, draws or decides.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.report.history import LogEntry, Rung, Split, decision_log, rungs, splits
from analysis.report.rows import MetricRow, rows
from analysis.report.trace import Counts, Gap, Point, Trace, counts, data_lag_s, observations_of, total, trace
from engine.core import wording
from engine.core.decision import Blocker, Rule
from engine.core.events import Event
from engine.core.labels import PHASE_WORDS
from engine.core.measure import Observation
from engine.core.model import Arm, Experiment, Metric, MetricKind, Mode, Unit
from engine.core.run import Phase, Run
from engine.core.verdict import VerdictKind
from engine.fields import format_selector
from engine.ports import QueryRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """Whom the treatment served so far, warm-up included: trials of `metric` and bad ones among them.

    `treatment` is None as long as no window was measured; `unknown_windows` were not measured at all, those
    before there was anything to compare left out.
    """

    metric: str
    unit: Unit
    treatment: Counts | None
    unknown_windows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How good the data are.

    Attributes:
        data_until_s: end of the latest window in which every deciding metric was measured; None before.
        data_age_s: from then until the end of the run, or until now while it lasts.
        lag_s: how long after its end a window was usually read; None before the first one.
        windows: counted as evidence. windows_read: all, warm-up and gaps too. gaps: what was missing
            after the first `start_windows`, in which there was nothing to compare yet.
    """

    data_until_s: float | None
    data_age_s: float | None
    lag_s: float | None
    windows: int
    windows_read: int
    warm_up_windows: int
    start_windows: int
    gaps: tuple[Gap, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """What was agreed before the run: error rates, what they promise, and the e-values that they ask for.

    Attributes:
        log10_rollback: of the run against harm. log10_promote: of each deciding metric against the margin.
    """

    interval_s: float
    warm_up_s: float
    horizon_s: float
    alpha_rollback: float
    alpha_promote: float
    log10_rollback: float
    log10_promote: float
    promises: tuple[str, ...]
    calibrated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """A counter that a metric reads, and the label values by which its series are told apart."""

    metric: str
    part: str
    selector: str
    control: Mapping[str, str]
    treatment: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where the report comes from and how to make it again; the hash is of the spec as JSON, keys sorted."""

    rampwise_version: str
    run_id: str
    spec_sha256: str
    events: int
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportView:
    """Everything a report says about one run.

    Attributes:
        generated_s: when it was made. decided_after_s: from launch to end, None while it has not ended.
        blockers: in force now; none after the end. points: evidence over time.
    """

    name: str
    description: str
    control: str
    treatment: str
    target: str
    strategy: str
    mode: Mode
    phase: Phase
    icon: str
    word: str
    headline: str
    reason: str
    verdict: VerdictKind
    weight_pct: int
    launched_s: float
    ended_s: float | None
    ended_by: Rule | None
    decided_after_s: float | None
    generated_s: float
    blockers: tuple[Blocker, ...]
    metrics: tuple[MetricRow, ...]
    exposure: Exposure
    health: Health
    points: tuple[Point, ...]
    ramp: tuple[Rung, ...]
    splits: tuple[Split, ...]
    log: tuple[LogEntry, ...]
    design: Design
    counters: tuple[Counter, ...]
    queries: tuple[QueryRecord, ...]
    spec: Mapping[str, Any]
    provenance: Provenance


def build_view(
    experiment: Experiment,
    spec: Mapping[str, Any],
    run: Run,
    events: Sequence[Event],
    *,
    now_s: float,
    version: str,
    queries: Sequence[QueryRecord] = (),
) -> ReportView:
    """The report of one run.

    Args:
        experiment: as launched.
        spec: its document, plain JSON.
        run: the state that its events lead to.
        events: the whole log from the launch on.
        now_s: epoch seconds.
        version: of rampwise.
        queries: as sent to the source, if at hand.
    """
    evidence = trace(experiment, events)
    icon, word = PHASE_WORDS[run.phase]
    return ReportView(
        name=experiment.name,
        description=experiment.description,
        control=experiment.control,
        treatment=experiment.treatment,
        target=run.target_key,
        strategy=experiment.plan.strategy,
        mode=experiment.mode,
        phase=run.phase,
        icon=icon,
        word=word,
        headline=wording.headline(experiment, run, evidence.verdict),
        reason=run.reason,
        verdict=evidence.verdict.kind,
        weight_pct=run.weights.treatment,
        launched_s=run.launched_s,
        ended_s=run.ended_s,
        ended_by=run.ended_by,
        decided_after_s=None if run.ended_s is None else run.ended_s - run.launched_s,
        generated_s=now_s,
        blockers=() if run.phase.ended else run.blockers,
        metrics=rows(experiment, evidence.verdict),
        exposure=_exposure(experiment, observations_of(events)[evidence.start_windows :]),
        health=_health(run, evidence, now_s, data_lag_s(events)),
        points=evidence.points,
        ramp=rungs(experiment, run.launched_s, events),
        splits=splits(events),
        log=decision_log(events),
        design=_design(experiment, evidence),
        counters=tuple(counter for metric in experiment.metrics for counter in _counters(metric)),
        queries=tuple(queries),
        spec=spec,
        provenance=_provenance(spec, run, events, version),
    )


def _exposure(experiment: Experiment, observations: Sequence[Observation]) -> Exposure:
    metric = next(
        (each for each in experiment.metrics if each.kind is not MetricKind.DISTRIBUTION),
        experiment.metrics[0],
    )
    pairs = [counts(metric, observation.readings[metric.name]) for observation in observations]
    measured = [pair[1] for pair in pairs if pair is not None]
    return Exposure(
        metric=metric.name,
        unit=metric.unit,
        treatment=total(measured),
        unknown_windows=len(pairs) - len(measured),
    )


def _health(run: Run, evidence: Trace, now_s: float, lag_s: float | None) -> Health:
    verdict = evidence.verdict
    as_of_s = now_s if run.ended_s is None else run.ended_s
    until_s = verdict.data_until_s
    return Health(
        data_until_s=until_s,
        data_age_s=None if until_s is None else max(as_of_s - until_s, 0.0),
        lag_s=lag_s,
        windows=verdict.windows,
        windows_read=verdict.windows_read,
        warm_up_windows=sum(point.warm_up_windows for point in evidence.points),
        start_windows=evidence.start_windows,
        gaps=evidence.gaps,
    )


def _design(experiment: Experiment, evidence: Trace) -> Design:
    deciding = [finding for finding in evidence.verdict.findings if finding.weight > 0]
    return Design(
        interval_s=experiment.interval_s,
        warm_up_s=experiment.warm_up_s,
        horizon_s=experiment.horizon_s,
        alpha_rollback=experiment.alpha_rollback,
        alpha_promote=experiment.alpha_promote,
        log10_rollback=-math.log10(experiment.alpha_rollback),
        log10_promote=-math.log10(experiment.alpha_promote),
        promises=wording.promised(experiment),
        calibrated=all(finding.calibrated for finding in deciding),
    )


def _counters(metric: Metric) -> list[Counter]:
    parts = {"bad": metric.bad, "total": metric.total, "buckets": metric.buckets}
    return [
        Counter(
            metric=metric.name,
            part=part,
            selector=format_selector(selector),
            control=metric.arm_labels[Arm.CONTROL],
            treatment=metric.arm_labels[Arm.TREATMENT],
        )
        for part, selector in parts.items()
        if selector is not None
    ]


def _provenance(spec: Mapping[str, Any], run: Run, events: Sequence[Event], version: str) -> Provenance:
    canonical = json.dumps(spec, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return Provenance(
        rampwise_version=version,
        run_id=run.id,
        spec_sha256=hashlib.sha256(canonical.encode()).hexdigest(),
        events=len(events),
        command=f"rampwise report {run.id} --format html -o {run.id}.html",
    )
