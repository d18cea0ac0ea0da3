"""Rows from and to core values. A row that cannot be read is named; nothing in here touches a database.

Event rows carry a type tag and the version of the event schema they were written with, so that a newer
engine reads old rows, and an older engine says that a row is newer than itself instead of misreading it.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import ValidationError
from sqlalchemy import Row

from engine.codec import from_json, from_plain, json_text, to_plain
from engine.core.decision import Rule
from engine.core.events import (
    SCHEMA,
    Actor,
    Applied,
    Command,
    Commanded,
    Decided,
    Event,
    Freeze,
    Intended,
    Launched,
    Observed,
    Payload,
)
from engine.core.letter import Letter
from engine.core.notice import Notice
from engine.core.run import Run
from engine.errors import CorruptRecord
from engine.ports import Json, Snapshot, StoredRun

PAYLOADS: Mapping[str, type[Payload]] = {
    "launched": Launched,
    "observed": Observed,
    "decided": Decided,
    "intended": Intended,
    "applied": Applied,
    "commanded": Commanded,
}
TAGS = {kind: tag for tag, kind in PAYLOADS.items()}
"""What events are called in the table, by what they hold."""

T = TypeVar("T")
AnyRow = Row[Any]


def event_row(event: Event) -> dict[str, object]:
    """The columns of one event."""
    kind = type(event.payload)
    return {
        "run_id": event.run_id,
        "seq": event.seq,
        "at_s": event.at_s,
        "type": TAGS[kind],
        "schema": event.schema,
        "actor_user": event.actor.user,
        "actor_host": event.actor.host,
        "source": event.source,
        "reason": event.reason,
        "rule": event.rule,
        "data": json_text(to_plain(kind, event.payload)),
    }


def event_of(row: AnyRow) -> Event:
    """The event of one row. Raises CorruptRecord naming run and event."""
    what = f"run {row.run_id}, event {row.seq}"
    kind = PAYLOADS.get(row.type)
    _check_schema(what, row.schema)
    if kind is None:
        raise _newer(what, f"its type {row.type!r} is unknown here")
    envelope = {
        "run_id": row.run_id,
        "seq": row.seq,
        "at_s": row.at_s,
        "actor": Actor(user=row.actor_user, host=row.actor_host),
        "source": row.source,
        "reason": row.reason,
        "rule": _rule(what, row.rule),
        "payload": _parsed(what, kind, row.data),
        "schema": row.schema,
    }
    return _value(what, Event, envelope)


def snapshot_row(snapshot: Snapshot) -> dict[str, object]:
    """The columns of a run that change with every append. ValueError when JSON cannot hold a value."""
    run = snapshot.run
    return {
        "phase": run.phase.value,
        "active": not run.phase.ended,
        "seq": run.seq,
        "schema": SCHEMA,
        "snapshot": _snapshot_text(snapshot),
        "updated_s": run.last_event_s,
    }


def run_row(snapshot: Snapshot, spec: Json) -> dict[str, object]:
    """The columns of a new run."""
    run = snapshot.run
    fixed = {"id": run.id, "name": run.name, "target_key": run.target_key, "created_s": run.launched_s}
    return {**fixed, "spec": json_text(spec), **snapshot_row(snapshot)}


def stored_run_of(row: AnyRow) -> StoredRun:
    """The run of one row. Raises CorruptRecord naming the run and the last event it stands at."""
    what = f"run {row.id}, snapshot at event {row.seq}"
    _check_schema(what, row.schema)
    snapshot = _value(what, Snapshot, _json(what, row.snapshot))
    if (snapshot.run.id, snapshot.run.seq) != (row.id, row.seq):
        raise _damaged(what, f"it holds run {snapshot.run.id} at event {snapshot.run.seq}")
    return StoredRun(spec=_value(what, dict[str, Any], _json(what, row.spec)), snapshot=snapshot)


def command_of(row: AnyRow) -> Command:
    """The command of one row."""
    what = f"run {row.run_id}, command {row.id}"
    plain = {
        "id": row.id,
        "run_id": row.run_id,
        "verb": row.verb,
        "actor": Actor(user=row.actor_user, host=row.actor_host),
        "reason": row.reason,
        "source": row.source,
        "at_s": row.at_s,
        "treatment": row.treatment,
    }
    return _value(what, Command, plain)


def letter_row(letter: Letter) -> dict[str, object]:
    """The columns of a new letter."""
    notice = letter.notice
    return {
        "run_id": notice.run_id,
        "seq": notice.seq,
        "kind": notice.kind.value,
        "sink": letter.sink,
        "schema": SCHEMA,
        "notice": json_text(to_plain(Notice, notice)),
        **progress_row(letter),
    }


def progress_row(letter: Letter) -> dict[str, object]:
    """The columns of a letter that change."""
    return {
        "state": letter.state.value,
        "attempts": letter.attempts,
        "due_s": letter.due_s,
        "detail": letter.detail,
        "settled_s": letter.settled_s,
    }


def letter_of(row: AnyRow) -> Letter:
    """The letter of one row. Raises CorruptRecord naming run, event and sink."""
    what = f"run {row.run_id}, letter {row.seq}/{row.kind} to {row.sink}"
    _check_schema(what, row.schema)
    plain = {
        "notice": _value(what, Notice, _json(what, row.notice)),
        "sink": row.sink,
        "state": row.state,
        "attempts": row.attempts,
        "due_s": row.due_s,
        "detail": row.detail,
        "settled_s": row.settled_s,
    }
    return _value(what, Letter, plain)


def freeze_of(row: AnyRow) -> Freeze:
    """The freeze of one row."""
    actor = Actor(user=row.actor_user, host=row.actor_host)
    return _value("the freeze", Freeze, {"reason": row.reason, "actor": actor, "since_s": row.since_s})


def unreadable_freeze(why: CorruptRecord) -> Freeze:
    """What stands in for a freeze that cannot be read: somebody meant one, and only people end it."""
    return Freeze(reason=str(why).partition(". ")[0], actor=Actor(user="somebody"), since_s=0.0)


def sorted_out(read: Callable[[AnyRow], T], rows: Sequence[AnyRow]) -> tuple[list[T], list[CorruptRecord]]:
    """The rows that can be read, and why the others cannot."""
    found: list[T] = []
    unreadable: list[CorruptRecord] = []
    for row in rows:
        try:
            found.append(read(row))
        except CorruptRecord as error:
            unreadable.append(error)
    return found, unreadable


def _rule(what: str, name: str | None) -> Rule | None:
    if name is None:
        return None
    try:
        return Rule(name)
    except ValueError:
        raise _newer(what, f"its rule {name!r} is unknown here") from None


def _check_schema(what: str, schema: object) -> None:
    if not isinstance(schema, int):
        raise _damaged(what, f"its schema is {schema!r}")
    if schema > SCHEMA:
        raise _newer(what, f"its schema is {schema}, this version knows up to {SCHEMA}")


def _snapshot_text(snapshot: Snapshot) -> str:
    """Evidence and cursor are plain JSON already; pydantic would turn an infinity in them into a null."""
    rest = {
        "run": to_plain(Run, snapshot.run),
        "cursor": snapshot.cursor,
        "ticked_s": snapshot.ticked_s,
        "reason": snapshot.reason,
    }
    return f'{json_text(rest)[:-1]},"evidence":{json_text(snapshot.evidence)}}}'


def _parsed(what: str, kind: type[T], text: str) -> T:
    """The value of a JSON text, by the short way; what is wrong with it is told by the long one."""
    try:
        return from_json(kind, text)
    except ValidationError:
        return _value(what, kind, _json(what, text))


def _json(what: str, text: str) -> object:
    try:
        return json.loads(text)
    except (TypeError, ValueError) as error:
        raise _damaged(what, f"not JSON: {error}") from error


def _value(what: str, kind: type[T], plain: object) -> T:
    try:
        return from_plain(kind, plain)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or kind.__name__
        raise _damaged(what, f"{place}: {first['msg']}") from error


def _newer(what: str, why: str) -> CorruptRecord:
    return CorruptRecord(f"{what} was written by a newer version of Rampwise: {why}. Use that version.")


def _damaged(what: str, why: str) -> CorruptRecord:
    return CorruptRecord(
        f"{what} cannot be read: {why}. The row is left as it is; restore the database from a backup."
    )
