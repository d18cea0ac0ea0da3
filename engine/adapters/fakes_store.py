"""A store in memory with the behaviour of the real one, for tests and dry runs. Nothing outlives it."""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from dataclasses import replace as with_changes
from itertools import chain
from threading import RLock

from engine.adapters.store import checks
from engine.adapters.store.leasing import LeaseState, Watch
from engine.core.events import Actor, Command, Commanded, Event, Freeze, Verb
from engine.core.letter import Letter, LetterState
from engine.core.run import Phase, Run
from engine.errors import CorruptRecord
from engine.ports import Json, Lease, Rival, Snapshot, StoredRun


@dataclass(slots=True, kw_only=True)
class _Kept:
    """One run as kept in memory."""

    run: StoredRun
    events: list[Event]
    lease: LeaseState = field(default_factory=LeaseState)


class MemoryStore:
    """Runs, events, leases and commands in memory; `engine.ports.Store` says what each method does."""

    def __init__(self, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._watch = Watch(monotonic_s)
        self._lock = RLock()
        self._runs: dict[str, _Kept] = {}
        self._commands: list[Command] = []
        self._done: set[int] = set()
        self._freeze: Freeze | None = None
        self._letters: dict[tuple[str, int, str, str], Letter] = {}

    def create(
        self,
        snapshot: Snapshot,
        spec: Json,
        events: Sequence[Event],
        *,
        letters: Sequence[Letter] = (),
        replace: str | None = None,
    ) -> None:
        """Add a run with its first events; a run to `replace` must have ended."""
        run = snapshot.run
        checks.check_follows(events, snapshot, run.id, 0)
        with self._lock:
            if replace is not None:
                replaced = self._kept(replace).run.snapshot.run
                if not replaced.phase.ended:
                    raise checks.not_ended(replace, replaced.phase)
            if run.id in self._runs:
                raise checks.id_taken(run.id)
            if not run.phase.ended:
                self._check_free(run)
            stored = StoredRun(spec=deepcopy(spec), snapshot=deepcopy(snapshot))
            self._runs[run.id] = _Kept(run=stored, events=list(events))
            self._post(letters)

    def load(self, run_id: str) -> StoredRun:
        """One run."""
        with self._lock:
            return deepcopy(self._kept(run_id).run)

    def runs(self, *, most_ended: int | None = None) -> Sequence[StoredRun]:
        """All runs, newest first."""
        with self._lock:
            found = [deepcopy(kept.run) for kept in self._runs.values()]
        found.sort(key=lambda run: (run.snapshot.run.launched_s, run.snapshot.run.id), reverse=True)
        ended = [stored for stored in found if stored.snapshot.run.phase.ended]
        left_out = {
            stored.snapshot.run.id for stored in (ended[most_ended:] if most_ended is not None else ())
        }
        return [stored for stored in found if stored.snapshot.run.id not in left_out]

    def each_run(self) -> Iterator[StoredRun]:
        """All runs, oldest first."""
        return reversed(self.runs())

    def phases(self) -> Mapping[Phase, int]:
        """How many runs there are in each phase."""
        return Counter(stored.snapshot.run.phase for stored in self.runs())

    def unreadable(self) -> Sequence[CorruptRecord]:
        """None: memory holds values, not rows."""
        return ()

    def rival(self, name: str, target_key: str) -> Rival | None:
        """Who keeps an experiment of this name from being launched on this target."""
        with self._lock:
            found = self._in_the_way(name, target_key)
        return None if found is None else Rival(run_id=found.id, same_name=found.name == name)

    def active(self) -> Sequence[str]:
        """Ids of runs that have not ended, oldest first."""
        with self._lock:
            runs = [kept.run.snapshot.run for kept in self._runs.values()]
        runs.sort(key=lambda run: (run.launched_s, run.id))
        return tuple(run.id for run in runs if not run.phase.ended)

    def waiting(self) -> Mapping[str, Sequence[Command]]:
        """Commands not yet done of active runs, by run, oldest first."""
        asked = {run_id: self.requested(run_id) for run_id in self.active()}
        return {run_id: commands for run_id, commands in asked.items() if commands}

    def append(
        self, lease: Lease, events: Sequence[Event], snapshot: Snapshot, letters: Sequence[Letter] = ()
    ) -> None:
        """Events and the state they lead to; without events, only the state."""
        with self._lock:
            kept = self._kept(lease.run_id)
            if (kept.lease.owner, kept.lease.token) != (lease.owner, lease.token):
                raise checks.lease_lost(lease, kept.lease.owner, kept.lease.token)
            checks.check_follows(events, snapshot, lease.run_id, kept.run.snapshot.run.seq)
            kept.events.extend(events)
            plain = with_changes(snapshot, evidence=dict(snapshot.evidence))
            kept.run = StoredRun(spec=kept.run.spec, snapshot=deepcopy(plain))
            reported = {event.payload.command_id for event in events if isinstance(event.payload, Commanded)}
            self._done |= {command.id for command in self.requested(lease.run_id)} & reported
            self._post(letters)

    def events(self, run_id: str, after_seq: int = 0, most: int | None = None) -> Sequence[Event]:
        """Events in order, at most so many of them."""
        with self._lock:
            return tuple(self._kept(run_id).events[after_seq:][:most])

    def acquire(self, run_id: str, owner: str, now_s: float, ttl_s: float) -> Lease | None:
        """The lease (renewed if already ours), or None while somebody else holds it."""
        with self._lock:
            kept = self._kept(run_id)
            if not self._watch.may_take(run_id, kept.lease, owner, now_s, ttl_s):
                return None
            kept.lease = kept.lease.granted(owner, now_s, ttl_s)
            return self.holder(run_id, now_s)

    def acquire_all(
        self, run_ids: Collection[str], owner: str, now_s: float, ttl_s: float
    ) -> Mapping[str, Lease | None]:
        """These leases at once; runs that there are not are left out."""
        with self._lock:
            known = [run_id for run_id in run_ids if run_id in self._runs]
            return {run_id: self.acquire(run_id, owner, now_s, ttl_s) for run_id in known}

    def release(self, lease: Lease) -> None:
        """Give the lease up; harmless when it is no longer ours."""
        with self._lock:
            kept = self._runs.get(lease.run_id)
            if kept is not None and (kept.lease.owner, kept.lease.token) == (lease.owner, lease.token):
                kept.lease = kept.lease.released()

    def holder(self, run_id: str, now_s: float) -> Lease | None:
        """Who drives the run now."""
        with self._lock:
            kept = self._runs.get(run_id)
            if kept is None or kept.lease.owner is None or not kept.lease.held(now_s):
                return None
            state = kept.lease
            return Lease(run_id=run_id, owner=kept.lease.owner, token=state.token, expires_s=state.expires_s)

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
        """Record a command for whoever drives the run."""
        with self._lock:
            self._kept(run_id)
            command = Command(
                id=len(self._commands) + 1,
                run_id=run_id,
                verb=verb,
                actor=actor,
                reason=reason,
                source=source,
                at_s=now_s,
                treatment=treatment,
            )
            self._commands.append(command)
            return command

    def requested(self, run_id: str) -> Sequence[Command]:
        """Commands not yet done, oldest first."""
        with self._lock:
            return tuple(
                command
                for command in self._commands
                if command.run_id == run_id and command.id not in self._done
            )

    def claim_letters(self, now_s: float, until_s: float, at_most: int) -> Sequence[Letter]:
        """Letters that are due, now ours to send until `until_s`; those never tried come first."""
        with self._lock:
            waiting = [each for each in self._letters.values() if each.state is LetterState.WAITING]
            due = [letter for letter in waiting if letter.due_s <= now_s]
            due.sort(key=lambda letter: (letter.attempts > 0, letter.due_s, _key(letter)))
            ours = [
                with_changes(letter, due_s=until_s, attempts=letter.attempts + 1) for letter in due[:at_most]
            ]
            self._letters |= {_key(letter): letter for letter in ours}
            return tuple(ours)

    def settle_letter(self, letter: Letter) -> None:
        """Keep what came of a claimed letter; nothing changes when somebody else has claimed it since."""
        with self._lock:
            kept = self._letters[_key(letter)]
            if (kept.state, kept.attempts) == (LetterState.WAITING, letter.attempts):
                self._letters[_key(letter)] = letter

    def letters(self, run_id: str) -> Sequence[Letter]:
        """All letters of a run, in the order of their notices."""
        with self._lock:
            return tuple(self._letters[key] for key in sorted(self._letters) if key[0] == run_id)

    def letter_states(self) -> Mapping[LetterState, int]:
        """How many letters there are in each state."""
        with self._lock:
            return Counter(letter.state for letter in self._letters.values())

    def set_freeze(self, freeze: Freeze | None) -> None:
        """Begin or end the freeze."""
        self._freeze = freeze

    def freeze(self) -> Freeze | None:
        """The freeze in force, if any."""
        return self._freeze

    def _post(self, letters: Sequence[Letter]) -> None:
        self._letters |= {_key(letter): letter for letter in letters}

    def _kept(self, run_id: str) -> _Kept:
        try:
            return self._runs[run_id]
        except KeyError:
            names = [(known, kept.run.snapshot.run.name) for known, kept in self._runs.items()]
            raise checks.no_such_run(run_id, names) from None

    def _in_the_way(self, name: str, target_key: str) -> Run | None:
        """An active run of this name, or else one on this target."""
        runs = [kept.run.snapshot.run for kept in self._runs.values()]
        active = [run for run in runs if not run.phase.ended]
        of_name = (run for run in active if run.name == name)
        on_target = (run for run in active if run.target_key == target_key)
        return next(chain(of_name, on_target), None)

    def _check_free(self, run: Run) -> None:
        other = self._in_the_way(run.name, run.target_key)
        if other is None:
            return
        if other.name == run.name:
            raise checks.name_taken(run.name, other.id, other.phase)
        raise checks.target_taken(run.target_key, other.id, other.phase)


def _key(letter: Letter) -> tuple[str, int, str, str]:
    return letter.notice.run_id, letter.notice.seq, letter.notice.kind.value, letter.sink
