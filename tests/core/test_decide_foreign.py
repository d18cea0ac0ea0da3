"""What somebody else does to the target: the run stands back, or gives everything to control."""

from dataclasses import replace

import pytest

from engine.core import wording
from engine.core.blockers import find_blockers
from engine.core.decide import decide
from engine.core.decision import BlockerKind, DecisionKind, Rule
from engine.core.events import Verb
from engine.core.plan import Policy
from engine.core.run import Act, Phase, Run
from engine.core.target import ALL_TO_CONTROL, ALL_TO_TREATMENT, TargetState, Weights
from tests.builders import (
    a_run,
    a_verdict,
    an_experiment,
    an_order,
    healthy,
    some_facts,
    two_treatments,
)
from tests.core.situations import CLIMB, HARM, blocked_since

ABORTED = "ada aborted the Rollout"


def ended(weights: Weights) -> TargetState:
    return replace(healthy(weights), ended=ABORTED)


def test_a_release_that_somebody_ended_is_left_as_it_is():
    decision = decide(an_experiment(), a_run(), some_facts(target=ended(ALL_TO_CONTROL), verdict=HARM))
    assert (decision.kind, decision.rule, decision.weights) == (
        DecisionKind.STOP,
        Rule.SUPERSEDED,
        ALL_TO_CONTROL,
    )
    assert ABORTED in decision.reason


def test_standing_back_leaves_even_a_split_as_it_is():
    decision = decide(an_experiment(), a_run(), some_facts(target=ended(Weights.of(33))))
    assert (decision.rule, decision.weights) == (Rule.SUPERSEDED, Weights.of(33))


def test_the_policy_may_be_to_give_everything_to_control():
    experiment = an_experiment(on_foreign=Policy.ROLLBACK)
    for target in (ended(Weights.of(33)), healthy(Weights.of(33))):
        decision = decide(experiment, a_run(), some_facts(target=target))
        assert (decision.kind, decision.rule, decision.weights) == (
            DecisionKind.ROLLBACK,
            Rule.FOREIGN_WRITER,
            ALL_TO_CONTROL,
        )
    assert decide(experiment, a_run(), some_facts(target=ended(ALL_TO_CONTROL))).rule is Rule.SUPERSEDED


def test_weights_that_somebody_moved_hold_the_run_by_default():
    decision = decide(an_experiment(), a_run(), some_facts(target=healthy(Weights.of(33)), proposal=CLIMB))
    assert (decision.kind, decision.rule) == (DecisionKind.HOLD, Rule.BLOCKED)


def on_the_way(*treatments_pct: int) -> Run:
    """A run that has sent the target from a 20th to so much, without a result yet."""
    act = Act(
        number=2,
        kind=DecisionKind.SHIFT,
        rule=Rule.FLOORS_MET,
        weights=Weights.of(*treatments_pct),
        step=1,
        found=Weights.of(5),
        version="",
    )
    return a_run(weights=Weights.of(*(5 for _ in treatments_pct)), pending=act)


@pytest.mark.parametrize("policy", Policy)
@pytest.mark.parametrize("passed_pct", [5, 10, 20])
def test_what_a_target_passes_on_its_way_is_not_foreign(policy, passed_pct):
    facts = some_facts(target=healthy(Weights.of(passed_pct)))
    decision = decide(an_experiment(on_foreign=policy), on_the_way(20), facts)
    assert (decision.kind, decision.rule) == (DecisionKind.SHIFT, Rule.FLOORS_MET)


def test_every_treatment_has_a_way_of_its_own():
    run = on_the_way(20, 30)
    assert not sees_a_foreigner(run, Weights.of(20, 12))
    for seen in (Weights.of(12), Weights.of(10, 31), Weights.of(4, 30), Weights.of(10, 10, 10)):
        assert sees_a_foreigner(run, seen), seen


def sees_a_foreigner(run: Run, seen: Weights) -> bool:
    found = find_blockers(two_treatments(), run, some_facts(target=healthy(seen)))
    return BlockerKind.FOREIGN_WRITER in {blocker.kind for blocker in found}


def test_what_was_passed_is_foreign_once_the_act_has_its_result():
    run = a_run(weights=Weights.of(20))
    decision = decide(an_experiment(), run, some_facts(target=healthy(Weights.of(10))))
    assert (decision.kind, decision.rule) == (DecisionKind.HOLD, Rule.BLOCKED)


def test_weights_that_somebody_set_to_control_need_no_rollback():
    run = a_run(blockers=blocked_since(BlockerKind.FOREIGN_WRITER, 60))
    experiment = an_experiment(on_foreign=Policy.ROLLBACK)
    assert decide(experiment, run, some_facts(target=healthy(ALL_TO_CONTROL))).kind is DecisionKind.HOLD


def test_ones_own_switch_ends_nothing():
    run = a_run(weights=ALL_TO_TREATMENT)
    target = replace(healthy(ALL_TO_TREATMENT), ended="promoted")
    assert decide(an_experiment(), run, some_facts(target=target)).rule is not Rule.SUPERSEDED


@pytest.mark.parametrize("verb", [Verb.STOP, Verb.ROLLBACK])
def test_a_persons_order_comes_first(verb):
    facts = some_facts(target=ended(Weights.of(33)), order=an_order(verb))
    assert decide(an_experiment(), a_run(), facts).weights == ALL_TO_CONTROL


def test_standing_back_is_decided_anew_while_it_has_no_result():
    act = Act(
        number=1,
        kind=DecisionKind.STOP,
        rule=Rule.SUPERSEDED,
        weights=Weights.of(33),
        step=None,
        found=None,
        version="",
    )
    decision = decide(an_experiment(), a_run(pending=act), some_facts(target=ended(Weights.of(10))))
    assert decision.weights == Weights.of(10)


def test_the_headline_does_not_claim_what_control_has():
    run = a_run(phase=Phase.STOPPED, ended_by=Rule.SUPERSEDED)
    assert wording.headline(an_experiment(), run, a_verdict()).startswith("Stood back")
