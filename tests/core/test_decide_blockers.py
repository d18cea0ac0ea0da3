"""What is in the way of giving traffic, and of a person's promotion; never of taking it away."""

from dataclasses import replace

import pytest

from engine.core.decide import decide
from engine.core.decision import BlockerKind, DecisionKind, Rule
from engine.core.events import Verb
from engine.core.model import Arm
from engine.core.target import ALL_TO_CONTROL, Weights
from tests.builders import (
    a_run,
    an_experiment,
    an_order,
    healthy,
    some_facts,
)
from tests.core.situations import (
    BLOCKED,
    CLIMB,
    FINISH,
    HARM,
    blind,
)


@pytest.mark.parametrize("proposal", [CLIMB, FINISH], ids=["climb", "finish"])
@pytest.mark.parametrize("case", BLOCKED.values(), ids=BLOCKED)
def test_each_blocker_forbids_going_up_and_promoting(case, proposal):
    spec, facts, run, kind = case
    decision = decide(an_experiment(**spec), a_run(**run), some_facts(proposal=proposal, **facts))
    assert (decision.kind, decision.rule) == (DecisionKind.HOLD, Rule.BLOCKED)
    assert kind in {blocker.kind for blocker in decision.blockers}


@pytest.mark.parametrize("case", BLOCKED.values(), ids=BLOCKED)
def test_no_blocker_is_ever_in_the_way_of_a_rollback(case):
    spec, facts, run, _ = case
    facts = {**facts, "verdict": HARM}
    decision = decide(an_experiment(**spec), a_run(**run), some_facts(**facts))
    assert decision.weights == ALL_TO_CONTROL


UNSAFE = ["gate unknown", "freeze", "foreign writer", "target gone", "treatment not ready"]


@pytest.mark.parametrize("name", BLOCKED)
def test_a_person_may_promote_past_everything_but_what_makes_the_act_unsafe(name):
    spec, facts, run, _ = BLOCKED[name]
    facts = {**facts, "order": an_order(Verb.PROMOTE)}
    decision = decide(an_experiment(**spec), a_run(**run), some_facts(**facts))
    assert (decision.kind is DecisionKind.PROMOTE) == (name not in UNSAFE)


def test_an_approved_step_may_be_left():
    experiment = an_experiment(plan=BLOCKED["awaiting approval"][0]["plan"])
    decision = decide(experiment, a_run(approved=(0,)), some_facts(proposal=CLIMB))
    assert decision.kind is DecisionKind.SHIFT


def test_nobody_is_bothered_for_approval_before_it_matters():
    experiment = an_experiment(plan=BLOCKED["awaiting approval"][0]["plan"])
    assert decide(experiment, a_run(), some_facts()).rule is Rule.NOT_YET


@pytest.mark.parametrize(
    ("weights", "counts", "expected"),
    [
        (ALL_TO_CONTROL, False, False),
        (ALL_TO_CONTROL, True, True),
        (Weights.of(5), False, True),
    ],
)
def test_a_control_that_has_nothing_to_count_yet_is_not_missed(weights, counts, expected):
    target = replace(healthy(weights), counts_control=counts)
    run = a_run(step=0 if weights.given else -1, weights=weights)
    facts = some_facts(target=target, verdict=blind(Arm.CONTROL), proposal=CLIMB)
    decision = decide(an_experiment(), run, facts)
    assert (BlockerKind.NO_DATA in {each.kind for each in decision.blockers}) == expected
