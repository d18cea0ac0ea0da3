"""Makes the experiment from a checked document and what its target knows about itself."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from pydantic import ValidationError

from engine import plugins
from engine.core.model import (
    Bound,
    Experiment,
    GateChoice,
    Metric,
    MetricKind,
    PluginChoice,
    ReleaseWindow,
    SinkChoice,
    Unit,
)
from engine.core.target import RouterSeries, SessionSeries, TargetFacts
from engine.errors import Problem, SpecError
from engine.spec import fit
from engine.spec.document import Spec, WindowField
from engine.spec.expand import Declared, expand, labels_of, split_counts, treatments_of
from engine.spec.metrics import (
    AnyMetric,
    Compared,
    Conversions,
    Distribution,
    HttpErrors,
    HttpLatency,
    Proportion,
    Threshold,
)
from engine.spec.problems import problem, shown
from engine.spec.read import Document
from engine.spec.sinks import SinkField
from engine.spec.yaml_text import Path, Source

DEFAULT_SOURCE = "prometheus"
"""The metric source that a target's `source_options` are for."""


def build(document: Document, facts: TargetFacts) -> Experiment:
    """The experiment, with presets and defaults that come from the target filled in.

    Raises:
        SpecError: what the target does not know and the document would have to say, or what does not fit it.
        PluginError: the default metric source does not load.
    """
    problems = list(fit.variants_differ(document.source, facts))
    found = [
        _declared(document.source, index, metric, facts, problems)
        for index, metric in enumerate(document.content.spec.metrics)
    ]
    declared = [each for each in found if each is not None]
    source = _source(document, facts, problems)
    problems += _misfits(document, facts, declared)
    if problems or source is None:
        raise SpecError(tuple(problems))
    return _experiment(document, facts, source, declared)


def _misfits(document: Document, facts: TargetFacts, declared: Sequence[Declared]) -> Iterator[Problem]:
    source, plan = document.source, document.plan
    yield from fit.preview_is_in_reach(source, plan, facts)
    yield from fit.every_treatment_has_a_share(source, plan, facts)
    yield from fit.sticky_weights_stay(source, plan, facts)
    metrics = tuple(each.metric for each in declared)
    yield from fit.an_objective_may_promote(source, plan, facts, metrics)


def _experiment(
    document: Document, facts: TargetFacts, source: PluginChoice, declared: Sequence[Declared]
) -> Experiment:
    spec, plan = document.content.spec, document.plan
    return Experiment(
        name=document.name,
        control=facts.control,
        treatment=facts.treatment,
        more_treatments=facts.more_treatments,
        target=_choice(spec.target),
        source=source,
        gate=GateChoice(
            flag=spec.gate.flag or document.name, provider=spec.gate.provider, options=spec.gate.options
        ),
        plan=plan,
        metrics=expand(plan, declared, treatments_of(facts)),
        mode=spec.mode,
        interval_s=spec.interval,
        warm_up_s=spec.warm_up,
        horizon_s=plan.horizon_s if spec.horizon is None else spec.horizon,
        patience_s=spec.patience,
        progress_deadline_s=spec.progress_deadline,
        alpha_rollback=spec.alpha_rollback,
        alpha_promote=spec.alpha_promote,
        on_blind=spec.on_blind or plan.on_trouble,
        on_untrustworthy=spec.on_untrustworthy or plan.on_trouble,
        on_undecided=spec.on_undecided,
        windows=_windows(spec),
        description=spec.description,
        splits=split_counts(plan, facts),
        split_tolerance=spec.split_tolerance.value(),
        sticky=facts.sticky,
        preview_url=facts.preview_url,
        sinks=tuple(_sink(sink) for sink in spec.notify),
    )


def _sink(sink: SinkField) -> SinkChoice:
    name, options = sink.plugin
    return SinkChoice(name=sink.name or name, plugin=PluginChoice(name=name, options=options), on=sink.on)


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


def _declared(
    source: Source, index: int, metric: AnyMetric, facts: TargetFacts, problems: list[Problem]
) -> Declared | None:
    """One metric with its labels, or None after adding a problem."""
    path: Path = ("spec", "metrics", index)
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
    source: Source,
    path: Path,
    metric: Proportion | Distribution | Threshold,
    facts: TargetFacts,
    problems: list[Problem],
) -> Declared | None:
    """A metric that names its own counters, or None after adding a problem."""
    treatments = treatments_of(facts)
    labels = labels_of(facts.arm_labels, facts.more_labels)
    if metric.arm_labels is not None:
        labels = (metric.arm_labels.by_arm(),)
    if len(labels) == len(treatments):
        return Declared(metric=_with_counters(metric), labels=labels)
    if metric.arm_labels is not None:
        found = f"labels of one treatment, but the target has {', '.join(treatments)}"
        expected = "no arm_labels, so that the target's own hold"
    else:
        found = "nothing, and the target does not know its versions' labels"
        expected = "arm_labels: {control: {...}, treatment: {...}}"
    problems.append(problem(source, (*path, "arm_labels"), found=found, expected=expected))
    return None


def _from_router(metric: HttpErrors | HttpLatency, router: RouterSeries) -> Metric:
    base = _base(metric, Unit.REQUEST)
    if isinstance(metric, HttpErrors):
        return replace(base, bad=router.errors, total=router.requests)
    return replace(base, buckets=router.buckets, slo_s=metric.slo)


def _from_sessions(metric: Conversions, sessions: SessionSeries) -> Metric:
    base = _base(metric, Unit.SESSION)
    return replace(base, bad=sessions.converted, total=sessions.total, higher_is_better=True)


def _with_counters(metric: Proportion | Distribution | Threshold) -> Metric:
    base = _base(metric, metric.unit)
    match metric:
        case Distribution():
            return replace(base, buckets=metric.buckets, slo_s=metric.slo)
        case Proportion():
            counted = metric.bad or metric.good
            is_good = metric.good is not None
            return replace(base, bad=counted, total=metric.total, higher_is_better=is_good)
        case Threshold():
            return replace(base, bad=metric.bad, total=metric.total, limit=metric.limit)


def _base(metric: AnyMetric, unit: Unit) -> Metric:
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
        arm_labels={},
        tolerance=bounds[0],
        margin=bounds[1],
        weight=metric.weight or 0.0,
    )


def _kind(metric: AnyMetric) -> MetricKind:
    match metric:
        case HttpErrors() | Conversions() | Proportion():
            return MetricKind.PROPORTION
        case HttpLatency() | Distribution():
            return MetricKind.DISTRIBUTION
        case Threshold():
            return MetricKind.THRESHOLD
