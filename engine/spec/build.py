"""Makes the experiment from a checked document and what its target knows about itself."""

from collections.abc import Iterator, Mapping, Sequence

from pydantic import ValidationError

from engine import plugins
from engine.core.model import Experiment, GateChoice, PluginChoice, ReleaseWindow, SinkChoice
from engine.core.target import TargetFacts
from engine.errors import Problem, SpecError
from engine.spec import fit
from engine.spec.declare import declare
from engine.spec.document import Spec, WindowField
from engine.spec.expand import Declared, expand, split_counts, treatments_of
from engine.spec.problems import problem, shown
from engine.spec.read import Document
from engine.spec.sinks import SinkField
from engine.spec.yaml_text import Path

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
        declare(document.source, index, metric, facts, problems)
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
    if document.content.spec.product is not None:
        yield from fit.a_canary_moves_no_user(source, plan, facts)
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
        target=_pinned(_choice(spec.target), facts),
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
        on_foreign=spec.on_foreign,
        windows=_windows(spec),
        description=spec.description,
        splits=split_counts(plan, facts),
        split_tolerance=spec.split_tolerance.value(),
        sticky=facts.sticky,
        arms_pct=facts.arms_pct,
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


def _pinned(target: PluginChoice, facts: TargetFacts) -> PluginChoice:
    """The target with the versions that it had at launch, so that a later one is never taken for them."""
    return PluginChoice(name=target.name, options={**target.options, **facts.pinned})


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
