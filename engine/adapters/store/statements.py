"""The store's statements, each inside a transaction that its caller opened; one idea each."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, or_, select, update

from engine.adapters.store import checks, records
from engine.adapters.store.leasing import LeaseState
from engine.adapters.store.records import TAGS, AnyRow
from engine.adapters.store.tables import COMMANDS, EVENTS, LEASES, RUNS
from engine.core.events import Applied, Event, Intended
from engine.core.run import Phase, Run
from engine.errors import UsageError

_AT_A_TIME = 100


def add_events(connection: Connection, events: Sequence[Event]) -> None:
    """Add events to the log."""
    if events:
        connection.execute(insert(EVENTS), [records.event_row(event) for event in events])


def add_lease(connection: Connection, run_id: str) -> None:
    """Add a new run's lease, in nobody's hands."""
    connection.execute(insert(LEASES).values(run_id=run_id, **asdict(LeaseState())))


_LEASES = select(LEASES).where(LEASES.c.run_id.in_(bindparam("run_ids", expanding=True)))
_LEASES = _LEASES.order_by(LEASES.c.run_id)
_KEEP_LEASE = (
    update(LEASES)
    .where(LEASES.c.run_id == bindparam("run"))
    .values({name: bindparam(name) for name in ("owner", "token", "beats", "expires_s")})
)


def lease_state(connection: Connection, run_id: str, *, lock: bool = True) -> LeaseState | None:
    """The lease as kept, locked for this transaction where the database locks rows; None without a run."""
    query = _LEASES.with_for_update() if lock else _LEASES
    row = connection.execute(query, {"run_ids": [run_id]}).one_or_none()
    return None if row is None else _lease_state_of(row)


def lease_states(
    connection: Connection, run_ids: Collection[str], *, skip_locked: bool = True
) -> dict[str, LeaseState]:
    """The leases as kept, locked for this transaction; without those that somebody else has locked."""
    query = _LEASES.with_for_update(skip_locked=skip_locked)
    rows = connection.execute(query, {"run_ids": list(run_ids)})
    return {row.run_id: _lease_state_of(row) for row in rows}


def _lease_state_of(row: AnyRow) -> LeaseState:
    return LeaseState(owner=row.owner, token=row.token, beats=row.beats, expires_s=row.expires_s)


def keep_leases(connection: Connection, states: Mapping[str, LeaseState]) -> None:
    """Write the leases of these runs."""
    if states:
        rows = [{"run": run_id, **asdict(state)} for run_id, state in states.items()]
        connection.execute(_KEEP_LEASE, rows)


def check_ended(connection: Connection, run_id: str) -> None:
    """Refuse to replace a run that goes on. UsageError says so, or that there is no such run."""
    phase = connection.scalar(select(RUNS.c.phase).where(RUNS.c.id == run_id))
    if phase is None:
        raise unknown(connection, run_id)
    if not Phase(phase).ended:
        raise checks.not_ended(run_id, Phase(phase))


def unknown(connection: Connection, run_id: str) -> UsageError:
    """The refusal for an unknown run, with near ones."""
    known = connection.execute(select(RUNS.c.id, RUNS.c.name)).all()
    return checks.no_such_run(run_id, ((row.id, row.name) for row in known))


def in_the_way(connection: Connection, name: str, target_key: str) -> Any:
    """Id, name and phase of an active run of this name, or else of one on this target; None without."""
    same = or_(RUNS.c.name == name, RUNS.c.target_key == target_key)
    columns = (RUNS.c.id, RUNS.c.name, RUNS.c.phase)
    query = select(*columns).where(RUNS.c.active, same).order_by(RUNS.c.name != name)
    return connection.execute(query).first()


def newest_runs(connection: Connection, most_ended: int | None) -> Sequence[AnyRow]:
    """The rows of all runs, newest first; of those that have ended, at most so many."""
    newest = (RUNS.c.created_s.desc(), RUNS.c.id.desc())
    query = select(RUNS).order_by(*newest)
    if most_ended is not None:
        ended = select(RUNS.c.id).where(~RUNS.c.active).order_by(*newest).limit(most_ended)
        query = query.where(or_(RUNS.c.active, RUNS.c.id.in_(ended)))
    return connection.execute(query).all()


def newest_run(connection: Connection, name: str) -> AnyRow | None:
    """The newest run of an experiment."""
    newest = select(RUNS).where(RUNS.c.name == name).order_by(RUNS.c.created_s.desc(), RUNS.c.id.desc())
    return connection.execute(newest.limit(1)).first()


def acts(connection: Connection, run_id: str) -> Sequence[AnyRow]:
    """A run's acts and their results, in order."""
    kinds = [TAGS[Intended], TAGS[Applied]]
    of_it = (EVENTS.c.run_id == run_id) & EVENTS.c.type.in_(kinds)
    return connection.execute(select(EVENTS).where(of_it).order_by(EVENTS.c.seq)).all()


def each_run(connection: Connection) -> Iterable[AnyRow]:
    """The rows of all runs, oldest first, fetched a few at a time."""
    query = select(RUNS).order_by(RUNS.c.created_s, RUNS.c.id)
    return connection.execute(query, execution_options={"yield_per": _AT_A_TIME})


def phases(connection: Connection) -> dict[Phase, int]:
    """How many runs there are in each phase that this version knows."""
    rows = connection.execute(select(RUNS.c.phase, func.count()).group_by(RUNS.c.phase)).all()
    return {Phase(phase): count for phase, count in rows if phase in set(Phase)}


_OPEN_COMMANDS = (
    select(COMMANDS)
    .join(RUNS, (COMMANDS.c.run_id == RUNS.c.id) & RUNS.c.active & COMMANDS.c.done_seq.is_(None))
    .order_by(RUNS.c.created_s, RUNS.c.id, COMMANDS.c.id)
)


def open_commands(connection: Connection) -> Sequence[AnyRow]:
    """The rows of all commands not yet done of active runs, oldest run first."""
    return connection.execute(_OPEN_COMMANDS).all()


def why_refused(connection: Connection, run: Run) -> UsageError:
    """Whom a new run clashed with when the database refused it."""
    if connection.scalar(select(RUNS.c.id).where(RUNS.c.id == run.id)) is not None:
        return checks.id_taken(run.id)
    other = in_the_way(connection, run.name, run.target_key)
    if other is None:
        return checks.launched_at_once(run.name)
    if other.name == run.name:
        return checks.name_taken(run.name, other.id, other.phase)
    return checks.target_taken(run.target_key, other.id, other.phase)
