"""How a gate's provider is made: by a plugin's name, or by `package.module:Class`. Makes none by itself."""

import importlib
import inspect
from collections.abc import Callable, Mapping
from functools import partial

from openfeature.provider import FeatureProvider

from engine import plugins
from engine.core.model import GateChoice
from engine.errors import PluginError

Factory = Callable[[str, Mapping[str, object]], FeatureProvider]
"""Makes a provider for a flag's name and the options under `gate:`."""


def maker(choice: GateChoice) -> Callable[[], FeatureProvider]:
    """Makes the provider when called; that may take its time, and raise anything.

    Raises:
        PluginError: there is no such provider, or it does not take these options.
    """
    if ":" in choice.provider:
        return partial(_fitting_class(choice), **choice.options)
    factory: Factory = plugins.load(plugins.GATES, choice.provider)
    return partial(factory, choice.flag, choice.options)


def _fitting_class(choice: GateChoice) -> type[FeatureProvider]:
    """The provider class that is named, checked before anything of it is called."""
    found = _imported(choice)
    if not (isinstance(found, type) and FeatureProvider in found.__mro__):
        raise _cannot_be_made(choice, "it is no class derived from OpenFeature's AbstractProvider")
    try:
        inspect.signature(found).bind(**choice.options)
    except TypeError as error:
        raise _cannot_be_made(choice, f"its options do not fit: {error}") from error
    return found


def _imported(choice: GateChoice) -> object:
    module, _, name = choice.provider.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except Exception as error:
        raise _cannot_be_made(choice, f"{type(error).__name__}: {error}") from error


def _cannot_be_made(choice: GateChoice, why: str) -> PluginError:
    return PluginError(
        f"gate provider {choice.provider} cannot be made: {why}; check `gate: provider:` and `options:`"
    )
