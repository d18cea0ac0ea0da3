"""The one model behind every form of the report: terminal, JSON and page tell the same facts. Pure.

Built from the event log alone, so it can be rebuilt at any time; nothing in here formats, draws or decides.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis import evaluate
from analysis.report.arms import ArmRow, arm_rows
from analysis.report.breakdowns import Breakdown, breakdowns
from analysis.report.exposure import Exposure, exposures
from analysis.report.history import LogEntry, Rung, Split, decision_log, rungs, splits
from analysis.report.latency import Buckets, LatencyRow, buckets_of, latency_rows
from analysis.report.method import Design, Releases, design
from analysis.report.rows import MetricRow, rows
from analysis.report.shares import NO_CHECK, SplitCheck, split_check
from analysis.report.telling import what_was_done
from analysis.report.trace import Gap, Point, Trace, data_lag_s, observations_of, trace
from engine.core import wording
from engine.core.decision import Blocker, Rule
from engine.core.events import Event
from engine.core.labels import PHASE_WORDS
from engine.core.model import Arm, Experiment, Metric, Mode
from engine.core.plan import Stage
from engine.core.run import Phase, Run
from engine.core.verdict import VerdictKind
from engine.fields import format_selector
from engine.ports import QueryRecord


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
        headline: the verdict in a sentence, or why there is none (`distrusted`). summary: what it rests on,
            with size, unit and limit. done: what was done last, by whom, why, and traffic then.
        treatment: the first of `treatments`; `exposure` is its, `exposures` are of all of them.
        arms: what the evidence says of each treatment. split_check: of all of them. latencies: one per
            latency metric of which something counted.
        generated_s: when it was made. decided_after_s: from launch to end, None while it has not ended.
        blockers: in force now; none after the end. points: evidence over time.
        metrics, points: of whole metrics; breakdowns: of their parts, where any are declared.
        snapshot: the content address of the frozen report, None of one that is not frozen.
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
    treatments: tuple[str, ...] = ()
    summary: str = ""
    done: tuple[str, ...] = ()
    distrusted: bool = False
    stage: Stage = Stage.SPLIT
    arms: tuple[ArmRow, ...] = ()
    exposures: tuple[Exposure, ...] = ()
    split_check: SplitCheck = NO_CHECK
    latencies: tuple[LatencyRow, ...] = ()
    glossary: tuple[wording.Term, ...] = ()
    snapshot: str | None = None
    breakdowns: tuple[Breakdown, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a run beside its log.

    Attributes:
        releases: how many runs the target has had.
        evidence: the state after the last event; without it the observations are evaluated again.
        buckets: see `buckets_of`; of whole histograms, which slimmed events have no more.
    """

    releases: Releases
    evidence: evaluate.Evidence
    buckets: Mapping[str, Buckets]


def build_view(
    experiment: Experiment,
    spec: Mapping[str, Any],
    run: Run,
    events: Sequence[Event],
    *,
    now_s: float,
    version: str,
    queries: Sequence[QueryRecord] = (),
    known: Known | None = None,
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
        known: what the store knows beside the log, if there is one.
    """
    traced = trace(experiment, events, known.evidence if known else None)
    verdict = traced.verdict
    icon, word = PHASE_WORDS[run.phase]
    health = _health(run, traced, now_s, data_lag_s(events))
    distrusted = wording.distrusted(experiment, run, verdict, data_age_s=health.data_age_s)
    path = splits(events)
    served = exposures(experiment, observations_of(events)[traced.start_windows :], path)
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
        headline=distrusted or wording.headline(experiment, run, verdict),
        reason=run.reason,
        verdict=verdict.kind,
        weight_pct=run.weights.treatment,
        launched_s=run.launched_s,
        ended_s=run.ended_s,
        ended_by=run.ended_by,
        decided_after_s=None if run.ended_s is None else run.ended_s - run.launched_s,
        generated_s=now_s,
        blockers=() if run.phase.ended else run.blockers,
        metrics=rows(experiment, verdict),
        exposure=served[0],
        health=health,
        points=traced.points,
        ramp=rungs(experiment, run.launched_s, events),
        splits=path,
        log=decision_log(events),
        design=design(experiment, verdict, known.releases if known else None),
        counters=tuple(counter for metric in experiment.metrics for counter in _counters(metric)),
        queries=tuple(queries),
        spec=spec,
        provenance=_provenance(spec, run, events, version),
        treatments=experiment.treatments,
        summary=wording.summary(experiment, run, verdict),
        done=what_was_done(experiment, events),
        distrusted=bool(distrusted),
        stage=verdict.stage,
        arms=arm_rows(verdict),
        exposures=served,
        split_check=split_check(experiment, verdict),
        latencies=latency_rows(
            experiment, verdict, known.buckets if known else buckets_of(experiment, events)
        ),
        glossary=wording.GLOSSARY,
        breakdowns=breakdowns(experiment, verdict),
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


def _counters(metric: Metric) -> list[Counter]:
    parts = {
        "bad": metric.bad,
        "total": metric.total,
        "squares": metric.squares,
        "buckets": metric.buckets,
    }
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
