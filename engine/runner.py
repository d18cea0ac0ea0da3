"""One tick of one run: read everything, decide, record the intent, act, record the result.

No rules in here: what to do is `engine.core.decide`'s business, what is true `analysis.evaluate`'s. A tick
may be cut off anywhere; the next one goes on from the log and from what the target really does.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace

from analysis import evaluate
from engine import foreign
from engine.acting import act_on, keep, settle, take_away_unrecorded, takes_away
from engine.core.decide import decide
from engine.core.decision import Decision
from engine.core.events import Command, Decided, Intended, Observed
from engine.core.facts import Facts
from engine.core.gate import GateState
from engine.core.measure import Missing, Observation
from engine.core.model import Experiment
from engine.core.run import Act, Run
from engine.core.standing import standing_of
from engine.core.target import TargetGone, TargetState
from engine.core.verdict import Verdict
from engine.errors import LeaseLost, StoreError
from engine.journal import Journal
from engine.orders import answer, gravest, is_urgent, refused_for, take_effect
from engine.parts import LEASE_S, NOTHING, Asked, Known, Parts, renewed
from engine.ports import Lease, Snapshot
from engine.probing import may_probe, probed_readings
from engine.progress import progress_of
from engine.windows import MAX_WINDOWS, due_windows, observe_windows

__all__ = ["LEASE_S", "Parts", "rehearse", "tick"]

_THINKING = threading.Lock()
"""Statistics keep the interpreter busy, which one thread at a time can use: were many to ask for it at once,
those who need it only for a moment (leases, launches, pages) would wait behind all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Evidence:
    """What this tick's windows added."""

    observations: tuple[Observation, ...]
    state: evaluate.Evidence
    cursor: dict[str, object]
    trouble: Missing | None = None
    unread: int = 0


def tick(parts: Parts, lease: Lease, known: Known = NOTHING) -> Snapshot:
    """One tick. LeaseLost when another engine drives the run, StoreError when nothing can be recorded."""
    before = known.snapshot or parts.store.load(lease.run_id).snapshot
    if before.run.phase.ended:
        return before
    now_s = parts.clock.now_s()
    gate = foreign.ask(parts.gate, parts.experiment.gate.flag)
    target = foreign.look(parts.target)
    commands = known.asked.commands if known.asked else parts.store.requested(lease.run_id)

    journal = Journal(before.run, now_s=now_s, place=parts.place)
    settle(journal, target, parts.experiment.mode)
    if journal.run.phase.ended:
        return keep(parts, lease, journal, replace(before, ticked_s=now_s))
    take_effect(journal, commands)
    lease = renewed(parts, lease, strictly=False)
    evidence = _gather(parts, before, journal.run, gate, target, skip=is_urgent(journal.run, gate, commands))
    with _THINKING:
        verdict = evaluate.verdict(parts.experiment, evidence.state)
    if evidence.observations:
        journal.add(Observed(observations=evidence.observations, standing=standing_of(verdict)))
    facts = _facts(parts, journal, verdict, gate, target, commands, evidence, known.asked)
    decision = decide(parts.experiment, journal.run, facts)
    if known.asked and decision.weights is not None and not takes_away(decision):
        facts = _asked_anew(parts, journal, facts, known.asked)
        decision = decide(parts.experiment, journal.run, facts)
    _record(parts.experiment, journal, decision, facts)
    state = Snapshot(
        run=before.run,
        evidence=evidence.state.deferred(),
        cursor=evidence.cursor,
        ticked_s=now_s,
        reason=decision.reason,
    )
    try:
        snapshot = keep(parts, lease, journal, state)
        return snapshot if decision.weights is None else act_on(parts, lease, snapshot, target)
    except LeaseLost:
        raise
    except StoreError:
        take_away_unrecorded(parts, decision)
        raise


def rehearse(parts: Parts, order: Command) -> str:
    """Why the next tick would not do what is ordered, empty where it would; reads all and changes nothing."""
    before = parts.store.load(order.run_id).snapshot
    gate, target = foreign.ask(parts.gate, parts.experiment.gate.flag), foreign.look(parts.target)
    journal = Journal(before.run, now_s=parts.clock.now_s(), place=parts.place)
    settle(journal, target, parts.experiment.mode)
    evidence = _gather(parts, before, journal.run, gate, target, skip=False)
    verdict = evaluate.verdict(parts.experiment, evidence.state)
    facts = _facts(parts, journal, verdict, gate, target, (order,), evidence, None)
    decision = decide(parts.experiment, journal.run, facts)
    return refused_for(parts.experiment, journal.run, facts, order, decision)


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
    with _THINKING:
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
    with _THINKING:
        state = evaluate.update(parts.experiment, state, observations)
    return _Evidence(
        observations=observations,
        state=state,
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
    asked: Asked | None,
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
        freeze=asked.freeze if asked else parts.store.freeze(),
    )


def _asked_anew(parts: Parts, journal: Journal, facts: Facts, asked: Asked) -> Facts:
    """With what people want at this very moment: nothing may be given against it."""
    commands = parts.store.requested(journal.run.id)
    seen = {command.id for command in asked.commands}
    take_effect(journal, [command for command in commands if command.id not in seen])
    return replace(facts, order=gravest(commands), freeze=parts.store.freeze())


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
