"""The rules that give traffic, once nothing is in the way: a strategy proposes, the evidence must agree.

Strategies are plugins: whatever one proposes, no treatment gets all traffic without evidence, none gets back
what it lost, and visitors who stay on a variant are not moved. Pure.
"""

from typing import assert_never

from engine.core import wording
from engine.core.arms import live_arms, only_live, stage_of
from engine.core.decision import Blocker, BlockerKind, Decision, DecisionKind, Rule
from engine.core.facts import Facts
from engine.core.model import Experiment
from engine.core.ordered import goes_on_regardless
from engine.core.plan import Stage
from engine.core.proposal import Abandon, Climb, Finish, Wait
from engine.core.run import Run
from engine.core.target import Weights
from engine.core.verdict import VerdictKind

_WEIGHED_ANEW = frozenset({Rule.EVIDENCE, Rule.SETTLED, Rule.CONCLUDED})
"""Acts without a result that are repeated only while the strategy and the evidence, or a new look, say so."""


def giving(experiment: Experiment, run: Run, facts: Facts, blockers: tuple[Blocker, ...]) -> Decision:
    """What to do when nothing takes traffic away."""
    if _in_the_way(run, blockers) and not goes_on_regardless(run, blockers):
        reason = wording.blocked(run, _in_the_way(run, blockers))
        return Decision(kind=DecisionKind.HOLD, rule=Rule.BLOCKED, reason=reason, blockers=blockers)
    act = run.pending
    if act is not None and act.rule not in _WEIGHED_ANEW:
        return Decision(
            kind=act.kind,
            rule=act.rule,
            reason=wording.again(act),
            weights=act.weights,
            step=act.step,
            blockers=blockers,
        )
    match facts.proposal:
        case Climb():
            return _climb(experiment, run, facts, facts.proposal, blockers)
        case Finish():
            return _finish(experiment, run, facts, facts.proposal, blockers)
        case Wait(reason=reason) | Abandon(reason=reason):
            return _hold(reason, blockers)
        case _:
            assert_never(facts.proposal)


def _in_the_way(run: Run, blockers: tuple[Blocker, ...]) -> tuple[Blocker, ...]:
    """Once control serves nobody, that it cannot is shown and no longer in the way of ending."""
    return tuple(
        blocker
        for blocker in blockers
        if run.weights.control > 0 or blocker.kind is not BlockerKind.CONTROL_UNHEALTHY
    )


def _hold(reason: str, blockers: tuple[Blocker, ...]) -> Decision:
    return Decision(kind=DecisionKind.HOLD, rule=Rule.NOT_YET, reason=reason, blockers=blockers)


def _climb(
    experiment: Experiment, run: Run, facts: Facts, proposal: Climb, blockers: tuple[Blocker, ...]
) -> Decision:
    """The next rung, for the treatments that still take part."""
    weights = only_live(experiment, run, proposal.weights)
    if wrong := _wrong(experiment, run, proposal, weights):
        return _hold(wrong, blockers)
    switches = weights.control == 0
    arms = [arm for arm, share in enumerate(weights.treatments) if share > 0]
    if switches and not all(_is_shown(experiment, run, facts, arm) for arm in arms):
        return _hold(wording.not_shown(experiment), blockers)
    return Decision(
        kind=DecisionKind.SHIFT,
        rule=Rule.EVIDENCE if switches else Rule.FLOORS_MET,
        reason=proposal.reason,
        weights=weights,
        step=proposal.step,
        blockers=blockers,
    )


def _wrong(experiment: Experiment, run: Run, proposal: Climb, weights: Weights) -> str:
    """Why a strategy's rung is not gone to, whatever the evidence; empty when it may be."""
    steps = len(experiment.plan.steps)
    if not 0 <= proposal.step < steps:
        return wording.no_such_step(proposal.step, steps)
    if run.weights.given > 0 and weights.given == 0:
        return wording.takes_everything_away()
    if (proposal.step, weights) == (run.step, run.weights):
        return wording.is_there_already(run)
    if _moves_visitors(experiment, run, weights):
        return wording.sticky(run, weights)
    return ""


def _moves_visitors(experiment: Experiment, run: Run, weights: Weights) -> bool:
    """Whether visitors who stay on a variant would meet another split than those before them."""
    if not experiment.sticky or run.weights.given == 0 or weights.control == 0 or weights == run.weights:
        return False
    return not weights.within(experiment.arms_pct)


def _finish(
    experiment: Experiment, run: Run, facts: Facts, proposal: Finish, blockers: tuple[Blocker, ...]
) -> Decision:
    """Promotion, which no strategy can have without evidence."""
    arm = proposal.treatment_index
    if arm not in live_arms(experiment, run):
        return _hold(wording.no_such_treatment(), blockers)
    if proposal.settled and _is_settled(experiment, run, facts, arm):
        rule, reason = Rule.SETTLED, wording.settled(experiment, facts.verdict, proposal)
    elif run.weights.share(arm) > 0 and _is_shown(experiment, run, facts, arm):
        rule, reason = Rule.EVIDENCE, wording.promote(experiment, facts.verdict, arm)
    else:
        return _hold(wording.not_shown(experiment), blockers)
    return Decision(
        kind=DecisionKind.PROMOTE, rule=rule, reason=reason, weights=Weights.all_to(arm), blockers=blockers
    )


def _is_settled(experiment: Experiment, run: Run, facts: Facts, arm: int) -> bool:
    """Whether a treatment has all traffic, was watched there, and nothing speaks against it."""
    return (
        run.weights == Weights.all_to(arm)
        and stage_of(experiment, run.step) is facts.verdict.stage is Stage.SETTLE
        and facts.verdict.kind not in {VerdictKind.NO_DATA, VerdictKind.HARMFUL}
    )


def _is_shown(experiment: Experiment, run: Run, facts: Facts, arm: int) -> bool:
    """Whether the evidence of this stage says what the plan needs of this treatment."""
    verdict = facts.verdict
    if experiment.plan.product_decides or verdict.stage is not stage_of(experiment, run.step):
        return False
    enough = {VerdictKind.BETTER}
    if not experiment.plan.needs_better:
        enough.add(VerdictKind.NOT_WORSE)
    if len(experiment.treatments) == 1:
        return verdict.kind in enough
    return arm < len(verdict.arms) and verdict.arms[arm].kind in enough
