"""The rules that take traffic away, gravest first. Nothing blocks them. Pure."""

from collections.abc import Iterator

from engine.core import wording
from engine.core.arms import live_arms, no_more_than
from engine.core.blockers import BLIND, DISTRUST
from engine.core.decision import Blocker, BlockerKind, Decision, DecisionKind, Rule
from engine.core.events import Verb
from engine.core.facts import Facts
from engine.core.gate import GateStatus
from engine.core.model import Experiment, Mode
from engine.core.ordered import goes_on_regardless, promoted_arm
from engine.core.plan import Policy
from engine.core.proposal import Abandon
from engine.core.run import Run
from engine.core.target import ALL_TO_CONTROL, TargetState, Weights

DROPS = frozenset({Rule.ARM_HARMFUL, Rule.TREATMENT_UNHEALTHY})
"""By these rules one treatment of several may lose its traffic while the run goes on."""


def taking_away(
    experiment: Experiment, run: Run, facts: Facts, blockers: tuple[Blocker, ...]
) -> Iterator[Decision]:
    """Every such decision that applies now, gravest first; the last ones hold what policies hold."""
    act = run.pending
    if act is not None and act.takes_all_away:
        yield _away(act.kind, act.rule, wording.again(act), blockers)
    yield from _told_to(experiment, facts, blockers)
    yield from _by_others(experiment, run, facts, blockers)
    found = list(_found(experiment, run, facts, blockers))
    yield from (decision for decision in found if decision.kind is DecisionKind.ROLLBACK)
    if isinstance(facts.proposal, Abandon):
        reason = wording.preview_failed(run, facts.proposal)
        yield _away(DecisionKind.ROLLBACK, Rule.PREVIEW_FAILED, reason, blockers)
    overdue = list(_overdue(experiment, run, facts.now_s, blockers))
    for rule, policy in overdue:
        if policy is Policy.ROLLBACK:
            reason = wording.overdue(experiment, rule, policy, blockers)
            yield _away(DecisionKind.ROLLBACK, rule, reason, blockers)
    yield from (decision for decision in found if decision.kind is DecisionKind.SHIFT)
    if act is not None and act.kind is DecisionKind.SHIFT and act.rule in DROPS:
        yield _drop(experiment, run, facts, act.weights, act.rule, wording.again(act), blockers)
    if not _goes_on_by_person(experiment, run, facts, blockers):
        for rule, policy in overdue:
            reason = wording.overdue(experiment, rule, policy, blockers)
            yield Decision(kind=DecisionKind.HOLD, rule=rule, reason=reason, blockers=blockers)


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


def _by_others(
    experiment: Experiment, run: Run, facts: Facts, blockers: tuple[Blocker, ...]
) -> Iterator[Decision]:
    """What somebody else did to the target: stand back and leave it as it is, or give all to control."""
    target = facts.target
    if not isinstance(target, TargetState):
        return
    moved = next((each for each in blockers if each.kind is BlockerKind.FOREIGN_WRITER), None)
    if not (moved or _is_superseded(run, target)):
        return
    if experiment.on_foreign is Policy.ROLLBACK and target.weights != ALL_TO_CONTROL:
        reason = wording.taken_back(target.ended or (moved.detail if moved else ""))
        yield _away(DecisionKind.ROLLBACK, Rule.FOREIGN_WRITER, reason, blockers)
    elif _is_superseded(run, target):
        yield Decision(
            kind=DecisionKind.STOP,
            rule=Rule.SUPERSEDED,
            reason=wording.superseded(target),
            weights=target.weights,
            blockers=blockers,
        )


def _is_superseded(run: Run, target: TargetState) -> bool:
    """Whether the release has ended on the target, and not because this run gave the treatment everything."""
    is_own_end = run.weights.control == 0 and target.weights == run.weights
    return bool(target.ended) and not is_own_end


