"""Core values to and from plain JSON: for the store, the command line and the report. Decides nothing."""

import json
from collections.abc import Hashable, Iterator, Mapping
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter

T = TypeVar("T")

_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)


@cache
def _adapter(kind: Hashable) -> TypeAdapter[Any]:
    return TypeAdapter(cast("Any", kind))


def to_plain(kind: type[T], value: T) -> Any:
    """JSON-ready dicts, lists, strings and numbers. JSON has no infinities: values must hold none."""
    return _adapter(cast("Hashable", kind)).dump_python(value, mode="json")


def from_plain(kind: type[T], plain: Any) -> T:
    """The value again. Raises pydantic.ValidationError when `plain` is not of this kind."""
    return cast("T", _adapter(cast("Hashable", kind)).validate_python(plain))


def from_json(kind: type[T], text: str) -> T:
    """The value of a JSON text, in one go. Raises pydantic.ValidationError like `from_plain`."""
    return cast("T", _adapter(cast("Hashable", kind)).validate_json(text))


def json_text(plain: object) -> str:
    """Plain values as JSON. ValueError when JSON cannot hold one."""
    if isinstance(plain, Deferred):
        return plain.json_text()
    return _ENCODER.encode(plain)


class Deferred(Mapping[str, Any]):
    """A plain JSON object that is made of a value only when somebody looks into it.

    Whoever knows the value's kind takes the value, and whoever writes it asks for its text; both are several
    times as fast as to make the object.

    Attributes:
        value: never changes. A number in it that JSON does not have must be written as a constant (pydantic's
            `ser_json_inf_nan`), or it would become a null.
    """

    __slots__ = ("_kind", "_plain", "value")

    def __init__(self, kind: type[T], value: T) -> None:
        self._kind = kind
        self._plain: Mapping[str, Any] | None = None
        self.value = value

    def json_text(self) -> str:
        """The object as JSON. ValueError when JSON cannot hold a value."""
        text = _adapter(cast("Hashable", self._kind)).dump_json(self.value).decode()
        suspect = "NaN" in text or "Infinity" in text
        return _ENCODER.encode(dict(self)) if suspect else text

    def __getitem__(self, key: str) -> Any:
        return self._made()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._made())

    def __len__(self) -> int:
        return len(self._made())

    def __deepcopy__(self, memo: object) -> "Deferred":
        return self

    def _made(self) -> Mapping[str, Any]:
        if self._plain is None:
            self._plain = to_plain(self._kind, self.value)
        return self._plain
