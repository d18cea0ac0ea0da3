"""The port to what holds flags: read all of them, and put ours without touching anybody else's."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol

from engine.errors import UsageError
from engine.flags.document import Flag

Flags = Mapping[str, Any]
"""Flags by key, whoever wrote them."""
Choose = Callable[[Flags], Mapping[str, Flag]]
"""From the flags that are there to those that are to be put; refuses by raising Unreachable or UsageError."""


class Holder(Protocol):
    """Raises Unreachable when it gives no answer, UsageError when it holds something else than flags."""

    @property
    def place(self) -> str:
        """What and where it is, as one word."""
        ...

    def read(self) -> Flags:
        """All flags as they are now."""
        ...

    def put(self, keys: Collection[str], choose: Choose) -> None:
        """Of these keys, have exactly the flags that are chosen from what is there; others stay as they are.

        Nobody else changes it in between. Nothing is written where it is so already.
        """
        ...


def after(found: Flags, keys: Collection[str], wanted: Mapping[str, Flag]) -> dict[str, Any]:
    """All flags with ours as they shall be; the same where nothing has to be written."""
    left = {key: flag for key, flag in found.items() if key not in keys or key in wanted}
    return {**left, **wanted}


def flags_of(document: object, place: str) -> dict[str, Any]:
    """The flags of a flagd document. UsageError when it is none."""
    flags = document.get("flags", {}) if isinstance(document, dict) else None
    if not isinstance(flags, dict):
        msg = f"{place} holds no flagd document; it needs an object `flags`"
        raise UsageError(msg)
    return flags
