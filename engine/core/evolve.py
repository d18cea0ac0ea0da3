"""A run is what its events made of it: `evolve` folds one event, `replay` all of them. Decides nothing."""

from collections.abc import Iterable
from dataclasses import replace
from typing import assert_never

from engine.core.decision import Blocker, BlockerKind, Decision, DecisionKind, Rule
from engine.core.events import Applied, Commanded, Decided, Event, Intended, Launched, Observed, Verb
from engine.core.news import remember
from engine.core.run import Act, Phase, Run

_END_PHASES = {
    DecisionKind.PROMOTE: Phase.PROMOTED,
    DecisionKind.ROLLBACK: Phase.ROLLED_BACK,
    DecisionKind.STOP: Phase.STOPPED,
}


def launch(run_id: str, event: Event, payload: Launched) -> Run:
    """The run that a Launched event begins."""
    return Run(
        id=run_id,
        name=payload.name,
        target_key=payload.target_key,
        mode=payload.mode,
        phase=Phase.RUNNING,
        seq=event.seq,
        launched_s=event.at_s,
        step_since_s=event.at_s,
        last_event_s=event.at_s,
    )


def evolve(run: Run, event: Event) -> Run:
    """The run after one more event. ValueError when the event is not the next one of this run."""
    if event.seq != run.seq + 1 or event.run_id != run.id:
        msg = f"event {event.run_id}/{event.seq} does not follow {run.id}/{run.seq}"
        raise ValueError(msg)
    run = replace(
        run,
        seq=event.seq,
        last_event_s=max(run.last_event_s, event.at_s),
        told=remember(run, event),
    )
    match event.payload:
        case Launched():
            msg = f"run {run.id} was launched twice"
            raise ValueError(msg)
        case Observed(observations=observations):
            return replace(run, windows_done=run.windows_done + len(observations))
        case Decided(decision=decision):
            return _decided(run, event, decision)
        case Intended(act=act):
            return replace(run, acts=act.number, pending=act, pending_reason=event.reason)
        case Applied():
            return _applied(run, event, event.payload)
        case Commanded():
            return _commanded(run, event.payload)
        case _:
            assert_never(event.payload)


def replay(events: Iterable[Event]) -> Run:
    """The run that these events, from the first on, lead to."""
    run: Run | None = None
    for event in events:
        if run is None:
            if not isinstance(event.payload, Launched):
                msg = f"the first event of {event.run_id} is not its launch"
                raise ValueError(msg)
            run = launch(event.run_id, event, event.payload)
        else:
            run = evolve(run, event)
    if run is None:
        msg = "a run has at least one event"
        raise ValueError(msg)
    return run


def _decided(run: Run, event: Event, decision: Decision) -> Run:
    recovered = _control_is_ill(run.blockers) and not _control_is_ill(decision.blockers)
    return replace(
        run,
        last_decision=decision.kind,
        last_rule=decision.rule,
        last_actor=decision.actor,
        reason=decision.reason,
        blockers=decision.blockers,
        control_well_since_s=event.at_s if recovered else run.control_well_since_s,
    )


def _control_is_ill(blockers: tuple[Blocker, ...]) -> bool:
    return any(blocker.kind is BlockerKind.CONTROL_UNHEALTHY for blocker in blockers)


def _applied(run: Run, event: Event, result: Applied) -> Run:
    act = run.pending
    if act is None or act.number != result.act_number:
        msg = f"result of act {result.act_number} of {run.id}, which is not pending"
        raise ValueError(msg)
    if not result.ok:
        return replace(run, reason=result.detail)
    return replace(
        run,
        pending=None,
        pending_reason="",
        weights=act.weights,
        step=run.step if act.step is None else act.step,
        step_before=None if act.step in {None, run.step + 1} else run.step,
        step_since_s=event.at_s,
        phase=_phase_after(run, act),
        ended_by=None if act.kind is DecisionKind.SHIFT else act.rule,
        ended_s=None if act.kind is DecisionKind.SHIFT else event.at_s,
    )


def _phase_after(run: Run, act: Act) -> Phase:
    if act.rule is Rule.HORIZON:
        return Phase.EXPIRED
    return _END_PHASES.get(act.kind, run.phase)


def _commanded(run: Run, command: Commanded) -> Run:
    if command.refused:
        return run
    match command.verb:
        case Verb.PAUSE:
            return replace(run, phase=Phase.PAUSED)
        case Verb.RESUME:
            return replace(run, phase=Phase.RUNNING)
        case Verb.APPROVE:
            step = run.step if command.step is None else command.step
            return replace(run, approved=tuple(sorted({*run.approved, step})))
        case Verb.PROMOTE | Verb.ROLLBACK | Verb.STOP:
            return run
        case _:
            assert_never(command.verb)
