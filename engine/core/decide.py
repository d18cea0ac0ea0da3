"""The decision rules, first match wins: taking traffic away first and never blocked, giving it last.

Pure: the same run and facts always give the same decision. It acts on nothing.
"""

from collections.abc import Iterator
from typing import assert_never

from engine.core import wording
from engine.core.arms import live_arms
from engine.core.blockers import BLIND, DISTRUST, find_blockers, sick_arms
from engine.core.decision import Blocker, BlockerKind, Decision, DecisionKind, Rule
from engine.core.events import Command, Verb
from engine.core.facts import Facts
from engine.core.gate import GateStatus
from engine.core.model import Experiment, Policy
from engine.core.proposal import Abandon, Climb, Finish, Wait
from engine.core.run import Phase, Run
from engine.core.target import ALL_TO_CONTROL, Weights
from engine.core.verdict import VerdictKind

_NOT_EVEN_BY_A_PERSON = frozenset(
    {
        BlockerKind.GATE_UNKNOWN,
        BlockerKind.FREEZE,
        BlockerKind.FOREIGN_WRITER,
        BlockerKind.TARGET_GONE,
        BlockerKind.TREATMENT_NOT_READY,
    }
)
"""A person may promote past everything but these: they make the act itself unsafe."""


def decide(experiment: Experiment, run: Run, facts: Facts) -> Decision:
    """What to do now, by the first rule that applies."""
    blockers = find_blockers(experiment, run, facts)
    taking_away = next(_taking_away(experiment, run, facts, blockers), None)
    if taking_away is not None:
        return taking_away
    order = facts.order
    if order is not None and order.verb is Verb.PROMOTE and not refusal(blockers):
        chosen = chosen_arm(experiment, run, order)
        if chosen is not None:
            return Decision(
                kind=DecisionKind.PROMOTE,
                rule=Rule.PROMOTED,
                reason=wording.by_person(order),
                actor=str(order.actor),
                weights=Weights.all_to(chosen),
                blockers=blockers,
            )
    return _giving(experiment, run, facts, blockers)


def chosen_arm(experiment: Experiment, run: Run, order: Command) -> int | None:
    """Index of the treatment that a person wants promoted; None when the order leaves that open."""
    if order.treatment:
        named = [i for i, name in enumerate(experiment.treatments) if name == order.treatment]
        return named[0] if named else None
    live = live_arms(experiment, run)
    return live[0] if len(live) == 1 else None


def refusal(blockers: tuple[Blocker, ...]) -> str:
    """Why even a person cannot promote now; empty when a person can."""
    return "; ".join(blocker.detail for blocker in blockers if blocker.kind in _NOT_EVEN_BY_A_PERSON)


def _taking_away(
    experiment: Experiment, run: Run, facts: Facts, blockers: tuple[Blocker, ...]
) -> Iterator[Decision]:
    act = run.pending
    if act is not None and act.kind in {DecisionKind.ROLLBACK, DecisionKind.STOP}:
        yield _away(act.kind, act.rule, wording.again(act), blockers)
    yield from _told_to(experiment, facts, blockers)
    if (sick := _sick_since(blockers)) is not None and facts.now_s - sick >= experiment.progress_deadline_s:
        reason = wording.treatment_unhealthy(experiment, blockers)
        arms = sick_arms(experiment, run, facts)
        yield _drop(experiment, run, arms, Rule.TREATMENT_UNHEALTHY, reason, blockers)
    if facts.verdict.harm_latched:
        yield _away(DecisionKind.ROLLBACK, Rule.HARM, wording.harm(experiment, facts.verdict), blockers)
    if harmed := _harmed_arms(experiment, run, facts):
        reason = wording.arm_harmful(experiment, facts.verdict, harmed)
        yield _drop(experiment, run, harmed, Rule.ARM_HARMFUL, reason, blockers)
    if isinstance(facts.proposal, Abandon):
        reason = wording.preview_failed(facts.proposal)
        yield _away(DecisionKind.ROLLBACK, Rule.PREVIEW_FAILED, reason, blockers)
    yield from _out_of_time(experiment, run, facts, blockers)


def _told_to(experiment: Experiment, facts: Facts, blockers: tuple[Blocker, ...]) -> Iterator[Decision]:
    """The flag's word, and a person's."""
    if facts.gate.status is GateStatus.CLOSED:
        reason = wording.gate_closed(experiment, facts.gate)
        yield _away(DecisionKind.STOP, Rule.GATE_CLOSED, reason, blockers)
    order = facts.order
    if order is not None and order.verb is Verb.STOP:
        yield _away(
            DecisionKind.STOP, Rule.STOPPED, wording.by_person(order), blockers, actor=str(order.actor)
        )
    if order is not None and order.verb is Verb.ROLLBACK:
        reason = wording.by_person(order)
        yield _away(DecisionKind.ROLLBACK, Rule.ROLLED_BACK, reason, blockers, actor=str(order.actor))


def _out_of_time(
    experiment: Experiment, run: Run, facts: Facts, blockers: tuple[Blocker, ...]
) -> Iterator[Decision]:
    overdue = list(_overdue(experiment, run, facts.now_s, blockers))
    for rule, policy in overdue:
        if policy is Policy.ROLLBACK:
            reason = wording.overdue(experiment, rule, policy, blockers)
            yield _away(DecisionKind.ROLLBACK, rule, reason, blockers)
    for rule, policy in overdue:
        if facts.order is None:
            reason = wording.overdue(experiment, rule, policy, blockers)
            yield Decision(kind=DecisionKind.HOLD, rule=rule, reason=reason, blockers=blockers)


