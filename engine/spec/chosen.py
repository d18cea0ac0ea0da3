"""Plugins that a document names, with their options checked by the plugins themselves. Refuses in words."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from engine import plugins
from engine.errors import PluginError, Problem
from engine.spec.problems import UNKNOWN_FIELD, describe, one_of, problem, shown
from engine.spec.yaml_text import Path, Source

Named = tuple[str, Mapping[str, object]]
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


def chosen_at(source: Source, path: Path, group: str, problems: list[Problem]) -> Chosen | None:
    """The plugin at a path, or None when the document names none (rightly so) or a problem was added."""
    named = named_by(source.get(path))
    return named and chosen_by(source, path, group, named, problems)


def named_by(value: Any) -> Named | None:
    """Name and options of a well-formed choice; anything else is the document model's to refuse."""
    match value:
        case str() if value:
            return value, {}
        case dict() if len(value) == 1:
            name, options = next(iter(value.items()))
            if options is None or isinstance(options, dict):
                return name, options or {}
    return None


def chosen_by(source: Source, path: Path, group: str, named: Named, problems: list[Problem]) -> Chosen | None:
    """The plugin of this name with its options, or None after adding a problem."""
    name, options = named
    not_there = unusable(source, path, group, name)
    if not_there:
        problems.append(not_there)
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


def unusable(source: Source, path: Path, group: str, name: str) -> Problem | None:
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
