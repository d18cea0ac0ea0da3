"""What appending to runs writes, for many runs in one transaction. Refuses a run, never the others.

Rows are made before, by their own writers: what cannot be written is found where it comes from.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, insert, select, update

from engine.adapters.store import checks, outbox, records, statements
from engine.adapters.store.leasing import LeaseState
from engine.adapters.store.tables import COMMANDS, EVENTS, RUNS
from engine.adapters.store.together import Refusals
from engine.core.events import Commanded, Event
from engine.core.letter import Letter
from engine.errors import LeaseLost, UsageError
from engine.ports import Lease, Snapshot

_SEQS = select(RUNS.c.id, RUNS.c.seq).where(RUNS.c.id.in_(bindparam("run_ids", expanding=True)))
_ADD = insert(EVENTS)
_KEEP = (
    update(RUNS)
    .where(RUNS.c.id == bindparam("run"))
    .values({name: bindparam(name) for name in ("phase", "active", "seq", "schema", "snapshot", "updated_s")})
)
_CLOSE = (
    update(COMMANDS)
    .where(COMMANDS.c.id == bindparam("command"), COMMANDS.c.run_id == bindparam("run"))
    .values(done_seq=bindparam("seq"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one run appends; `rows` are of its events, `state` of the run."""

    lease: Lease
    events: Sequence[Event]
    snapshot: Snapshot
    letters: Sequence[Letter]
    rows: Sequence[dict[str, object]]
    state: dict[str, object]


def part_of(lease: Lease, events: Sequence[Event], snapshot: Snapshot, letters: Sequence[Letter]) -> Part:
    """The part with its rows. ValueError when JSON cannot hold a value."""
    return Part(
        lease=lease,
        events=events,
        snapshot=snapshot,
        letters=letters,
        rows=[records.event_row(event) for event in events],
        state={"run": lease.run_id, **records.snapshot_row(snapshot)},
    )


def append(connection: Connection, parts: Sequence[Part]) -> Refusals:
    """Write these parts, of different runs, in the caller's transaction, but for those that are refused.

    Of several, a part is left for later whose run is not there, or has its lease locked by somebody else.
    """
    run_ids = [part.lease.run_id for part in parts]
    several = len(parts) > 1
    leases = statements.lease_states(connection, run_ids, skip_locked=several)
    # Asked after the leases are locked, so that it is what their last holders wrote.
    seqs = {row.id: row.seq for row in connection.execute(_SEQS, {"run_ids": run_ids})}
    refused: Refusals = {}
    for place, part in enumerate(parts):
        run_id = part.lease.run_id
        if several and run_id not in leases:
            refused[place] = None
            continue
        try:
            _check(connection, part, leases.get(run_id), seqs.get(run_id, 0))
        except (LeaseLost, UsageError, ValueError) as error:
            refused[place] = error
    kept = [part for place, part in enumerate(parts) if place not in refused]
    _write(connection, kept)
    return refused


def _check(connection: Connection, part: Part, state: LeaseState | None, seq: int) -> None:
    """Refuse an older lease than the one kept; its expiry does not matter while nobody else took it."""
    run_id = part.lease.run_id
    if state is None:
        raise statements.unknown(connection, run_id)
    if (state.owner, state.token) != (part.lease.owner, part.lease.token):
        raise checks.lease_lost(part.lease, state.owner, state.token)
    checks.check_follows(part.events, part.snapshot, run_id, seq)


def _write(connection: Connection, parts: Sequence[Part]) -> None:
    rows = [row for part in parts for row in part.rows]
    if rows:
        connection.execute(_ADD, rows)
    if parts:
        connection.execute(_KEEP, [part.state for part in parts])
    if closed := [values for part in parts for values in _closed(part.events)]:
        connection.execute(_CLOSE, closed)
    outbox.add_letters(connection, [letter for part in parts for letter in part.letters])


def _closed(events: Sequence[Event]) -> list[dict[str, object]]:
    """The commands that these events report as done."""
    return [
        {"command": event.payload.command_id, "run": event.run_id, "seq": event.seq}
        for event in events
        if isinstance(event.payload, Commanded)
    ]