def _away(
    kind: DecisionKind, rule: Rule, reason: str, blockers: tuple[Blocker, ...], actor: str = "engine"
) -> Decision:
    """Everything goes back to control."""
    return Decision(
        kind=kind, rule=rule, reason=reason, actor=actor, weights=ALL_TO_CONTROL, blockers=blockers
    )


def _harmed_arms(experiment: Experiment, run: Run, facts: Facts) -> tuple[int, ...]:
    """Treatments that are harmful and still take part."""
    live = live_arms(experiment, run)
    return tuple(i for i, arm in enumerate(facts.verdict.arms) if arm.harm_latched and i in live)


def _drop(
    experiment: Experiment,
    run: Run,
    arms: tuple[int, ...],
    rule: Rule,
    reason: str,
    blockers: tuple[Blocker, ...],
) -> Decision:
    """These treatments lose their traffic to control; the run goes on while another one is left."""
    weights = run.weights
    for arm in arms:
        weights = weights.without(arm)
    if weights == ALL_TO_CONTROL or not arms:
        return _away(DecisionKind.ROLLBACK, _whole(rule), reason, blockers)
    return Decision(
        kind=DecisionKind.SHIFT,
        rule=rule,
        reason=reason,
        weights=weights,
        step=run.step,
        blockers=blockers,
    )


def _whole(rule: Rule) -> Rule:
    """The rule by which the last treatment goes."""
    return Rule.HARM if rule is Rule.ARM_HARMFUL else rule


def _sick_since(blockers: tuple[Blocker, ...]) -> float | None:
    kinds = {blocker.kind for blocker in blockers}
    if BlockerKind.CONTROL_UNHEALTHY in kinds:
        return None
    return next(
        (b.since_s for b in blockers if b.kind is BlockerKind.TREATMENT_NOT_READY),
        None,
    )


def _overdue(
    experiment: Experiment, run: Run, now_s: float, blockers: tuple[Blocker, ...]
) -> Iterator[tuple[Rule, Policy]]:
    if now_s - run.launched_s >= experiment.horizon_s:
        yield Rule.HORIZON, experiment.on_undecided
    for group, rule, policy in (
        (BLIND, Rule.BLIND_TOO_LONG, experiment.on_blind),
        (DISTRUST, Rule.UNTRUSTWORTHY_TOO_LONG, experiment.on_untrustworthy),
    ):
        since_s = min((blocker.since_s for blocker in blockers if blocker.kind in group), default=now_s)
        if now_s - since_s >= experiment.patience_s:
            yield rule, policy


def _goes_on_regardless(run: Run, blockers: tuple[Blocker, ...]) -> bool:
    """A person's promotion that has no result yet goes on, unless it was paused or became unsafe."""
    ordered = run.pending is not None and run.pending.rule is Rule.PROMOTED
    return ordered and run.phase is not Phase.PAUSED and not refusal(blockers)


def _giving(experiment: Experiment, run: Run, facts: Facts, blockers: tuple[Blocker, ...]) -> Decision:
    act = run.pending
    if blockers and not _goes_on_regardless(run, blockers):
        reason = wording.blocked(run, blockers)
        return Decision(kind=DecisionKind.HOLD, rule=Rule.BLOCKED, reason=reason, blockers=blockers)
    if act is not None and (act.rule is not Rule.EVIDENCE or isinstance(facts.proposal, Finish)):
        return Decision(
            kind=act.kind,
            rule=act.rule,
            reason=wording.again(act),
            weights=act.weights,
            step=act.step,
            blockers=blockers,
        )
    match facts.proposal:
        case Climb(step=step, weights=weights, reason=reason):
            switches = weights.control == 0
            if switches and not _is_shown(facts, 0):
                return Decision(kind=DecisionKind.HOLD, rule=Rule.NOT_YET, reason=wording.not_shown())
            return Decision(
                kind=DecisionKind.SHIFT,
                rule=Rule.EVIDENCE if switches else Rule.FLOORS_MET,
                reason=reason,
                weights=weights,
                step=step,
            )
        case Finish():
            return _finish(experiment, run, facts, facts.proposal)
        case Wait(reason=reason) | Abandon(reason=reason):
            return Decision(kind=DecisionKind.HOLD, rule=Rule.NOT_YET, reason=reason)
        case _:
            assert_never(facts.proposal)


def _finish(experiment: Experiment, run: Run, facts: Facts, proposal: Finish) -> Decision:
    """Promotion, which no strategy can have without evidence."""
    weights = Weights.all_to(proposal.treatment_index)
    if proposal.settled and run.weights == weights:
        rule, reason = Rule.SETTLED, wording.settled(experiment, facts.verdict, proposal)
    elif _is_shown(facts, proposal.treatment_index):
        rule, reason = Rule.EVIDENCE, wording.promote(experiment, facts.verdict, proposal.treatment_index)
    else:
        return Decision(kind=DecisionKind.HOLD, rule=Rule.NOT_YET, reason=wording.not_shown())
    return Decision(kind=DecisionKind.PROMOTE, rule=rule, reason=reason, weights=weights)


def _is_shown(facts: Facts, treatment_index: int) -> bool:
    """Whether the evidence says that this treatment is not worse, or better."""
    shown = {VerdictKind.NOT_WORSE, VerdictKind.BETTER}
    arms = facts.verdict.arms
    kind = arms[treatment_index].kind if len(arms) > 1 else facts.verdict.kind
    return kind in shown
