"""Carries out what was decided: the intent is on record before the act, the result after it. No rules."""

from dataclasses import replace

from engine import foreign
from engine.core import wording
from engine.core.decision import Decision, Rule
from engine.core.events import Applied
from engine.core.model import Mode
from engine.core.run import Act
from engine.core.taking import DROPS
from engine.core.target import ALL_TO_CONTROL, TargetGone, TargetState
from engine.errors import LeaseLost
from engine.journal import Journal
from engine.parts import Parts, renewed
from engine.ports import Lease, Snapshot
from engine.telling import letters_of


def keep(parts: Parts, lease: Lease, journal: Journal, state: Snapshot) -> Snapshot:
    """Write the journal's events, the state they lead to and what is told of them in one transaction."""
    snapshot = replace(state, run=journal.run)
    letters = letters_of(parts.experiment, state.run, journal.events)
    parts.store.append(lease, journal.events, snapshot, letters)
    return snapshot


def settle(journal: Journal, target: TargetState | TargetGone, mode: Mode) -> None:
    """An act whose result was never recorded, but which the target shows as done, is done.

    An end is done once nothing is left on the target that only the run needs.
    """
    act = journal.run.pending
    if act is None or mode is Mode.OBSERVE or not isinstance(target, TargetState):
        return
    if target.weights == act.weights and not (act.finishes and target.leftovers):
        result = Applied(act_number=act.number, ok=True, weights=target.weights, detail="found in place")
        journal.add(result, rule=act.rule)


def act_on(parts: Parts, lease: Lease, snapshot: Snapshot, found: TargetState | TargetGone) -> Snapshot:
    """Do the pending act and record what came of it. A failure stays pending and is tried again next tick."""
    act = snapshot.run.pending
    if act is None:
        return snapshot
    lease = renewed(parts, lease, strictly=True)
    result = _apply(parts, act, found)
    if not result.ok and result.detail == snapshot.run.reason:
        return snapshot
    journal = Journal(snapshot.run, now_s=parts.clock.now_s(), place=parts.place)
    journal.add(result, rule=act.rule, reason=result.detail)
    state = snapshot if result.ok else replace(snapshot, reason=result.detail)
    try:
        return keep(parts, lease, journal, state)
    except LeaseLost:
        _give_way(parts, lease.run_id, act)
        raise


def _give_way(parts: Parts, run_id: str, act: Act) -> None:
    """This process slept over its lease and acted late: what the log says by now counts, if it gives less."""
    run = parts.store.load(run_id).snapshot.run
    due = run.weights if run.pending is None else run.pending.weights
    late = act.weights.treatments
    gives_less = any(due.share(arm) < share for arm, share in enumerate(late))
    if gives_less and parts.experiment.mode is Mode.ACT:
        ended_here = run.phase.ended and run.ended_by is not Rule.SUPERSEDED
        put = foreign.finish if ended_here else foreign.apply
        put(parts.target, due)


def _apply(parts: Parts, act: Act, found: TargetState | TargetGone) -> Applied:
    if parts.experiment.mode is Mode.OBSERVE:
        return Applied(act_number=act.number, ok=True, weights=None, detail="would (observe mode)")
    put = foreign.finish if act.finishes else foreign.apply
    seen = put(parts.target, act.weights, _precondition(act, found))
    if isinstance(seen, TargetGone):
        return Applied(act_number=act.number, ok=False, weights=None, detail=seen.detail)
    ok = seen.weights == act.weights
    detail = "" if ok else f"asked for {act.weights}, the target routes {seen.weights}"
    if ok and isinstance(found, TargetState) and found.leftovers and not seen.leftovers:
        detail = wording.tidied()
    return Applied(act_number=act.number, ok=ok, weights=seen.weights, detail=detail)


def _precondition(act: Act, found: TargetState | TargetGone) -> str | None:
    """The version that the target must still have, unless the act takes traffic away."""
    if not isinstance(found, TargetState):
        return None
    gives = any(share > found.weights.share(arm) for arm, share in enumerate(act.weights.treatments))
    stays = act.weights == found.weights and not act.takes_all_away
    return found.version if gives or stays else None


def take_away_unrecorded(parts: Parts, decision: Decision) -> None:
    """Taking traffic away is never blocked, not even by a database that cannot be written.

    The first tick that can write finds the same reason again, and traffic where it should be.
    """
    if decision.weights is not None and takes_away(decision) and parts.experiment.mode is Mode.ACT:
        foreign.apply(parts.target, decision.weights)


def takes_away(decision: Decision) -> bool:
    """Whether it gives nobody more traffic but control."""
    return decision.weights == ALL_TO_CONTROL or decision.rule in DROPS
