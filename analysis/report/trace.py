"""Evidence over time: what the engine noted after each tick, with the windows read. Pure; decides nothing.

Logs in which something is missing are folded through the analysis again: the same code, the same numbers.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

from analysis import evaluate
from analysis.report.tallies import Counts, counts, total
from engine.core.events import Event, Observed
from engine.core.measure import Missing, MissingReason, Observation, Reading
from engine.core.model import Experiment, Metric
from engine.core.plan import Stage
from engine.core.standing import MetricStanding, Standing, standing_of
from engine.core.verdict import Verdict

MAX_POINTS = 240
"""Points on a chart at the most; a longer run shows several windows as one point."""

_FLOOR = -1000.0
_NOT_THERE_YET = {MissingReason.NO_SERIES, MissingReason.NO_TRAFFIC}


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricPoint:
    """One metric over the windows of one point, and the evidence after them.

    Attributes:
        control, treatment: trials within these windows, None when none of them was measured.
        log10_e_harm, log10_e_promote: decimal logs of the metric's e-values, cumulative.
        effect, low, high: cumulative estimate and its confidence sequence; None is unknown or unbounded.
        difference: treatment minus control in rate, cumulative; None is unknown.
        log10_e_better: that the treatment is better; None where that is not asked.
    """

    metric: str
    control: Counts | None
    treatment: Counts | None
    log10_e_harm: float
    log10_e_promote: float
    effect: float | None
    low: float | None
    high: float | None
    difference: float | None
    log10_e_better: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitPoint:
    """One treatment's share of the visitors of both arms so far: planned, seen, and the evidence against it.

    Shares are None before the first window that counts.
    """

    treatment: str
    planned: float | None
    seen: float | None
    log10_e: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """Consecutive windows and the evidence after them; `log10_e_harm` is the whole run's.

    Attributes:
        stage: of the last window. shares: the split check per treatment; none where it is exempt.
    """

    start_s: float
    end_s: float
    windows: int
    warm_up_windows: int
    log10_e_harm: float
    metrics: tuple[MetricPoint, ...]
    stage: Stage = Stage.SPLIT
    shares: tuple[SplitPoint, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """How many windows gave nothing for a metric, by reason; `detail` is the latest one's."""

    metric: str
    reason: MissingReason
    windows: int
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """All of it: points in time order, what was missing, and the verdict after the last window.

    `start_windows` passed before both variants had traffic to be compared; they are no gaps.
    """

    points: tuple[Point, ...]
    gaps: tuple[Gap, ...]
    start_windows: int
    verdict: Verdict


class _Part(NamedTuple):
    """Consecutive windows and what the evidence stood at after them."""

    observations: Sequence[Observation]
    standing: Standing


def trace(
    experiment: Experiment, events: Sequence[Event], evidence: evaluate.Evidence | None = None
) -> Trace:
    """Evidence over time, as the engine noted it; what it did not note is evaluated again from the log.

    `evidence` is the state after the last event.
    """
    noted = [event.payload for event in events if isinstance(event.payload, Observed)]
    seen = [_Part(each.observations, each.standing) for each in noted if each.standing is not None]
    if evidence is None or len(seen) < len(noted):
        seen, evidence = _evaluated(experiment, noted)
    size = max(1, math.ceil(len(seen) / MAX_POINTS))
    observations = [observation for observed in seen for observation in observed.observations]
    return Trace(
        points=tuple(_point(experiment, seen[begin : begin + size]) for begin in range(0, len(seen), size)),
        gaps=_gaps(experiment, observations),
        start_windows=_start(observations),
        verdict=evaluate.verdict(experiment, evidence),
    )


def _evaluated(experiment: Experiment, seen: Sequence[Observed]) -> tuple[list[_Part], evaluate.Evidence]:
    """The windows in as many parts as a chart has points, and the evidence at the end."""
    observations = [observation for observed in seen for observation in observed.observations]
    size = max(1, math.ceil(len(observations) / MAX_POINTS))
    evidence = evaluate.start(experiment)
    parts = []
    for begin in range(0, len(observations), size):
        chunk = tuple(observations[begin : begin + size])
        evidence = evaluate.update(experiment, evidence, chunk)
        standing = standing_of(evaluate.verdict(experiment, evidence))
        parts.append(_Part(chunk, standing))
    return parts, evidence


