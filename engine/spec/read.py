"""Reads experiment documents: all that can be checked without asking the target, all problems at once."""

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from engine import plugins
from engine.core.plan import Plan
from engine.errors import PluginError, Problem, SpecError
from engine.spec import checks, product_checks
from engine.spec.document import ReleaseExperiment, Spec
from engine.spec.problems import UNKNOWN_FIELD, broken_rules, describe, one_of, problem, shown
from engine.spec.sinks import plugin_of
from engine.spec.weights import with_weights
from engine.spec.yaml_text import MOST_BYTES, Path, Source, load, show_path

_TARGET: Path = ("spec", "target")
_STRATEGY: Path = ("spec", "strategy")
_SOURCE: Path = ("spec", "source")
_PROVIDER: Path = ("spec", "gate", "provider")
_NOTIFY: Path = ("spec", "notify")

_Named = tuple[str, Mapping[str, object]]
"""A plugin's name and its options as written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A plugin that the document names, with its checked options.

    Attributes:
        plugin: what the entry point names. options: an instance of its `Options`.
    """

    name: str
    plugin: Any
    options: Any

    def plain(self) -> dict[str, object]:
        """The options as plain JSON values, every default filled in."""
        return plugins.plain_options(self.plugin, self.options)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A checked experiment document with every default filled in that does not depend on the target.

    Attributes:
        content: the document. plan: the strategy's rungs. target: the target's plugin and options.
        source: where everything stands, for problems found later.
    """

    content: ReleaseExperiment
    plan: Plan
    target: Chosen
    source: Source

    @property
    def name(self) -> str:
        """The experiment's name."""
        return self.content.metadata.name

    @property
    def target_options(self) -> Any:
        """An instance of the target plugin's `Options`."""
        return self.target.options


def read(path: FilePath) -> Document:
    """The document in a file.

    Raises:
        SpecError: all problems found.
    """
    try:
        with path.open("rb") as file:
            # One byte more tells a file that is too long, and one without end, from the longest that may be.
            text = file.read(MOST_BYTES + 1).decode()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        unreadable = Problem(
            where=str(path), field="document", found=f"found {reason}", expected="expected a file to read"
        )
        raise SpecError((unreadable,)) from error
    return parse(text, str(path))


def parse(text: str, filename: str) -> Document:
    """The document in a text; `filename` is shown in problems.

    Raises:
        SpecError: all problems found.
    """
    return _checked(load(text, filename))


def from_plain(plain: Mapping[str, Any]) -> Document:
    """The document that `to_plain` made plain.

    Raises:
        SpecError: all problems found.
    """
    return _checked(Source(filename="stored experiment", data=dict(plain)))


def _checked(source: Source) -> Document:
    problems = list(source.problems)
    content = _content(source, problems)
    target = _target(source, problems)
    strategy = _chosen(source, _STRATEGY, plugins.STRATEGIES, problems)
    metric_source = _chosen(source, _SOURCE, plugins.SOURCES, problems)
    sinks = _sinks(source, problems)
    plan = _plan(source, strategy, problems)
    problems += _provider_problems(source)
    problems += checks.metric_names_differ(source)
    problems += checks.something_can_promote(source)
    problems += checks.sink_names_differ(source)
    problems += product_checks.check(source)
    if problems or content is None or target is None or strategy is None or plan is None:
        raise SpecError(tuple(sorted(problems, key=_line)))
    content = _with_options(content, target, strategy, metric_source, sinks)
    filled = _with_defaults(content, plan)
    return Document(content=filled, plan=plan, target=target, source=source)


def _content(source: Source, problems: list[Problem]) -> ReleaseExperiment | None:
    try:
        # Through JSON, so that strict types still take texts for enums and lists for tuples.
        return ReleaseExperiment.model_validate_json(json.dumps(source.data))
    except ValidationError as error:
        problems += describe(source, error, ReleaseExperiment)
        problems += broken_rules(source, error)
        return None


def _target(source: Source, problems: list[Problem]) -> Chosen | None:
    named = _named(source.get(_TARGET))
    path = (*_TARGET, named[0]) if named else _TARGET
    same = list(checks.variants_differ(source, path))
    found: list[Problem] = []
    chosen = _chosen(source, _TARGET, plugins.TARGETS, found)
    # That both are the same is said once: by us, not by the plugin's rule over all its options.
    problems += [*same, *(each for each in found if not (same and each.field == show_path(path)))]
    if chosen is not None and getattr(chosen.plugin, "observes_only", False):
        problems += checks.observes_only(source, chosen.name)
    return chosen


def _plan(source: Source, strategy: Chosen | None, problems: list[Problem]) -> Plan | None:
    if strategy is None:
        return None
    try:
        plan: Plan = strategy.plugin().plan(strategy.options)
    except ValueError as error:
        path = (*_STRATEGY, strategy.name)
        problems.append(problem(source, path, found=shown(source.get(path)), expected=str(error)))
        return None
    plan = replace(plan, strategy=strategy.name)
    problems += checks.ramp_fits_horizon(source, plan)
    problems += checks.probes_can_show_the_limits(source, plan)
    problems += checks.something_can_be_better(source, plan)
    problems += checks.every_metric_is_measured(source, plan)
    problems += checks.parts_are_compared(source, plan)
    return plan


