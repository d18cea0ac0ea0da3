"""What to change in an experiment after a calibration: why, and the lines to type. Changes nothing itself."""

from collections.abc import Iterator
from dataclasses import dataclass

from analysis.calibration.calibrate import Calibration, MetricPast
from engine.core.model import Experiment, Metric, MetricKind
from engine.core.numbers import percent
from engine.fields import format_duration, format_percent, format_points

_FEW_PODS = 3
_ENOUGH = 20
"""Correlation over this many windows is well within what dispersion covers."""
_OFF_BY = 1.1
_HALF = 0.5
_LEAST_TOLERANCE = 0.05
_ROUND_S = (15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """One thing to change.

    Attributes:
        needed: the template as written breaks a promise; otherwise it would only decide sooner or later.
        metric: whose declaration, as declared; empty for the experiment's own fields.
        why: one sentence. lines: what to type there, empty where it is nothing that one types.
    """

    needed: bool
    metric: str
    why: str
    lines: tuple[str, ...] = ()


def advice_on(experiment: Experiment, calibration: Calibration) -> tuple[Advice, ...]:
    """What to change, in the order in which to try it."""
    seen: set[str] = set()
    found: list[Advice] = []
    for metric in calibration.metrics:
        if metric.measure not in seen:
            seen.add(metric.measure)
            found += _of_metric(calibration, metric)
    found += _pods(calibration)
    found += _slow(calibration)
    found += _still_off(experiment, calibration)
    return tuple(found)


def _of_metric(calibration: Calibration, metric: MetricPast) -> Iterator[Advice]:
    known, value = metric.known, metric.to_declare
    if known is None:
        yield Advice(
            needed=False,
            metric=metric.measure,
            why="the past is too short to say anything about dispersion: give a longer one",
        )
    elif known.too_long:
        interval_s = _longer_s(calibration.interval_s * known.correlation_windows / _ENOUGH)
        yield Advice(
            needed=calibration.is_off,
            metric="",
            why=(
                f"{metric.measure} stays correlated for {known.correlation_windows} windows or more, too "
                "long to tell a swing from harm: longer windows, or more pods in each arm"
            ),
            lines=(f"interval: {format_duration(max(interval_s, 2.0 * calibration.interval_s))}",),
        )
    elif value is not None and _differs(metric.declared, value):
        yield Advice(
            needed=calibration.is_off and (metric.declared is None or metric.declared < value),
            metric=metric.measure,
            why=_why_declare(metric.declared, value),
            lines=(f"dispersion: {value:g}",),
        )


def _differs(declared: float | None, value: float) -> bool:
    return declared is None or not value / _OFF_BY <= declared <= value * _OFF_BY


def _why_declare(declared: float | None, value: float) -> str:
    if declared is None:
        return "what the past shows need not be estimated in every run"
    if declared < value:
        return f"its windows vary more than the {declared:g} that is declared"
    return f"its windows vary less than the {declared:g} that is declared, which only delays decisions"


def _longer_s(least_s: float) -> float:
    return next((each for each in _ROUND_S if each >= least_s), _ROUND_S[-1])


def _pods(calibration: Calibration) -> Iterator[Advice]:
    if calibration.pods is not None and calibration.pods < _FEW_PODS:
        yield Advice(
            needed=calibration.is_off,
            metric="",
            why=(
                f"an arm has {calibration.pods} pod{'' if calibration.pods == 1 else 's'}: one bad node "
                f"looks like a bad release; give every arm {_FEW_PODS} or more"
            ),
        )


def _slow(calibration: Calibration) -> Iterator[Advice]:
    """What keeps its promise and still says too little."""
    better = calibration.with_history or calibration.as_written
    if better.promoted.high < _HALF:
        yield Advice(
            needed=False,
            metric="",
            why=(
                f"even a release that changes nothing is promoted in {percent(better.promoted.share)} of "
                "runs of this length: hold steps longer, or choose a larger margin"
            ),
        )


def _still_off(experiment: Experiment, calibration: Calibration) -> Iterator[Advice]:
    """What is left where the dispersion found does not mend it."""
    better = calibration.with_history or calibration.as_written
    if not calibration.is_off or not calibration.breaks(better):
        return
    if better.false_rollback.low <= calibration.alpha_rollback:
        yield Advice(
            needed=True,
            metric="",
            why="windows are too short for their swings to even out: longer ones",
            lines=(f"interval: {format_duration(4.0 * calibration.interval_s)}",),
        )
        return
    judged = {metric.name for metric in calibration.metrics}
    for metric in experiment.metrics:
        if metric.name in judged and metric.treatment_index == 0 and metric.kind is not MetricKind.THRESHOLD:
            yield Advice(
                needed=True,
                metric=metric.measure or metric.name,
                why="the arms differ by more than the tolerance without any release: tolerate more",
                lines=(f"tolerance: {_wider(metric)}",),
            )


def _wider(metric: Metric) -> str:
    """Twice the tolerance, as an experiment file has it."""
    relative, absolute = metric.tolerance.relative, metric.tolerance.absolute
    parts = []
    if relative or not absolute:
        parts.append(f"relative: {format_percent(2.0 * (relative or _LEAST_TOLERANCE))}")
    if absolute:
        in_points = metric.kind in {MetricKind.PROPORTION, MetricKind.DISTRIBUTION}
        parts.append(f"absolute: {format_points(2.0 * absolute) if in_points else f'{2.0 * absolute:g}'}")
    return "{" + ", ".join(parts) + "}"
