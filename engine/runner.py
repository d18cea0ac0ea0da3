"""One tick of one run: read everything, decide, record the intent, act, record the result.

No rules in here: what to do is `engine.core.decide`'s business, what is true `analysis.evaluate`'s. A tick
may be cut off anywhere; the next one goes on from the log and from what the target really does.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from analysis import evaluate
from engine import foreign
from engine.core.decide import decide
from engine.core.decision import Decision
from engine.core.events import Applied, Command, Decided, Intended, Observed
from engine.core.facts import Facts
from engine.core.gate import GateState
from engine.core.measure import Missing, Observation
from engine.core.model import Experiment, Mode
from engine.core.run import Act, Run
from engine.core.standing import standing_of
from engine.core.taking import DROPS
from engine.core.target import ALL_TO_CONTROL, TargetGone, TargetState
from engine.core.verdict import Verdict
from engine.errors import LeaseLost, StoreError
from engine.journal import Journal
from engine.orders import answer, gravest, is_urgent, take_effect
from engine.ports import Clock, Gate, Lease, MetricSource, Prober, Snapshot, Store, Strategy, Target
from engine.probing import may_probe, probed_readings
from engine.progress import progress_of
from engine.telling import letters_of
from engine.windows import MAX_WINDOWS, due_windows, observe_windows

LEASE_S = 15.0
"""How long a lease lasts unrenewed; longer than any read or act may take."""

RENEW_AFTER_S = 1.0
"""A lease that has run for so long is renewed before anything slow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything a run needs: its experiment, and the outside behind ports. `place`: where it is driven."""

    experiment: Experiment
    store: Store
    target: Target
    source: MetricSource
    gate: Gate
    prober: Prober
    strategy: Strategy
    clock: Clock
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Evidence:
    """What this tick's windows added."""

    observations: tuple[Observation, ...]
    state: evaluate.Evidence
    cursor: dict[str, object]
    trouble: Missing | None = None
    unread: int = 0


def tick(parts: Parts, lease: Lease) -> Snapshot:
    """One tick. LeaseLost when another engine drives the run, StoreError when nothing can be recorded."""
    before = parts.store.load(lease.run_id).snapshot
    if before.run.phase.ended:
        return before
    now_s = parts.clock.now_s()
    gate = foreign.ask(parts.gate, parts.experiment.gate.flag)
    target = foreign.look(parts.target)
    commands = parts.store.requested(lease.run_id)

    journal = Journal(before.run, now_s=now_s, place=parts.place)
    _settle(journal, target, parts.experiment.mode)
    if journal.run.phase.ended:
        return _keep(parts, lease, journal, replace(before, ticked_s=now_s))
    take_effect(journal, commands)
    lease = _renewed(parts, lease, strictly=False)
    evidence = _gather(parts, before, journal.run, gate, target, skip=is_urgent(journal.run, gate, commands))
    verdict = evaluate.verdict(parts.experiment, evidence.state)
    if evidence.observations:
        journal.add(Observed(observations=evidence.observations, standing=standing_of(verdict)))
    facts = _facts(parts, journal, verdict, gate, target, commands, evidence)
    decision = decide(parts.experiment, journal.run, facts)
    _record(parts.experiment, journal, decision, facts)
    state = Snapshot(
        run=before.run,
        evidence=evidence.state.to_plain(),
        cursor=evidence.cursor,
        ticked_s=now_s,
        reason=decision.reason,
    )
    try:
        snapshot = _keep(parts, lease, journal, state)
        return snapshot if decision.weights is None else _act(parts, lease, snapshot, target)
    except LeaseLost:
        raise
    except StoreError:
        _take_away_unrecorded(parts, decision)
        raise


def _take_away_unrecorded(parts: Parts, decision: Decision) -> None:
    """Taking traffic away is never blocked, not even by a database that cannot be written.

    The first tick that can write finds the same reason again, and traffic where it should be.
    """
    if decision.weights is None or parts.experiment.mode is Mode.OBSERVE:
        return
    if decision.weights == ALL_TO_CONTROL or decision.rule in DROPS:
        foreign.apply(parts.target, decision.weights)


def _keep(parts: Parts, lease: Lease, journal: Journal, state: Snapshot) -> Snapshot:
    """Write the journal's events, the state they lead to and what is told of them in one transaction."""
    snapshot = replace(state, run=journal.run)
    letters = letters_of(parts.experiment, state.run, journal.events)
    parts.store.append(lease, journal.events, snapshot, letters)
    return snapshot


def _settle(journal: Journal, target: TargetState | TargetGone, mode: Mode) -> None:
    """An act whose result was never recorded, but which the target shows as done, is done."""
    act = journal.run.pending
    if act is None or mode is Mode.OBSERVE or not isinstance(target, TargetState):
        return
    if target.weights == act.weights:
        result = Applied(act_number=act.number, ok=True, weights=target.weights, detail="found in place")
        journal.add(result, rule=act.rule)


def _gather(
    parts: Parts,
    before: Snapshot,
    run: Run,
    gate: GateState,
    target: TargetState | TargetGone,
    *,
    skip: bool,
) -> _Evidence:
    """Read the windows that are due and fold them into the evidence. An urgent end does not wait for data."""
    state = evaluate.Evidence.from_plain(parts.experiment, before.evidence)
    cursor = dict(before.cursor)
    due = due_windows(parts.experiment, run, parts.clock.now_s(), parts.source.watermark_s)
    windows = due[:MAX_WINDOWS]
    if skip or not windows:
        return _Evidence(observations=(), state=state, cursor=cursor)
    batch = foreign.read(parts.source, parts.experiment.read_metrics, windows, cursor)
    observations = observe_windows(parts.experiment, run, windows, batch.readings, target)
    prober = parts.prober if may_probe(run, gate, target) else None
    observations = probed_readings(parts.experiment, run, state, observations, prober)
    return _Evidence(
        observations=observations,
        state=evaluate.update(parts.experiment, state, observations),
        cursor=dict(batch.cursor),
        trouble=batch.trouble,
        unread=len(due) - len(observations) if batch.trouble is None else 0,
    )


