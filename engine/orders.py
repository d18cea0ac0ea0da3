"""What people ask of a run, and the answers they get. Pure; the rules are in `engine.core.decide`."""

from collections.abc import Sequence

from engine.core.concluded import not_yet
from engine.core.decision import BlockerKind, Decision, Rule
from engine.core.events import CONCLUDED, Command, Commanded, Verb
from engine.core.facts import Facts
from engine.core.gate import GateState, GateStatus
from engine.core.model import Experiment
from engine.core.ordered import refusal
from engine.core.run import Phase, Run
from engine.journal import Journal

_GRAVITY = (Verb.STOP, Verb.ROLLBACK, Verb.PROMOTE)


def gravest(commands: Sequence[Command]) -> Command | None:
    """The order to carry out: stop before rollback before promote; the oldest of equals."""
    orders = [command for command in commands if command.verb in _GRAVITY]
    return min(orders, key=lambda command: (_GRAVITY.index(command.verb), command.id), default=None)


def is_urgent(run: Run, gate: GateState, commands: Sequence[Command]) -> bool:
    """Whether traffic goes back to control whatever the data say, so that nobody waits for them."""
    order = gravest(commands)
    ordered = order is not None and order.verb is not Verb.PROMOTE
    under_way = run.pending is not None and run.pending.takes_all_away
    return ordered or under_way or gate.status is GateStatus.CLOSED


def take_effect(journal: Journal, commands: Sequence[Command]) -> None:
    """Pause, resume and approve change the run at once."""
    for command in commands:
        if command.verb not in _GRAVITY:
            refused = _why_not(journal.run, command.verb)
            done = Commanded(command_id=command.id, verb=command.verb, step=journal.run.step, refused=refused)
            journal.add(done, actor=command.actor, reason=command.reason)


def answer(journal: Journal, experiment: Experiment, facts: Facts, decision: Decision) -> None:
    """Close the order that this tick decided on; the ones it overruled are refused in later ticks."""
    order = facts.order
    if order is None:
        return
    refused = refused_for(experiment, journal.run, facts, order, decision)
    done = Commanded(command_id=order.id, verb=order.verb, step=None, refused=refused)
    journal.add(done, actor=order.actor, reason=order.reason)


def refused_for(experiment: Experiment, run: Run, facts: Facts, order: Command, decision: Decision) -> str:
    """Why this tick does not do what was ordered; empty where it does."""
    if decision.rule is _rule_of(order):
        return ""
    if order.verb is Verb.PROMOTE and order.source == CONCLUDED:
        return not_yet(experiment, run, facts, order, decision.blockers) or decision.reason
    return refusal(experiment, run, order, decision.blockers) or decision.reason


def _rule_of(order: Command) -> Rule:
    match order.verb:
        case Verb.STOP:
            return Rule.STOPPED
        case Verb.ROLLBACK:
            return Rule.ROLLED_BACK
        case _:
            return Rule.CONCLUDED if order.source == CONCLUDED else Rule.PROMOTED


def _why_not(run: Run, verb: Verb) -> str:
    if verb is Verb.PAUSE and run.phase is Phase.PAUSED:
        return "already paused"
    if verb is Verb.RESUME and run.phase is not Phase.PAUSED:
        return "not paused"
    if verb is Verb.APPROVE and all(b.kind is not BlockerKind.AWAITING_APPROVAL for b in run.blockers):
        return "nothing awaits approval now"
    return ""