def _found(
    experiment: Experiment, run: Run, facts: Facts, blockers: tuple[Blocker, ...]
) -> Iterator[Decision]:
    """Treatments that cannot serve or do harm: all of them end the run, some of them lose their traffic."""
    sick = _sick_for_long(experiment, facts, blockers)
    if sick and not _others(experiment, run, tuple(blocker.treatment_index for blocker in sick)):
        reason = wording.treatment_unhealthy(experiment, sick)
        yield _away(DecisionKind.ROLLBACK, Rule.TREATMENT_UNHEALTHY, reason, blockers)
    if facts.verdict.harm_latched:
        yield _away(DecisionKind.ROLLBACK, Rule.HARM, wording.harm(experiment, facts.verdict), blockers)
    harmed = _harmed_arms(experiment, run, facts)
    if not sick and not harmed:
        return
    sentences = [wording.arm_unhealthy(experiment, sick)] if sick else []
    sentences += [wording.arm_harmful(experiment, facts.verdict, harmed)] if harmed else []
    left = _others(experiment, run, (*harmed, *(blocker.treatment_index for blocker in sick)))
    if left:
        rule = Rule.ARM_HARMFUL if harmed else Rule.TREATMENT_UNHEALTHY
        weights = Weights.of(*(run.weights.share(i) if i in left else 0 for i in range(max(left) + 1)))
        yield _drop(experiment, run, facts, weights, rule, " ".join(sentences), blockers)
    else:
        rule = Rule.HARM if harmed else Rule.TREATMENT_UNHEALTHY
        yield _away(DecisionKind.ROLLBACK, rule, f"Roll back: {' '.join(sentences)}", blockers)


def _sick_for_long(
    experiment: Experiment, facts: Facts, blockers: tuple[Blocker, ...]
) -> tuple[Blocker, ...]:
    """Why treatments cannot serve, beyond the progress deadline and while control can."""
    if any(blocker.kind is BlockerKind.CONTROL_UNHEALTHY for blocker in blockers):
        return ()
    return tuple(
        blocker
        for blocker in blockers
        if blocker.kind is BlockerKind.TREATMENT_NOT_READY
        and facts.now_s - blocker.since_s >= experiment.progress_deadline_s
    )


def _harmed_arms(experiment: Experiment, run: Run, facts: Facts) -> tuple[int, ...]:
    """Treatments that are harmful and still take part."""
    live = live_arms(experiment, run)
    return tuple(i for i, arm in enumerate(facts.verdict.arms) if arm.harm_latched and i in live)


def _others(experiment: Experiment, run: Run, leaving: tuple[int, ...]) -> tuple[int, ...]:
    """Treatments that keep traffic when these leave; none before there is any."""
    return tuple(
        arm for arm in live_arms(experiment, run) if arm not in leaving and run.weights.share(arm) > 0
    )


def _drop(
    experiment: Experiment,
    run: Run,
    facts: Facts,
    weights: Weights,
    rule: Rule,
    reason: str,
    blockers: tuple[Blocker, ...],
) -> Decision:
    """The run goes on at weights of which no treatment gets more than it has, whoever gave it that."""
    if experiment.mode is Mode.ACT:
        weights = no_more_than(weights, facts.target)
    return Decision(
        kind=DecisionKind.SHIFT, rule=rule, reason=reason, weights=weights, step=run.step, blockers=blockers
    )


def _goes_on_by_person(experiment: Experiment, run: Run, facts: Facts, blockers: tuple[Blocker, ...]) -> bool:
    """Whether a person promotes what a policy holds for a person."""
    promoted = promoted_arm(experiment, run, facts.order, blockers)
    return promoted is not None or goes_on_regardless(run, blockers)


def _overdue(
    experiment: Experiment, run: Run, now_s: float, blockers: tuple[Blocker, ...]
) -> Iterator[tuple[Rule, Policy]]:
    stranded = run.weights.control == 0 and any(
        blocker.kind is BlockerKind.CONTROL_UNHEALTHY for blocker in blockers
    )
    if now_s - run.launched_s >= experiment.horizon_s:
        yield Rule.HORIZON, Policy.HOLD if stranded else experiment.on_undecided
    for group, rule, policy in (
        (BLIND, Rule.BLIND_TOO_LONG, experiment.on_blind),
        (DISTRUST, Rule.UNTRUSTWORTHY_TOO_LONG, experiment.on_untrustworthy),
    ):
        since_s = min((blocker.since_s for blocker in blockers if blocker.kind in group), default=now_s)
        if now_s - since_s >= experiment.patience_s:
            yield rule, Policy.HOLD if stranded else policy


def _away(
    kind: DecisionKind, rule: Rule, reason: str, blockers: tuple[Blocker, ...], actor: str = "engine"
) -> Decision:
    """Everything goes back to control."""
    return Decision(
        kind=kind, rule=rule, reason=reason, actor=actor, weights=ALL_TO_CONTROL, blockers=blockers
    )
