"""Frozen reports: a view as a file that is named by the hash of its content. Evaluates and draws nothing.

A frozen report is the canonical JSON of the view; its address is the SHA-256 of those bytes. It renders
without the database it came from, and a file that was changed is not shown.
"""

import hashlib
import re
from dataclasses import replace
from pathlib import Path

from analysis.report.document import canonical_json, from_json
from analysis.report.output import write_whole
from analysis.report.view import ReportView
from engine.errors import CorruptRecord, StoreError, UsageError

PREFIX = "sha256:"
SHORTEST_HASH = 4
"""Hex digits of an address that must be given at least."""

_HASH = re.compile(rf"[0-9a-f]{{{SHORTEST_HASH},64}}")


def is_address(text: str) -> bool:
    """Whether this names a frozen report rather than a run."""
    return text.startswith(PREFIX)


def freeze(view: ReportView, directory: Path) -> ReportView:
    """Store the view; the one returned says its own address.

    Freezing the same view again changes nothing. StoreError when the file cannot be written.
    """
    text = canonical_json(replace(view, snapshot=None))
    digest = hashlib.sha256(text.encode()).hexdigest()
    path = directory / f"{digest}.json"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        write_whole(path, text)
    except OSError as error:
        msg = f"the report cannot be frozen in {path}: {error.strerror}"
        raise StoreError(msg) from error
    return replace(view, snapshot=f"{PREFIX}{digest}")


def thaw(address: str, directory: Path) -> ReportView:
    """The frozen report of this address, or of the only one that begins like it.

    Raises:
        UsageError: the address is none, or no or several reports have it.
        CorruptRecord: the file is not what was frozen, or cannot be read.
    """
    path = _find(address, directory)
    try:
        content = path.read_bytes()
    except OSError as error:
        msg = f"frozen report {path} cannot be read: {error.strerror}"
        raise CorruptRecord(msg) from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != path.stem:
        msg = (
            f"frozen report {path} was changed after it was frozen: its content is {PREFIX}{digest} now."
            " It is not shown; restore the file, or freeze the run again"
        )
        raise CorruptRecord(msg)
    try:
        return replace(from_json(content.decode()), snapshot=f"{PREFIX}{digest}")
    except ValueError as error:
        msg = f"frozen report {path} cannot be read by this version of rampwise: {error}"
        raise CorruptRecord(msg) from error


def _find(address: str, directory: Path) -> Path:
    digest = address.removeprefix(PREFIX).lower()
    if not _HASH.fullmatch(digest):
        msg = f"{address!r} is no address: after `{PREFIX}` stand {SHORTEST_HASH} to 64 digits of 0-9, a-f"
        raise UsageError(msg)
    found = sorted(path for path in directory.glob(f"{digest}*.json") if _HASH.fullmatch(path.stem))
    match found:
        case [path]:
            return path
        case []:
            msg = (
                f"no frozen report {PREFIX}{digest} in {directory}; `rampwise report RUN --freeze` makes one"
            )
        case _:
            first = ", ".join(f"{PREFIX}{path.stem[:12]}" for path in found[:5])
            msg = f"{len(found)} frozen reports begin with {PREFIX}{digest}: {first}; give more digits"
    raise UsageError(msg)
