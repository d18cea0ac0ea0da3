"""A gate that lives in this process: for tests and for trying things out."""

from collections.abc import Mapping

from openfeature.provider.in_memory_provider import InMemoryFlag, InMemoryProvider


def memory_provider(flag: str, options: Mapping[str, object]) -> InMemoryProvider:
    """The SDK's in-memory provider with this flag, open unless `options` has `open: false`."""
    variant = "on" if options.get("open", True) else "off"
    return InMemoryProvider({flag: InMemoryFlag(variant, {"on": True, "off": False})})
