"""What every store checks before it writes, and how it words a refusal. No database in here."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from engine.core.events import Event
from engine.core.run import Phase
from engine.errors import LeaseLost, UsageError
from engine.ports import Lease, Snapshot


def check_follows(events: Sequence[Event], snapshot: Snapshot, run_id: str, seq: int) -> None:
    """Events must go on right after `seq`, without a gap, and the snapshot must stand at the last of them.

    Raises:
        LeaseLost: the log has moved on (or back) since the caller read it.
        ValueError: the caller's own events do not fit together.
    """
    first = events[0].seq if events else snapshot.run.seq + 1
    numbers = [event.seq for event in events]
    of_this_run = all(event.run_id == run_id for event in events) and snapshot.run.id == run_id
    if not of_this_run or numbers != list(range(first, snapshot.run.seq + 1)):
        msg = f"run {run_id}: events {numbers} do not lead to a snapshot at {snapshot.run.seq} of this run"
        raise ValueError(msg)
    if first != seq + 1:
        msg = (
            f"run {run_id}: the log stands at event {seq}, and event {first} was to follow. "
            "Another engine has written to it; this one must read the run again."
        )
        raise LeaseLost(msg)


def lease_lost(lease: Lease, owner: str | None, token: int) -> LeaseLost:
    """The refusal of a write whose lease is not the current one."""
    now = f"{owner} drives it (lease {token})" if owner else f"nobody does (lease {token} was given up)"
    return LeaseLost(
        f"run {lease.run_id}: {lease.owner} no longer drives it (lease {lease.token}); {now}. "
        "Nothing was written."
    )


def no_such_run(run_id: str, known: Iterable[tuple[str, str]]) -> UsageError:
    """The refusal for an unknown run, with near ones; `known` holds ids and experiment names."""
    names = dict(known)
    near = set(get_close_matches(run_id, names, n=3))
    near_names = set(get_close_matches(run_id, sorted(set(names.values())), n=3))
    near |= {known_id for known_id, name in names.items() if name in near_names}
    hint = f"Did you mean {', '.join(sorted(near)[:5])}?" if near else "`rampwise list` shows all runs."
    return UsageError(f"there is no run {run_id!r}. {hint}")


def not_ended(run_id: str, phase: Phase) -> UsageError:
    """The refusal to replace a run that still goes on."""
    return UsageError(
        f"run {run_id} cannot be replaced: it is {phase.value}. "
        f"`rampwise stop {run_id} --reason TEXT` gives all its traffic back to control; "
        "launch again when it has ended."
    )


def name_taken(name: str, run_id: str, phase: str) -> UsageError:
    """The refusal of a second active run of one experiment."""
    return UsageError(
        f"experiment {name} already has a run: {run_id} is {phase}. `rampwise status {run_id}` shows it; "
        "`rampwise launch --replace` stops it first."
    )


def target_taken(target_key: str, run_id: str, phase: str) -> UsageError:
    """The refusal of a second active run on one target."""
    return UsageError(
        f"target {target_key} is owned by run {run_id}, which is {phase}; one run at a time moves it. "
        f"Wait for its end, or `rampwise stop {run_id} --reason TEXT`."
    )


def id_taken(run_id: str) -> UsageError:
    """The refusal of a run id that exists."""
    return UsageError(f"run {run_id} exists already; `rampwise status {run_id}` shows it.")


def launched_at_once(name: str) -> UsageError:
    """The refusal when the run that was in the way is gone by now."""
    return UsageError(
        f"experiment {name}: another launch was first, and its run has ended by now; try again."
    )
