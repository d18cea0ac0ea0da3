"""Makes the engine's metric of each declared one, with what the target knows of counters and labels."""

from dataclasses import replace

from engine.core.model import Bound, Metric, MetricKind, Unit
from engine.core.target import RouterSeries, SessionSeries, TargetFacts
from engine.errors import Problem
from engine.spec.breakdown import BreakdownField, conditioned
from engine.spec.expand import Declared, Labels, labels_of, treatments_of
from engine.spec.expression import dropped_labels
from engine.spec.metric_parts import Compared, Direction
from engine.spec.metrics import AnyMetric, Explicit
from engine.spec.presets import Conversions, HttpErrors, HttpLatency
from engine.spec.problems import problem, shown
from engine.spec.quantities import Count, Gauge, Mean, Ratio, Valued
from engine.spec.shares import Distribution, Proportion, Threshold
from engine.spec.yaml_text import Path, Source


def declare(
    source: Source, index: int, metric: AnyMetric, facts: TargetFacts, problems: list[Problem]
) -> Declared | None:
    """One metric with its labels, or None after adding a problem.

    Args:
        source: the document.
        index: of the metric in it.
        metric: as the document has it, its weight filled in.
        facts: what the target knows about itself.
        problems: where to add what the target does not know and the document would have to say.
    """
    path: Path = ("spec", "metrics", index)
    declared = _declared(source, path, metric, facts, problems)
    breakdown: BreakdownField | None = getattr(metric, "breakdown", None)
    if declared is None or breakdown is None:
        return declared
    if misfit := _misfit(declared, breakdown):
        inner = (*path, "breakdown", "label")
        problems.append(problem(source, inner, found=misfit, expected="another label"))
    return replace(declared, breakdown=breakdown)


def _misfit(declared: Declared, breakdown: BreakdownField) -> str:
    """Why nothing can be told apart by a breakdown's label; empty where something can."""
    label = breakdown.label
    if label in _names_of(declared.labels):
        return f"{shown(label)}, by which the versions are told apart"
    if counter := conditioned(declared.metric, label):
        return f"{shown(label)}, on which {counter} has conditions of its own"
    return ""


def _declared(
    source: Source, path: Path, metric: AnyMetric, facts: TargetFacts, problems: list[Problem]
) -> Declared | None:
    match metric:
        case HttpErrors() | HttpLatency():
            labels = labels_of(facts.router.arm_labels, facts.router.more_labels) if facts.router else ()
            if facts.router is not None and len(labels) == len(treatments_of(facts)):
                return Declared(metric=_from_router(metric, facts.router), labels=labels)
            found = f"{metric.preset}, but this target's router counts nothing"
            expected = "a metric of your own, with kind:"
        case Conversions():
            labels = labels_of(facts.arm_labels, facts.more_labels)
            if facts.sessions is not None and len(labels) == len(treatments_of(facts)):
                return Declared(metric=_from_sessions(metric, facts.sessions), labels=labels)
            found = f"{metric.preset}, but this target knows of no counts of sessions"
            expected = "kind: proportion with good:, total: and unit: session"
        case _:
            return _explicit(source, path, metric, facts, problems)
    problems.append(problem(source, (*path, "preset"), found=found, expected=expected))
    return None


def _explicit(
    source: Source, path: Path, metric: Explicit, facts: TargetFacts, problems: list[Problem]
) -> Declared | None:
    """A metric that names its own counters, or None after adding a problem."""
    treatments = treatments_of(facts)
    labels = labels_of(facts.arm_labels, facts.more_labels)
    if metric.arm_labels is not None:
        labels = (metric.arm_labels.by_arm(),)
    if len(labels) != len(treatments):
        if metric.arm_labels is not None:
            found = f"labels of one treatment, but the target has {', '.join(treatments)}"
            expected = "no arm_labels, so that the target's own hold"
        else:
            found = "nothing, and the target does not know its versions' labels"
            expected = "arm_labels: {control: {...}, treatment: {...}}"
        problems.append(problem(source, (*path, "arm_labels"), found=found, expected=expected))
        return None
    if isinstance(metric, Gauge) and (lost := _lost_labels(metric, labels)):
        names = ", ".join(lost)
        found = f"{shown(metric.expression)}, which drops {names}, by which the arms are told apart"
        expected = f"an expression that keeps it, such as avg by ({', '.join(_names_of(labels))}) (...)"
        problems.append(problem(source, (*path, "expression"), found=found, expected=expected))
        return None
    return Declared(metric=_with_counters(metric), labels=labels)


def _names_of(labels: tuple[Labels, ...]) -> list[str]:
    return list(dict.fromkeys(name for arms in labels for values in arms.values() for name in values))


def _lost_labels(metric: Gauge, labels: tuple[Labels, ...]) -> tuple[str, ...]:
    return dropped_labels(metric.expression, _names_of(labels))


def _from_router(metric: HttpErrors | HttpLatency, router: RouterSeries) -> Metric:
    base = _base(metric, Unit.REQUEST)
    if isinstance(metric, HttpErrors):
        return replace(base, bad=router.errors, total=router.requests)
    return replace(base, buckets=router.buckets, slo_s=metric.slo)


def _from_sessions(metric: Conversions, sessions: SessionSeries) -> Metric:
    base = _base(metric, Unit.SESSION)
    return replace(base, bad=sessions.converted, total=sessions.total, higher_is_better=True)


def _with_counters(metric: Explicit) -> Metric:
    if isinstance(metric, Gauge):
        # A level belongs to no trial; as an objective of sticky visitors it counts as little as requests do.
        return replace(_base(metric, Unit.REQUEST), expression=metric.expression)
    base = _base(metric, metric.unit)
    match metric:
        case Proportion():
            counted = metric.bad or metric.good
            return replace(base, bad=counted, total=metric.total, higher_is_better=metric.good is not None)
        case Threshold():
            return replace(base, bad=metric.bad, total=metric.total, limit=metric.limit)
        case Count():
            return replace(base, bad=metric.count)
        case Ratio():
            return replace(base, bad=metric.numerator, total=metric.denominator)
        case Mean() | Distribution():
            return _with_histogram(metric, base)


def _with_histogram(metric: Mean | Distribution, base: Metric) -> Metric:
    base = replace(base, buckets=metric.buckets, histogram=metric.histogram)
    if isinstance(metric, Mean):
        return replace(base, bad=metric.sum, total=metric.count, squares=metric.sum_sq)
    return replace(base, slo_s=metric.slo)


def _base(metric: AnyMetric, unit: Unit) -> Metric:
    """What all kinds have; a threshold is not compared with control, so its bounds allow nothing."""
    base = Metric(
        name=metric.name,
        kind=_kind(metric),
        role=metric.role,
        unit=unit,
        arm_labels={},
        tolerance=Bound(),
        margin=Bound(),
        weight=metric.weight or 0.0,
        higher_is_better=getattr(metric, "direction", Direction.LOWER) is Direction.HIGHER,
        value_unit=metric.measured_in if isinstance(metric, Valued) else "",
    )
    if not isinstance(metric, Compared):
        return base
    return replace(
        base,
        tolerance=metric.tolerance.value(),
        margin=metric.margin.value(),
        effect=metric.effect,
        dispersion=metric.dispersion,
    )


def _kind(metric: AnyMetric) -> MetricKind:
    match metric:
        case HttpErrors() | Conversions():
            return MetricKind.PROPORTION
        case HttpLatency():
            return MetricKind.DISTRIBUTION
        case _:
            return MetricKind(metric.kind)
