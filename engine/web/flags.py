"""The flags of a flagd file, evaluated by flagd's own evaluator, and read again when the file changes.

A file that cannot be read changes nothing: the last good one stays in force, and the log says so.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import structlog
from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import FlagNotFoundError, OpenFeatureError, ParseError
from openfeature.flag_evaluation import FlagResolutionDetails

from engine.errors import Unreachable

_log = structlog.get_logger("rampwise.web")

_MOST_BYTES = 16 << 20
Signature = tuple[int, int, int]
"""Time of the last change, size and inode: what replacing or writing a file changes."""


class Kind(StrEnum):
    """What a flag's variants are."""

    BOOLEAN = "boolean"
    STRING = "string"
    INTEGER = "integer"
    FLOAT = "float"
    OBJECT = "object"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """The flags of one document."""

    core: FlagdCore
    kinds: Mapping[str, Kind | None]
    metadata: Mapping[str, Any]

    @classmethod
    def of(cls, text: str) -> "Flags":
        """Of a flagd document. ValueError says why it is none."""
        document = json.loads(text, parse_constant=_no_number)
        if not isinstance(document, dict) or not isinstance(document.get("flags"), dict):
            msg = "it is no flagd document; it needs an object `flags`"
            raise ValueError(msg)  # noqa: TRY004 (what the caller catches, whatever is wrong)
        try:
            kinds = {key: _kind(flag["variants"].values()) for key, flag in document["flags"].items()}
            core = FlagdCore()
            core.set_flags(document)
        except (OpenFeatureError, TypeError, AttributeError, KeyError) as error:
            said = getattr(error, "error_message", None) or repr(error)
            msg = f"a flag in it is none: {said}"
            raise ValueError(msg) from error
        return cls(core=core, kinds=kinds, metadata=core.get_flag_set_metadata())

    def evaluate(self, key: str, context: EvaluationContext) -> FlagResolutionDetails[Any]:
        """What the flag is for this context. OpenFeatureError when there is none, or no answer."""
        if key not in self.kinds:
            msg = f"there is no flag {key}"
            raise FlagNotFoundError(msg)
        kind = self.kinds[key]
        if kind is None:
            msg = f"the variants of flag {key} are of several types"
            raise ParseError(msg)
        resolve, stands_in = _RESOLVERS[kind]
        return resolve(self.core, key, stands_in, context)


_Resolve = Callable[[FlagdCore, str, Any, EvaluationContext], FlagResolutionDetails[Any]]
_RESOLVERS: Mapping[Kind, tuple[_Resolve, Any]] = {
    Kind.BOOLEAN: (FlagdCore.resolve_boolean_value, False),
    Kind.STRING: (FlagdCore.resolve_string_value, ""),
    Kind.INTEGER: (FlagdCore.resolve_integer_value, 0),
    Kind.FLOAT: (FlagdCore.resolve_float_value, 0.0),
    Kind.OBJECT: (FlagdCore.resolve_object_value, {}),
}


@dataclass(slots=True)
class FlagFile:
    """The flags of a file as it is now. For one thread."""

    path: Path
    _flags: Flags | None = None
    _read: Signature | None = None
    _trouble: str = field(default="it was not read yet")

    @property
    def trouble(self) -> str:
        """Why the file as it is now is not in force; empty when it is."""
        return self._trouble

    def current(self) -> Flags:
        """The flags in force. Unreachable when there never were any."""
        try:
            found = self.path.stat()
            signature = (found.st_mtime_ns, found.st_size, found.st_ino)
        except OSError as error:
            self._keep(None, f"cannot be read: {error.strerror}")
        else:
            if signature != self._read:
                self._load(signature)
        if self._flags is None:
            msg = f"flag file {self.path} {self._trouble}"
            raise Unreachable(msg)
        return self._flags

    def _load(self, signature: Signature) -> None:
        try:
            flags = Flags.of(_text(self.path))
        except (OSError, ValueError, RecursionError) as error:
            self._keep(signature, f"cannot be used: {error}")
            return
        if self._flags is not None or self._trouble:
            _log.info("flags in force", file=str(self.path), flags=len(flags.kinds))
        self._flags, self._read, self._trouble = flags, signature, ""

    def _keep(self, signature: Signature | None, trouble: str) -> None:
        if trouble != self._trouble:
            in_force = "those read before" if self._flags else "none"
            _log.warning("flags cannot be read", file=str(self.path), error=trouble, in_force=in_force)
        self._read, self._trouble = signature, trouble


def _kind(values: Iterable[object]) -> Kind | None:
    """Of a flag's variants; None when they have nothing in common."""
    kinds = {_kind_of(value) for value in values}
    if kinds == {Kind.INTEGER, Kind.FLOAT}:
        return Kind.FLOAT
    return kinds.pop() if len(kinds) == 1 else None


def _kind_of(value: object) -> Kind | None:
    match value:
        case bool():
            return Kind.BOOLEAN
        case int():
            return Kind.INTEGER
        case float():
            return Kind.FLOAT
        case str():
            return Kind.STRING
        case dict() | list():
            return Kind.OBJECT
        case _:
            return None


def _text(path: Path) -> str:
    with path.open("rb") as opened:
        content = opened.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        msg = f"it has more than {_MOST_BYTES:,} bytes"
        raise ValueError(msg)
    return content.decode()


def _no_number(name: str) -> float:
    msg = f"{name} is no number"
    raise ValueError(msg)
