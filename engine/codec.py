"""Core values to and from plain JSON: for the store, the command line and the report. Decides nothing."""

from collections.abc import Hashable
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter

T = TypeVar("T")


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
