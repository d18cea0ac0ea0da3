"""The store on a SQL database: SQLite by default, PostgreSQL when several engines share it.

Every write is one transaction and the log only grows. No decision is made here.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

import structlog
from sqlalchemy import delete, insert, select

from engine.adapters.store import appending, checks, outbox, records, statements
from engine.adapters.store.appending import Part, part_of
from engine.adapters.store.database import Conflict, Database
from engine.adapters.store.intake import SqlIntake
from engine.adapters.store.leases import SqlLeases
from engine.adapters.store.leasing import Watch
from engine.adapters.store.records import AnyRow, sorted_out
from engine.adapters.store.tables import COMMANDS, EVENTS, FREEZES, RUNS
from engine.adapters.store.together import Refusals, Together
from engine.core.events import Actor, Command, Event, Freeze, Verb
from engine.core.letter import Letter, LetterState
from engine.core.run import Phase
from engine.errors import CorruptRecord
from engine.ports import Json, Lease, Rival, Snapshot, StoredRun

_log = structlog.get_logger(__name__)
_FREEZE_ID = 1

T = TypeVar("T")


class SqlStore(SqlLeases):
    """Runs, events, leases and commands in a database; `engine.ports.Store` says what each method does.

    Every method raises StoreError (StoreBusy while locked) when the database cannot be used. An `owner` of
    leases must be unique to one engine process. Safe to share between threads.
    """

    def __init__(self, database: Database, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        super().__init__(database, Watch(monotonic_s))
        self._told: set[str] = set()
        self._appends = Together(self._append)
        self.intake = SqlIntake(database)
        """Users' exposures and events, in the same database."""

    def close(self) -> None:
        """Close the database's connections."""
        self._database.close()

    def create(
        self,
        snapshot: Snapshot,
        spec: Json,
        events: Sequence[Event],
        *,
        letters: Sequence[Letter] = (),
        replace: str | None = None,
    ) -> None:
        """Add a run with its first events.

        Args:
            snapshot: the run's state after `events`.
            spec: the experiment document with every default filled in.
            events: numbered from 1.
            letters: what is told of them.
            replace: a run that must have ended: the caller stops it first, so that one engine at a time
                moves the target's traffic and its log says how it ended.

        Raises:
            UsageError: `replace` goes on, or name, target or id belong to another run.
        """
        run = snapshot.run
        checks.check_follows(events, snapshot, run.id, 0)
        try:
            with self._database.write() as connection:
                if replace is not None:
                    statements.check_ended(connection, replace)
                connection.execute(insert(RUNS).values(records.run_row(snapshot, spec)))
                statements.add_events(connection, events)
                statements.add_lease(connection, run.id)
                outbox.add_letters(connection, letters)
        except Conflict as error:
            with self._database.read() as connection:
                raise statements.why_refused(connection, snapshot.run) from error

    def load(self, run_id: str) -> StoredRun:
        """One run."""
        with self._database.read() as connection:
            row = connection.execute(select(RUNS).where(RUNS.c.id == run_id)).one_or_none()
            if row is None:
                raise statements.unknown(connection, run_id)
        return records.stored_run_of(row)

    def runs(self, *, most_ended: int | None = None) -> Sequence[StoredRun]:
        """All readable runs, newest first; each unreadable one is logged, and told by `unreadable`."""
        found, unreadable = self._scan(most_ended)
        for error in unreadable:
            self._tell("run_unreadable", error)
        return found

    def each_run(self) -> Iterator[StoredRun]:
        """All readable runs, oldest first, a few at a time in memory; each unreadable one is logged."""
        with self._database.read() as connection:
            for row in statements.each_run(connection):
                yield from self._readable(records.stored_run_of, [row], "run_unreadable")

    def phases(self) -> Mapping[Phase, int]:
        """How many runs there are in each phase, unreadable ones too."""
        with self._database.read() as connection:
            return statements.phases(connection)

    def unreadable(self) -> Sequence[CorruptRecord]:
        """Why runs, commands and letters are left out, and what the freeze cannot say; each names its row."""
        with self._database.read() as connection:
            commands = statements.open_commands(connection)
            freezes = connection.execute(select(FREEZES)).all()
            letters = outbox.waiting_letters(connection)
        return [
            *self._scan()[1],
            *sorted_out(records.command_of, commands)[1],
            *sorted_out(records.freeze_of, freezes)[1],
            *sorted_out(records.letter_of, letters)[1],
        ]

    def rival(self, name: str, target_key: str) -> Rival | None:
        """Who keeps an experiment of this name from being launched on this target; need not be readable."""
        with self._database.read() as connection:
            row = statements.in_the_way(connection, name, target_key)
        return None if row is None else Rival(run_id=row.id, same_name=row.name == name)

    def active(self) -> Sequence[str]:
        """Ids of runs that have not ended, oldest first; unreadable ones too."""
        query = select(RUNS.c.id).where(RUNS.c.active).order_by(RUNS.c.created_s, RUNS.c.id)
        with self._database.read() as connection:
            return tuple(connection.scalars(query))

    def waiting(self) -> Mapping[str, Sequence[Command]]:
        """Readable commands not yet done of active runs, by run, oldest run and command first."""
        with self._database.read() as connection:
            rows = statements.open_commands(connection)
        found: dict[str, list[Command]] = {}
        for command in self._readable(records.command_of, rows, "command_unreadable"):
            found.setdefault(command.run_id, []).append(command)
        return found

    def append(
        self, lease: Lease, events: Sequence[Event], snapshot: Snapshot, letters: Sequence[Letter] = ()
    ) -> None:
        """Events and the state they lead to; without events, only the state. Closes the commands they did.

        What several threads append at the same moment is committed at once.
        """
        self._appends.add(lease.run_id, part_of(lease, events, snapshot, letters))

    def events(self, run_id: str, after_seq: int = 0, most: int | None = None) -> Sequence[Event]:
        """Events in order, at most so many of them.

        Raises:
            UsageError: there is no such run.
            CorruptRecord: an event cannot be read or is missing.
        """
        later = (EVENTS.c.run_id == run_id) & (EVENTS.c.seq > after_seq)
        query = select(EVENTS).where(later).order_by(EVENTS.c.seq).limit(most)
        with self._database.read() as connection:
            last = connection.scalar(select(RUNS.c.seq).where(RUNS.c.id == run_id))
            if last is None:
                raise statements.unknown(connection, run_id)
            rows = connection.execute(query).all()
        upto = last if most is None else min(last, after_seq + most)
        missing = set(range(after_seq + 1, upto + 1)) - {row.seq for row in rows}
        if missing:
            msg = f"run {run_id}, event {min(missing)} is missing; restore the database from a backup."
            raise CorruptRecord(msg)
        return tuple(records.event_of(row) for row in rows)

    def acts(self, run_id: str) -> Sequence[Event]:
        """Events of a run that move traffic, or tell that it was moved, in order; none of the many readings.

        Raises:
            CorruptRecord: an event cannot be read.
        """
        with self._database.read() as connection:
            return tuple(map(records.event_of, statements.acts(connection, run_id)))

    def newest(self, name: str) -> StoredRun | None:
        """The newest run of the experiment of this name. CorruptRecord when it cannot be read."""
        with self._database.read() as connection:
            row = statements.newest_run(connection, name)
        return row and records.stored_run_of(row)

    def request(
        self,
        run_id: str,
        verb: Verb,
        actor: Actor,
        reason: str,
        source: str,
        now_s: float,
        treatment: str = "",
    ) -> Command:
        """Record a command for whoever drives the run. UsageError when there is no such run."""
        values = {
            "run_id": run_id,
            "verb": verb.value,
            "actor_user": actor.user,
            "actor_host": actor.host,
            "reason": reason,
            "source": source,
            "at_s": now_s,
            "treatment": treatment,
        }
        with self._database.write() as connection:
            if connection.scalar(select(RUNS.c.id).where(RUNS.c.id == run_id)) is None:
                raise statements.unknown(connection, run_id)
            row = connection.execute(insert(COMMANDS).values(values).returning(COMMANDS)).one()
        return records.command_of(row)

    def requested(self, run_id: str) -> Sequence[Command]:
        """Commands not yet done, oldest first; each unreadable one is logged, and told by `unreadable`."""
        waiting = (COMMANDS.c.run_id == run_id) & COMMANDS.c.done_seq.is_(None)
        with self._database.read() as connection:
            rows = connection.execute(select(COMMANDS).where(waiting).order_by(COMMANDS.c.id)).all()
        return self._readable(records.command_of, rows, "command_unreadable")

    def claim_letters(self, now_s: float, until_s: float, at_most: int) -> Sequence[Letter]:
        """Letters that are due, now ours to send; unreadable ones are logged, and told by `unreadable`."""
        with self._database.read() as connection:
            if not outbox.anything_due(connection, now_s):
                return ()
        with self._database.write() as connection:
            rows = outbox.claim(connection, now_s, until_s, at_most)
        return self._readable(records.letter_of, rows, "letter_unreadable")

    def settle_letter(self, letter: Letter) -> None:
        """Keep what came of a claimed letter; nothing changes when somebody else has claimed it since."""
        with self._database.write() as connection:
            outbox.settle(connection, letter)

    def letters(self, run_id: str) -> Sequence[Letter]:
        """All letters of a run that can be read, in the order of their notices."""
        with self._database.read() as connection:
            rows = outbox.letters_of(connection, run_id)
        return self._readable(records.letter_of, rows, "letter_unreadable")

    def letter_states(self) -> Mapping[LetterState, int]:
        """How many letters there are in each state, unreadable ones too."""
        with self._database.read() as connection:
            return outbox.states(connection)

    def set_freeze(self, freeze: Freeze | None) -> None:
        """Begin or end the freeze."""
        with self._database.write(alone=True) as connection:
            connection.execute(delete(FREEZES))
            if freeze is not None:
                connection.execute(
                    insert(FREEZES).values(
                        id=_FREEZE_ID,
                        reason=freeze.reason,
                        actor_user=freeze.actor.user,
                        actor_host=freeze.actor.host,
                        since_s=freeze.since_s,
                    )
                )

    def freeze(self) -> Freeze | None:
        """The freeze in force, if any; one that cannot be read is one, and its reason says so."""
        with self._database.read() as connection:
            row = connection.execute(select(FREEZES)).first()
        if row is None:
            return None
        try:
            return records.freeze_of(row)
        except CorruptRecord as error:
            return records.unreadable_freeze(error)

    def _append(self, parts: Sequence[Part]) -> Refusals:
        with self._database.write() as connection:
            return appending.append(connection, parts)

    def _scan(self, most_ended: int | None = None) -> tuple[list[StoredRun], list[CorruptRecord]]:
        with self._database.read() as connection:
            rows = statements.newest_runs(connection, most_ended)
        return sorted_out(records.stored_run_of, rows)

    def _readable(self, read: Callable[[AnyRow], T], rows: Sequence[AnyRow], otherwise: str) -> tuple[T, ...]:
        """What can be read of these rows; the others are logged as `otherwise`."""
        found, unreadable = sorted_out(read, rows)
        for error in unreadable:
            self._tell(otherwise, error)
        return tuple(found)

    def _tell(self, what: str, error: CorruptRecord) -> None:
        """Log it once; commands are looked for every half second."""
        if str(error) not in self._told:
            self._told.add(str(error))
            _log.warning(what, database=self._database.where, error=str(error))
