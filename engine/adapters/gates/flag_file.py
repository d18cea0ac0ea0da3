"""The built-in gate: a flagd file on this machine, read anew at every evaluation by flagd's own evaluator."""

import contextlib
import copy
import fcntl
import json
import os
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import GeneralError
from openfeature.flag_evaluation import FlagResolutionDetails, FlagValueType
from openfeature.provider import AbstractProvider, Metadata

from engine.errors import RampwiseError, Unreachable, UsageError
from engine.home import flag_file

_SCHEMA = "https://flagd.dev/schema/v0/flags.json"
_MOST_BYTES = 4 << 20
_READABLE_BY_ALL = 0o644


def file_provider(flag: str, options: Mapping[str, object]) -> "FlagdProvider":
    """The provider for `options: {path: FILE}`; the default is Rampwise's own flag file."""
    path = Path(str(options.get("path") or flag_file()))
    return FlagdProvider(f"flag file {path}", lambda: _text_of(path))


class FlagdProvider(AbstractProvider):
    """An OpenFeature provider over one flagd document in JSON. No cache: a closed flag counts at once."""

    def __init__(self, name: str, read: Callable[[], str]) -> None:
        super().__init__()
        self._name = name
        self._read = read

    def get_metadata(self) -> Metadata:
        """The name that gate states show."""
        return Metadata(name=self._name)

    def _core(self) -> FlagdCore:
        core = FlagdCore()
        try:
            core.set_flags(self._read())
        except (
            OSError,
            ValueError,
            TypeError,
            AttributeError,
            KeyError,
            RecursionError,
            RampwiseError,
        ) as error:
            msg = f"{self._name} cannot be read: {error}"
            raise GeneralError(msg) from error
        return core

    def resolve_boolean_details(
        self, flag_key: str, default_value: bool, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[bool]:
        """A boolean flag."""
        return self._core().resolve_boolean_value(flag_key, default_value, evaluation_context)

    def resolve_string_details(
        self, flag_key: str, default_value: str, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[str]:
        """A string flag."""
        return self._core().resolve_string_value(flag_key, default_value, evaluation_context)

    def resolve_integer_details(
        self, flag_key: str, default_value: int, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[int]:
        """A whole-number flag."""
        return self._core().resolve_integer_value(flag_key, default_value, evaluation_context)

    def resolve_float_details(
        self, flag_key: str, default_value: float, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[float]:
        """A number flag."""
        return self._core().resolve_float_value(flag_key, default_value, evaluation_context)

    def resolve_object_details(
        self,
        flag_key: str,
        default_value: Sequence[FlagValueType] | Mapping[str, FlagValueType],
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[Sequence[FlagValueType] | Mapping[str, FlagValueType]]:
        """A structured flag."""
        return self._core().resolve_object_value(flag_key, default_value, evaluation_context)


def read_flag(flag: str, path: Path | None = None) -> bool | None:
    """Whether the flag is open in the file; None when it is not there.

    Raises:
        Unreachable: the file cannot be read. UsageError: the flag is none, or the file holds something else.
    """
    file = path or flag_file()
    entry = flags_in(file).get(flag)
    if entry is None:
        return None
    try:
        return entry["state"] == "ENABLED" and entry["variants"][entry["defaultVariant"]] is True
    except (KeyError, TypeError) as error:
        msg = f"flag `{flag}` in {file} is no flagd flag: {error!r} is wrong or missing"
        raise UsageError(msg) from error


def write_flag(flag: str, *, is_open: bool, path: Path | None = None, only_if_absent: bool = False) -> Path:
    """Open or close a flag: absolute, atomic, leaving other flags alone.

    Raises:
        Unreachable: the file cannot be written. UsageError: it holds something else than flags.
    """
    file = path or flag_file()
    with change_flags(file) as flags:
        if not (only_if_absent and flag in flags):
            flags[flag] = _entry(flag, file, flags.get(flag, {}), is_open=is_open)
    return file.resolve()


def flags_in(file: Path) -> dict[str, Any]:
    """All flags of the file, as it has them; none where there is no file.

    Raises:
        Unreachable: it cannot be read. UsageError: it holds something else.
    """
    try:
        flags: dict[str, Any] = _load(file).get("flags", {})
    except OSError as error:
        msg = f"flag file {file} cannot be read: {error}; check its permissions"
        raise Unreachable(msg) from error
    return flags


@contextlib.contextmanager
def change_flags(file: Path) -> Iterator[dict[str, Any]]:
    """The file's flags, to be changed in place: under a lock, and written at the end if they were changed.

    Raises:
        Unreachable: it cannot be written. UsageError: it holds something else.
    """
    try:
        file = file.resolve()  # a link stays, and what it points to is changed
        file.parent.mkdir(parents=True, exist_ok=True)
        with (file.parent / f".{file.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            document = _load(file)
            before = copy.deepcopy(document.setdefault("flags", {}))
            yield document["flags"]
            if document["flags"] != before:
                _replace(file, document)
    except (OSError, RuntimeError) as error:
        msg = f"flag file {file} cannot be written: {error}; check its permissions"
        raise Unreachable(msg) from error


def _entry(flag: str, file: Path, before: object, *, is_open: bool) -> dict[str, Any]:
    if not isinstance(before, dict):
        msg = f"flag `{flag}` in {file} is no flagd flag but {before!r}; take it out of the file, or mend it"
        raise UsageError(msg)
    kept = {key: before[key] for key in ("metadata",) if key in before}
    return {
        "state": "ENABLED",
        "variants": {"on": True, "off": False},
        "defaultVariant": "on" if is_open else "off",
        **kept,
    }


def _text_of(file: Path) -> str:
    """OSError when it cannot be read, ValueError when it is no text or too long to be a flag file."""
    with file.open("rb") as opened:
        content = opened.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        msg = f"it has more than {_MOST_BYTES:,} bytes"
        raise ValueError(msg)
    return content.decode()


def _load(file: Path) -> dict[str, Any]:
    try:
        document = json.loads(_text_of(file))
    except FileNotFoundError:
        return {"$schema": _SCHEMA, "flags": {}}
    except (ValueError, RecursionError) as error:
        msg = f"flag file {file} is not JSON: {error}; mend it or move it away"
        raise UsageError(msg) from error
    if not isinstance(document, dict) or not isinstance(document.get("flags", {}), dict):
        msg = f"flag file {file} is not a flagd document; it needs an object `flags`"
        raise UsageError(msg)
    return document


def _replace(file: Path, document: Mapping[str, Any]) -> None:
    """Put the document in place by rename, as readable as before; engines may run as another user."""
    with tempfile.NamedTemporaryFile("w", dir=file.parent, delete=False, encoding="utf-8") as new:
        temporary = Path(new.name)
        try:
            json.dump(document, new, indent=2)
            new.flush()
            os.fsync(new.fileno())
            _dress(new.fileno(), file)
            temporary.replace(file)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def _dress(new: int, file: Path) -> None:
    """Owner and mode of the file that is replaced; what a user may not give away stays the user's."""
    try:
        before = file.stat()
    except FileNotFoundError:
        os.fchmod(new, _READABLE_BY_ALL)
        return
    with contextlib.suppress(PermissionError):
        os.fchown(new, before.st_uid, before.st_gid)
    os.fchmod(new, stat.S_IMODE(before.st_mode))