def _sinks(source: Source, problems: list[Problem]) -> tuple[Chosen | None, ...]:
    """The sink plugin of every entry of `notify:`."""
    notify = source.get(_NOTIFY)
    entries = enumerate(notify if isinstance(notify, list) else ())
    named = [(index, _named(plugin_of(entry))) for index, entry in entries]
    return tuple(
        each and _checked_plugin(source, (*_NOTIFY, index), plugins.SINKS, each, problems)
        for index, each in named
    )


def _chosen(source: Source, path: Path, group: str, problems: list[Problem]) -> Chosen | None:
    """The plugin at a path, or None when the document names none (rightly so) or a problem was added."""
    named = _named(source.get(path))
    return named and _checked_plugin(source, path, group, named, problems)


def _checked_plugin(
    source: Source, path: Path, group: str, named: _Named, problems: list[Problem]
) -> Chosen | None:
    """The plugin of this name with its options, or None after adding a problem."""
    name, options = named
    unusable = _unusable(source, path, group, name)
    if unusable:
        problems.append(unusable)
        return None
    plugin = plugins.load(group, name)
    try:
        return Chosen(name=name, plugin=plugin, options=plugins.check_options(plugin, options))
    except ValidationError as error:
        found = list(describe(source, error, plugin.Options, (*path, name)))
        known = _without_unknown(options, error)
    chosen = None
    try:
        # What is unknown must not hide what the rest breaks.
        chosen = Chosen(name=name, plugin=plugin, options=plugins.check_options(plugin, known))
    except ValidationError as error:
        again = describe(source, error, plugin.Options, (*path, name))
        found += [each for each in again if each not in found]
    problems += found
    return chosen


def _without_unknown(options: Mapping[str, object], error: ValidationError) -> Mapping[str, object]:
    """The options without the fields that the plugin does not have."""
    known = copy.deepcopy(dict(options))
    for detail in error.errors(include_url=False):
        if detail["type"] in UNKNOWN_FIELD:
            *outer, name = detail["loc"]
            part: Any = known
            for step in outer:
                part = part[step]
            part.pop(name)
    return known


def _named(value: Any) -> _Named | None:
    """Name and options of a well-formed choice; anything else is the document model's to refuse."""
    match value:
        case str() if value:
            return value, {}
        case dict() if len(value) == 1:
            name, options = next(iter(value.items()))
            if options is None or isinstance(options, dict):
                return name, options or {}
    return None


def _unusable(source: Source, path: Path, group: str, name: str) -> Problem | None:
    """The problem of a plugin that is not there or does not load."""
    names = plugins.available(group)
    if name not in names:
        at = path if isinstance(source.get(path), str) else (*path, name)
        return problem(source, at, found=f"no plugin of the name {shown(name)}", expected=one_of(name, names))
    try:
        plugins.load(group, name)
    except PluginError as error:
        return problem(source, path, found=str(error), expected="a plugin that loads (`rampwise plugins`)")
    return None


def _provider_problems(source: Source) -> list[Problem]:
    name = source.get(_PROVIDER)
    if not isinstance(name, str) or not name or ":" in name:
        return []
    unusable = _unusable(source, _PROVIDER, plugins.GATES, name)
    return [unusable] if unusable else []


def _with_options(
    content: ReleaseExperiment,
    target: Chosen,
    strategy: Chosen,
    metric_source: Chosen | None,
    sinks: tuple[Chosen | None, ...],
) -> ReleaseExperiment:
    """The document with all options of its plugins filled in."""
    update: dict[str, Any] = {
        "target": {target.name: target.plain()},
        "strategy": {strategy.name: strategy.plain()},
        "notify": tuple(
            sink.model_copy(update={chosen.name: chosen.plain(), "name": sink.name or chosen.name})
            for sink, chosen in zip(content.spec.notify, sinks, strict=True)
            if chosen
        ),
    }
    if metric_source:
        update["source"] = {metric_source.name: metric_source.plain()}
    return content.model_copy(update={"spec": content.spec.model_copy(update=update)})


def _with_defaults(content: ReleaseExperiment, plan: Plan) -> ReleaseExperiment:
    """The document with flag, weights, and what the strategy suggests filled in."""
    spec: Spec = content.spec
    update: dict[str, Any] = {
        "gate": spec.gate.model_copy(update={"flag": spec.gate.flag or content.metadata.name}),
        "metrics": with_weights(spec.metrics),
        "horizon": plan.horizon_s if spec.horizon is None else spec.horizon,
        "on_blind": spec.on_blind or plan.on_trouble,
        "on_untrustworthy": spec.on_untrustworthy or plan.on_trouble,
    }
    return content.model_copy(update={"spec": spec.model_copy(update=update)})


def _line(found: Problem) -> int:
    line = found.where.rpartition(":")[2]
    return int(line) if line.isdigit() else 0
