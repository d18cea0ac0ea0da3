"""The decision rules, first match wins: taking traffic away first and never blocked, giving it last.

Pure: the same run and facts always give the same decision. It acts on nothing.
"""

from collections.abc import Iterator
from typing import assert_never

from engine.core import wording
from engine.core.blockers import BLIND, DISTRUST, find_blockers
from engine.core.decision import Blocker, BlockerKind, Decision, DecisionKind, Rule
from engine.core.events import Verb
from engine.core.facts import Facts
from engine.core.gate import GateStatus
from engine.core.model import Experiment, Policy
from engine.core.proposal import Climb, Finish, Wait
from engine.core.run import Phase, Run
from engine.core.target import ALL_TO_CONTROL, ALL_TO_TREATMENT, Weights

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
    if facts.order is not None and facts.order.verb is Verb.PROMOTE and not refusal(blockers):
        return Decision(
            kind=DecisionKind.PROMOTE,
            rule=Rule.PROMOTED,
            reason=wording.by_person(facts.order),
            actor=str(facts.order.actor),
            weights=ALL_TO_TREATMENT,
            blockers=blockers,
        )
    return _giving(experiment, run, facts, blockers)


def refusal(blockers: tuple[Blocker, ...]) -> str:
    """Why even a person cannot promote now; empty when a person can."""
    return "; ".join(blocker.detail for blocker in blockers if blocker.kind in _NOT_EVEN_BY_A_PERSON)


def _taking_away(
    experiment: Experiment, run: Run, facts: Facts, blockers: tuple[Blocker, ...]
) -> Iterator[Decision]:
    def away(kind: DecisionKind, rule: Rule, reason: str, actor: str = "engine") -> Decision:
        return Decision(
            kind=kind, rule=rule, reason=reason, actor=actor, weights=ALL_TO_CONTROL, blockers=blockers
        )

    if run.pending is not None and run.pending.kind in {DecisionKind.ROLLBACK, DecisionKind.STOP}:
        yield away(run.pending.kind, run.pending.rule, wording.again(run.pending))
    if facts.gate.status is GateStatus.CLOSED:
        yield away(DecisionKind.STOP, Rule.GATE_CLOSED, wording.gate_closed(experiment, facts.gate))
    order = facts.order
    if order is not None and order.verb is Verb.STOP:
        yield away(DecisionKind.STOP, Rule.STOPPED, wording.by_person(order), str(order.actor))
    if order is not None and order.verb is Verb.ROLLBACK:
        yield away(DecisionKind.ROLLBACK, Rule.ROLLED_BACK, wording.by_person(order), str(order.actor))
    if (sick := _sick_since(blockers)) is not None and facts.now_s - sick >= experiment.progress_deadline_s:
        reason = wording.treatment_unhealthy(experiment, blockers)
        yield away(DecisionKind.ROLLBACK, Rule.TREATMENT_UNHEALTHY, reason)
    if facts.verdict.harm_latched:
        yield away(DecisionKind.ROLLBACK, Rule.HARM, wording.harm(experiment, facts.verdict))
    overdue = list(_overdue(experiment, run, facts.now_s, blockers))
    for rule, policy in overdue:
        if policy is Policy.ROLLBACK:
            yield away(DecisionKind.ROLLBACK, rule, wording.overdue(experiment, rule, policy, blockers))
    for rule, policy in overdue:
        if order is None:
            reason = wording.overdue(experiment, rule, policy, blockers)
            yield Decision(kind=DecisionKind.HOLD, rule=rule, reason=reason, blockers=blockers)


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
        case Climb(step=step, treatment_pct=weight_pct, reason=reason):
            return Decision(
                kind=DecisionKind.SHIFT,
                rule=Rule.FLOORS_MET,
                reason=reason,
                weights=Weights.of(weight_pct),
                step=step,
            )
        case Finish():
            return Decision(
                kind=DecisionKind.PROMOTE,
                rule=Rule.EVIDENCE,
                reason=wording.promote(experiment, facts.verdict),
                weights=ALL_TO_TREATMENT,
            )
        case Wait(reason=reason):
            return Decision(kind=DecisionKind.HOLD, rule=Rule.NOT_YET, reason=reason)
        case _:
            assert_never(facts.proposal)
