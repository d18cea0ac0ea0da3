"""Reads experiment documents: all that can be checked without asking the target, all problems at once."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from engine import plugins
from engine.core.plan import Plan
from engine.errors import Problem, SpecError
from engine.spec import beside, checks, product_checks
from engine.spec.chosen import Chosen, chosen_at, chosen_by, named_by, unusable
from engine.spec.document import ProductExperiment, ProductSpec, ReleaseExperiment, Spec
from engine.spec.problems import broken_rules, describe, problem, shown
from engine.spec.sinks import plugin_of
from engine.spec.weights import with_weights
from engine.spec.yaml_text import MOST_BYTES, Path, Source, load, show_path

_SPEC: Path = ("spec",)
_TARGET: Path = ("spec", "target")
_STRATEGY: Path = ("spec", "strategy")
_SOURCE: Path = ("spec", "source")
_PROVIDER: Path = ("spec", "gate", "provider")
_NOTIFY: Path = ("spec", "notify")
_Model = TypeVar("_Model", bound=BaseModel)
_OF_A_RELEASE = Spec.model_fields.keys() - ProductSpec.model_fields.keys()


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductDocument:
    """A checked document that only asks something of users' events: there is nothing to launch."""

    content: ProductExperiment
    source: Source

    @property
    def name(self) -> str:
        """The experiment's name."""
        return self.content.metadata.name


AnyDocument = Document | ProductDocument
"""A release, with or without a product experiment, or a product experiment alone."""


def read(path: FilePath) -> Document:
    """The release in a file.

    Raises:
        SpecError: all problems found; one that says what to add, where it is a product experiment alone.
    """
    return _release(read_any(path))


def read_any(path: FilePath) -> AnyDocument:
    """The release, the product experiment, or both, in a file; files that it names are seen from its folder.

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
    source = load(text, str(path))
    beside.place(source, path.parent)
    return _checked(source)


def parse(text: str, filename: str) -> Document:
    """The release in a text; `filename` is shown in problems.

    Raises:
        SpecError: as `read`.
    """
    return _release(parse_any(text, filename))


def parse_any(text: str, filename: str) -> AnyDocument:
    """The release, the product experiment, or both, in a text.

    Raises:
        SpecError: all problems found.
    """
    return _checked(load(text, filename))


def from_plain(plain: Mapping[str, Any]) -> Document:
    """The release that `to_plain` made plain.

    Raises:
        SpecError: as `read`.
    """
    return _release(_checked(Source(filename="stored experiment", data=dict(plain))))


def _release(document: AnyDocument) -> Document:
    if isinstance(document, Document):
        return document
    found = "a product experiment alone, which declares nothing to launch"
    expected = "target, strategy and metrics beside product; `rampwise ab` looks at it as it is"
    raise SpecError((problem(document.source, _SPEC, found=found, expected=expected),))


def _checked(source: Source) -> AnyDocument:
    said = source.get(_SPEC)
    if isinstance(said, dict) and "product" in said and not said.keys() & _OF_A_RELEASE:
        return _product_alone(source)
    problems = list(source.problems)
    content = _content(source, ReleaseExperiment, problems)
    target = _target(source, problems)
    strategy = chosen_at(source, _STRATEGY, plugins.STRATEGIES, problems)
    metric_source = chosen_at(source, _SOURCE, plugins.SOURCES, problems)
    sinks = _sinks(source, problems)
    plan = _plan(source, strategy, problems)
    problems += _provider_problems(source)
    problems += checks.metric_names_differ(source)
    problems += checks.something_can_promote(source)
    problems += checks.sink_names_differ(source)
    problems += product_checks.check(source)
    if problems or content is None or target is None or strategy is None or plan is None:
        raise SpecError(_in_order(problems))
    content = _with_options(content, target, strategy, metric_source, sinks)
    filled = _with_defaults(content, plan)
    return Document(content=filled, plan=plan, target=target, source=source)


def _product_alone(source: Source) -> ProductDocument:
    problems = list(source.problems)
    content = _content(source, ProductExperiment, problems)
    problems += product_checks.check(source)
    if problems or content is None:
        raise SpecError(_in_order(problems))
    return ProductDocument(content=content, source=source)


def _content(source: Source, model: type[_Model], problems: list[Problem]) -> _Model | None:
    try:
        # Through JSON, so that strict types still take texts for enums and lists for tuples.
        return model.model_validate_json(json.dumps(source.data))
    except ValidationError as error:
        problems += describe(source, error, model)
        problems += broken_rules(source, error)
        return None


def _target(source: Source, problems: list[Problem]) -> Chosen | None:
    named = named_by(source.get(_TARGET))
    path = (*_TARGET, named[0]) if named else _TARGET
    same = list(checks.variants_differ(source, path))
    found: list[Problem] = []
    chosen = chosen_at(source, _TARGET, plugins.TARGETS, found)
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
    judged = plan.needs_better and checks.asks_users_events(source)
    plan = replace(plan, strategy=strategy.name, product_decides=judged)
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
    named = [(index, named_by(plugin_of(entry))) for index, entry in entries]
    return tuple(
        each and chosen_by(source, (*_NOTIFY, index), plugins.SINKS, each, problems) for index, each in named
    )


def _provider_problems(source: Source) -> list[Problem]:
    name = source.get(_PROVIDER)
    if not isinstance(name, str) or not name or ":" in name:
        return []
    not_there = unusable(source, _PROVIDER, plugins.GATES, name)
    return [not_there] if not_there else []


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


def _in_order(problems: list[Problem]) -> tuple[Problem, ...]:
    """As they stand in the document."""
    return tuple(sorted(problems, key=_line))


def _line(found: Problem) -> int:
    line = found.where.rpartition(":")[2]
    return int(line) if line.isdigit() else 0