def observations_of(events: Sequence[Event]) -> tuple[Observation, ...]:
    """Every observation of the log, in order."""
    return tuple(
        observation
        for event in events
        if isinstance(event.payload, Observed)
        for observation in event.payload.observations
    )


def data_lag_s(events: Sequence[Event]) -> float | None:
    """How long after its end a window was usually read (median), None before the first one."""
    lags_s = [
        event.at_s - observation.window.end_s
        for event in events
        if isinstance(event.payload, Observed)
        for observation in event.payload.observations
    ]
    return median(lags_s) if lags_s else None


def _point(experiment: Experiment, seen: Sequence[_Part]) -> Point:
    """One point: the windows of some events, and what the evidence stood at after the last one."""
    chunk = [observation for observed in seen for observation in observed.observations]
    standing = seen[-1].standing
    return Point(
        start_s=chunk[0].window.start_s,
        end_s=chunk[-1].window.end_s,
        windows=len(chunk),
        warm_up_windows=sum(observation.warm_up for observation in chunk),
        log10_e_harm=_log10(standing.log_e_harm),
        metrics=tuple(
            _metric_point(metric, chunk, part)
            for metric, part in zip(experiment.metrics, standing.metrics, strict=True)
            if not metric.family
        ),
        stage=chunk[-1].stage,
        shares=tuple(
            SplitPoint(
                treatment=split.treatment,
                planned=split.planned,
                seen=split.seen,
                log10_e=_log10(split.log_e),
            )
            for split in standing.splits
        ),
    )


def _metric_point(metric: Metric, chunk: Sequence[Observation], standing: MetricStanding) -> MetricPoint:
    pairs = [counts(metric, observation) for observation in chunk]
    measured = [pair for pair in pairs if pair is not None]
    return MetricPoint(
        metric=metric.name,
        control=total([control for control, _ in measured]),
        treatment=total([treatment for _, treatment in measured]),
        log10_e_harm=_log10(standing.log_e_harm),
        log10_e_promote=_log10(standing.log_e_promote),
        effect=standing.effect,
        low=standing.low,
        high=standing.high,
        difference=standing.difference,
        log10_e_better=None if standing.log_e_better is None else _log10(standing.log_e_better),
    )


def _start(observations: Sequence[Observation]) -> int:
    """How many windows passed, at the beginning, before both variants had traffic to be compared."""
    return next(
        (
            place
            for place, observation in enumerate(observations)
            if not all(_is_not_there_yet(reading) for reading in observation.readings.values())
        ),
        0,
    )


def _is_not_there_yet(reading: Reading) -> bool:
    return isinstance(reading, Missing) and reading.reason in _NOT_THERE_YET


def _gaps(experiment: Experiment, observations: Sequence[Observation]) -> tuple[Gap, ...]:
    """What was missing of the whole metrics whose stage it was; a part says itself what it lacks."""
    stages = {metric.name: metric.stage for metric in experiment.metrics if not metric.family}
    windows: Counter[tuple[str, MissingReason]] = Counter()
    details: dict[tuple[str, MissingReason], str] = {}
    for observation in observations[_start(observations) :]:
        for metric, reading in observation.readings.items():
            if isinstance(reading, Missing) and stages.get(metric) is observation.stage:
                windows[metric, reading.reason] += 1
                details[metric, reading.reason] = reading.detail
    return tuple(
        Gap(metric=metric, reason=reason, windows=number, detail=details[metric, reason])
        for (metric, reason), number in windows.items()
    )


def _log10(natural: float) -> float:
    """Decimal log; an e-value of 0 becomes the floor, because JSON has no infinity."""
    return max(natural / math.log(10), _FLOOR)
