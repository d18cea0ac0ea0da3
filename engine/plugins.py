"""Finds strategies, targets, metric sources, gates and sinks by name, through entry points.

Built-ins register like third-party plugins. A plugin that does not load is reported, with the distribution
it came from, and harms no other. Nothing here knows what a plugin does.
"""

import difflib
import importlib.metadata
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import EntryPoint
from typing import Any

from pydantic import TypeAdapter

from engine.core.model import PluginChoice
from engine.errors import PluginError

STRATEGIES = "rampwise.strategies"
TARGETS = "rampwise.targets"
SOURCES = "rampwise.sources"
GATES = "rampwise.gates"
SINKS = "rampwise.sinks"
GROUPS = (STRATEGIES, TARGETS, SOURCES, GATES, SINKS)

DISABLED_VARIABLE = "RAMPWISE_DISABLED_PLUGINS"
"""Environment variable: comma-separated `kind/name`, such as `targets/local`. Those are never loaded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginInfo:
    """One registered plugin as `rampwise plugins` shows it.

    Attributes:
        kind: strategies, targets, sources, gates or sinks. source: the object it names, `module:attribute`.
        distribution: name and version of what installed it. error: why it does not load, empty if it does.
    """

    kind: str
    name: str
    source: str
    distribution: str
    disabled: bool
    error: str


def available(group: str) -> tuple[str, ...]:
    """Names that may be loaded from a group, sorted."""
    return tuple(sorted(name for name in _registered(group) if not _disabled(group, name)))


def load(group: str, name: str) -> Any:
    """The plugin object: a class or factory with its `Options`.

    Raises:
        PluginError: unknown (names the near one and all there are), switched off, or failing to load.
    """
    plugins = _registered(group)
    kind = _kind(group)
    if name not in plugins:
        names = available(group)
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        msg = f"no plugin {kind}/{name}; {hint}there is: {', '.join(names) or 'none'}"
        raise PluginError(msg)
    if _disabled(group, name):
        msg = f"{kind}/{name} is switched off by the environment variable {DISABLED_VARIABLE}"
        raise PluginError(msg)
    try:
        return plugins[name].load()
    except (Exception, SystemExit) as error:  # some modules are programs
        msg = f"{kind}/{name} from {_distribution(plugins[name])} does not load: {_reason(error)}"
        raise PluginError(msg) from error


def create(group: str, choice: PluginChoice) -> Any:
    """A target or metric source, made by its factory from checked options.

    Raises:
        PluginError: the plugin is unknown or does not load.
        pydantic.ValidationError: the options are not what the plugin takes.
    """
    plugin = load(group, choice.name)
    return plugin(check_options(plugin, choice.options))


def check_options(plugin: Any, options: Mapping[str, object]) -> Any:
    """An instance of the plugin's `Options`; unknown options are refused.

    Raises:
        pydantic.ValidationError: the options are not what the plugin takes.
    """
    # Through JSON, so that strict types still take texts for enums and lists for tuples.
    return TypeAdapter(plugin.Options).validate_json(json.dumps(options), strict=True, extra="forbid")


def plain_options(plugin: Any, options: Any) -> dict[str, object]:
    """Checked options as plain JSON values with every default filled in; what is absent is left out."""
    plain: dict[str, object] = TypeAdapter(plugin.Options).dump_python(
        options, mode="json", by_alias=True, exclude_none=True
    )
    return plain


def listing() -> tuple[PluginInfo, ...]:
    """All registered plugins, each tried; those that fail carry their error."""
    return tuple(
        _info(group, name, entry) for group in GROUPS for name, entry in sorted(_registered(group).items())
    )


def _info(group: str, name: str, entry: EntryPoint) -> PluginInfo:
    disabled = _disabled(group, name)
    error = ""
    if not disabled:
        try:
            entry.load()
        except (Exception, SystemExit) as failure:  # noqa: BLE001 (a stranger's module may raise anything)
            error = _reason(failure)
    return PluginInfo(
        kind=_kind(group),
        name=name,
        source=entry.value,
        distribution=_distribution(entry),
        disabled=disabled,
        error=error,
    )


def entry_points(*, group: str) -> tuple[EntryPoint, ...]:
    """Those of one group, as installed when this process first asked."""
    return _installed(group, tuple(sys.path))


@lru_cache(maxsize=64)
def _installed(group: str, _path: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    """Looking for them reads a file of every distribution, and each document asks for a dozen plugins."""
    return tuple(importlib.metadata.entry_points(group=group))


def _registered(group: str) -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=group)}


def _disabled(group: str, name: str) -> bool:
    listed = os.environ.get(DISABLED_VARIABLE, "").split(",")
    return f"{_kind(group)}/{name}" in {each.strip() for each in listed}


def _kind(group: str) -> str:
    return group.removeprefix("rampwise.")


def _distribution(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else "an unknown distribution"


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
