"""Makes the experiment from a checked document and what its target knows about itself."""

from collections.abc import Mapping
from dataclasses import replace

from pydantic import ValidationError

from engine import plugins
from engine.core.model import (
    Arm,
    Bound,
    Experiment,
    GateChoice,
    Metric,
    MetricKind,
    PluginChoice,
    ReleaseWindow,
    Unit,
)
from engine.core.target import RouterSeries, TargetFacts
from engine.errors import Problem, SpecError
from engine.spec.document import Spec, WindowField
from engine.spec.metrics import (
    AnyMetric,
    Compared,
    Distribution,
    HttpErrors,
    HttpLatency,
    Proportion,
    Threshold,
)
from engine.spec.problems import problem, shown
from engine.spec.read import Document
from engine.spec.yaml_text import Path, Source

DEFAULT_SOURCE = "prometheus"
"""The metric source that a target's `source_options` are for."""

Labels = Mapping[Arm, Mapping[str, str]]


def build(document: Document, facts: TargetFacts) -> Experiment:
    """The experiment, with presets and defaults that come from the target filled in.

    Raises:
        SpecError: what the target does not know and the document would have to say.
        PluginError: the default metric source does not load.
    """
    problems = list(_target_problems(document, facts))
    metrics = tuple(
        _metric(document.source, index, metric, facts, problems)
        for index, metric in enumerate(document.content.spec.metrics)
    )
    source = _source(document, facts, problems)
    if problems or source is None:
        raise SpecError(tuple(problems))
    return _experiment(document, facts, source, tuple(metric for metric in metrics if metric is not None))


def _experiment(
    document: Document, facts: TargetFacts, source: PluginChoice, metrics: tuple[Metric, ...]
) -> Experiment:
    spec = document.content.spec
    return Experiment(
        name=document.name,
        control=facts.control,
        treatment=facts.treatment,
        target=_choice(spec.target),
        source=source,
        gate=GateChoice(
            flag=spec.gate.flag or document.name, provider=spec.gate.provider, options=spec.gate.options
        ),
        plan=document.plan,
        metrics=metrics,
        mode=spec.mode,
        interval_s=spec.interval,
        warm_up_s=spec.warm_up,
        horizon_s=spec.horizon,
        patience_s=spec.patience,
        progress_deadline_s=spec.progress_deadline,
        alpha_rollback=spec.alpha_rollback,
        alpha_promote=spec.alpha_promote,
        on_blind=spec.on_blind,
        on_untrustworthy=spec.on_untrustworthy,
        on_undecided=spec.on_undecided,
        windows=_windows(spec),
        description=spec.description,
    )


def _target_problems(document: Document, facts: TargetFacts) -> list[Problem]:
    if facts.control != facts.treatment:
        return []
    expected = "two versions to compare"
    found = f"{shown(facts.control)} as control and as treatment"
    return [problem(document.source, ("spec", "target"), found=found, expected=expected)]


def _windows(spec: Spec) -> tuple[ReleaseWindow, ...]:
    return tuple(_window(window) for window in spec.windows)


def _window(window: WindowField) -> ReleaseWindow:
    return ReleaseWindow(days=window.days, start=window.start, end=window.end, time_zone=window.time_zone)


def _choice(named: Mapping[str, Mapping[str, object]]) -> PluginChoice:
    name, options = next(iter(named.items()))
    return PluginChoice(name=name, options=options)


def _source(document: Document, facts: TargetFacts, problems: list[Problem]) -> PluginChoice | None:
    declared = document.content.spec.source
    if declared is not None:
        return _choice(declared)
    path: Path = ("spec", "source")
    expected = f"source: {{{DEFAULT_SOURCE}: {{...}}}} with its options"
    if not facts.source_options:
        found = "nothing, and the target does not know where its metrics are"
        problems.append(problem(document.source, path, found=found, expected=expected))
        return None
    plugin = plugins.load(plugins.SOURCES, DEFAULT_SOURCE)
    try:
        options = plugins.check_options(plugin, facts.source_options)
    except ValidationError as error:
        found = (
            f"the target's {shown(dict(facts.source_options))}, which do not fit: {error.errors()[0]['msg']}"
        )
        problems.append(problem(document.source, path, found=found, expected=expected))
        return None
    return PluginChoice(name=DEFAULT_SOURCE, options=plugins.plain_options(plugin, options))


def _metric(
    source: Source, index: int, metric: AnyMetric, facts: TargetFacts, problems: list[Problem]
) -> Metric | None:
    """One metric of the experiment, or None after adding a problem."""
    path: Path = ("spec", "metrics", index)
    if isinstance(metric, HttpErrors | HttpLatency):
        if facts.router is None:
            found = f"{metric.preset}, but this target's router counts nothing"
            expected = "a metric of your own, with kind:"
            problems.append(problem(source, (*path, "preset"), found=found, expected=expected))
            return None
        return _preset(metric, facts.router)
    labels = metric.arm_labels.by_arm() if metric.arm_labels else facts.arm_labels
    if not labels:
        found = "nothing, and the target does not know its versions' labels"
        expected = "arm_labels: {control: {...}, treatment: {...}}"
        problems.append(problem(source, (*path, "arm_labels"), found=found, expected=expected))
        return None
    return _explicit(metric, labels)


def _preset(metric: HttpErrors | HttpLatency, router: RouterSeries) -> Metric:
    base = _base(metric, Unit.REQUEST, router.arm_labels)
    if isinstance(metric, HttpErrors):
        return replace(base, bad=router.errors, total=router.requests)
    return replace(base, buckets=router.buckets, slo_s=metric.slo)


def _explicit(metric: Proportion | Distribution | Threshold, labels: Labels) -> Metric:
    base = _base(metric, metric.unit, labels)
    match metric:
        case Distribution():
            return replace(base, buckets=metric.buckets, slo_s=metric.slo)
        case Proportion():
            return replace(base, bad=metric.bad, total=metric.total)
        case Threshold():
            return replace(base, bad=metric.bad, total=metric.total, limit=metric.limit)


def _base(metric: AnyMetric, unit: Unit, labels: Labels) -> Metric:
    """What all kinds have; a threshold is not compared with control, so its bounds allow nothing."""
    bounds = (
        (metric.tolerance.value(), metric.margin.value())
        if isinstance(metric, Compared)
        else (Bound(), Bound())
    )
    return Metric(
        name=metric.name,
        kind=_kind(metric),
        role=metric.role,
        unit=unit,
        arm_labels=labels,
        tolerance=bounds[0],
        margin=bounds[1],
        weight=metric.weight or 0.0,
    )


def _kind(metric: AnyMetric) -> MetricKind:
    match metric:
        case HttpErrors() | Proportion():
            return MetricKind.PROPORTION
        case HttpLatency() | Distribution():
            return MetricKind.DISTRIBUTION
        case Threshold():
            return MetricKind.THRESHOLD