def _facts(
    parts: Parts,
    journal: Journal,
    verdict: Verdict,
    gate: GateState,
    target: TargetState | TargetGone,
    commands: Sequence[Command],
    evidence: _Evidence,
) -> Facts:
    # The time that the log has, so that a decision can be made again from the log alone.
    now_s = journal.now_s
    progress = progress_of(parts.experiment, journal.run, verdict, now_s)
    return Facts(
        now_s=now_s,
        gate=gate,
        target=target,
        verdict=verdict,
        trouble=evidence.trouble,
        unread=evidence.unread,
        proposal=foreign.propose(parts.strategy, parts.experiment.plan, progress),
        order=gravest(commands),
        freeze=parts.store.freeze(),
    )


def _record(experiment: Experiment, journal: Journal, decision: Decision, facts: Facts) -> None:
    """The decision if it is a new one, the answer to a person's order, and the intent to act."""
    if _is_news(journal.run, decision):
        journal.add(Decided(decision=decision), rule=decision.rule, reason=decision.reason)
    answer(journal, experiment, facts, decision)
    if decision.weights is None or _is_pending(journal.run, decision):
        return
    target = facts.target
    act = Act(
        number=journal.run.acts + 1,
        kind=decision.kind,
        rule=decision.rule,
        weights=decision.weights,
        step=decision.step,
        found=target.weights if isinstance(target, TargetState) else None,
        version=target.version if isinstance(target, TargetState) else "",
    )
    journal.add(Intended(act=act), rule=decision.rule, reason=decision.reason)


def _is_news(run: Run, decision: Decision) -> bool:
    seen = {(blocker.kind, blocker.since_s) for blocker in run.blockers}
    now = {(blocker.kind, blocker.since_s) for blocker in decision.blockers}
    same = (decision.kind, decision.rule, now) == (run.last_decision, run.last_rule, seen)
    return not same and not _is_pending(run, decision)


def _is_pending(run: Run, decision: Decision) -> bool:
    act = run.pending
    return act is not None and (act.kind, act.rule, act.weights) == (
        decision.kind,
        decision.rule,
        decision.weights,
    )


def _act(parts: Parts, lease: Lease, snapshot: Snapshot, found: TargetState | TargetGone) -> Snapshot:
    """Do the pending act and record what came of it. A failure stays pending and is tried again next tick."""
    act = snapshot.run.pending
    if act is None:
        return snapshot
    lease = _renewed(parts, lease, strictly=True)
    result = _apply(parts, act, found)
    if not result.ok and result.detail == snapshot.run.reason:
        return snapshot
    journal = Journal(snapshot.run, now_s=parts.clock.now_s(), place=parts.place)
    journal.add(result, rule=act.rule, reason=result.detail)
    state = snapshot if result.ok else replace(snapshot, reason=result.detail)
    try:
        return _keep(parts, lease, journal, state)
    except LeaseLost:
        _give_way(parts, lease.run_id, act)
        raise


def _renewed(parts: Parts, lease: Lease, *, strictly: bool) -> Lease:
    """The lease with most of its time left: reads and acts must end before anybody else may drive the run.

    Before a read it need not be so strict: a database that cannot be written must not hide harm from us.
    """
    now_s = parts.clock.now_s()
    if lease.expires_s - now_s > LEASE_S - RENEW_AFTER_S:
        return lease
    try:
        renewed = parts.store.acquire(lease.run_id, lease.owner, now_s, LEASE_S)
    except StoreError:
        if strictly:
            raise
        return lease
    if renewed is None or renewed.token != lease.token:
        msg = f"another engine drives {lease.run_id} now"
        raise LeaseLost(msg)
    return renewed


def _give_way(parts: Parts, run_id: str, act: Act) -> None:
    """This process slept over its lease and acted late: what the log says by now counts, if it gives less."""
    run = parts.store.load(run_id).snapshot.run
    due = run.weights if run.pending is None else run.pending.weights
    late = act.weights.treatments
    gives_less = any(due.share(arm) < share for arm, share in enumerate(late))
    if gives_less and parts.experiment.mode is Mode.ACT:
        foreign.apply(parts.target, due)


def _apply(parts: Parts, act: Act, found: TargetState | TargetGone) -> Applied:
    if parts.experiment.mode is Mode.OBSERVE:
        return Applied(act_number=act.number, ok=True, weights=None, detail="would (observe mode)")
    seen = foreign.apply(parts.target, act.weights, _precondition(act, found))
    if isinstance(seen, TargetGone):
        return Applied(act_number=act.number, ok=False, weights=None, detail=seen.detail)
    ok = seen.weights == act.weights
    detail = "" if ok else f"asked for {act.weights}, the target routes {seen.weights}"
    return Applied(act_number=act.number, ok=ok, weights=seen.weights, detail=detail)


def _precondition(act: Act, found: TargetState | TargetGone) -> str | None:
    """The version that the target must still have, unless the act takes traffic away."""
    if not isinstance(found, TargetState):
        return None
    gives = any(share > found.weights.share(arm) for arm, share in enumerate(act.weights.treatments))
    stays = act.weights == found.weights and not act.takes_all_away
    return found.version if gives or stays else None
