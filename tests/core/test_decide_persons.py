"""Several treatments: which one a person means, and visitors who stay on theirs."""

from dataclasses import replace

import pytest

from engine.core.decide import decide
from engine.core.decision import DecisionKind, Rule
from engine.core.events import Verb
from engine.core.ordered import refusal
from engine.core.plan import Policy
from engine.core.proposal import Climb, Finish, Wait
from engine.core.target import ALL_TO_CONTROL, Weights
from engine.core.verdict import VerdictKind
from tests.builders import (
    a_run,
    an_order,
    both_healthy,
    two_treatments,
)
from tests.core.test_decide_arms import DROP, ILL, ONE_LEFT, RUN, arms, facts

HARMFUL, UNDECIDED, BETTER = VerdictKind.HARMFUL, VerdictKind.UNDECIDED, VerdictKind.BETTER


def test_a_person_says_which_of_several_treatments_is_promoted():
    order = an_order(Verb.PROMOTE, treatment="v3")
    decision = decide(two_treatments(), RUN, facts(order=order))
    assert (decision.rule, decision.weights) == (Rule.PROMOTED, Weights.all_to(1))


@pytest.mark.parametrize(
    ("named", "why"),
    [
        ("", "several treatments take part; say which of v2, v3 is meant: "),
        ("v9", "v9 takes no part in this run; say which of v2, v3 is meant: "),
    ],
)
def test_a_promotion_that_leaves_open_which_is_refused_with_what_to_type(named, why):
    order = an_order(Verb.PROMOTE, treatment=named)
    decision = decide(two_treatments(), RUN, facts(order=order))
    assert decision.kind is DecisionKind.HOLD
    command = "`rampwise promote checkout-v2-1 --treatment v2 --reason TEXT`"
    assert refusal(two_treatments(), RUN, order, decision.blockers) == why + command


def test_the_only_treatment_left_need_not_be_named():
    decision = decide(
        two_treatments(), ONE_LEFT, facts(weights=Weights.of(0, 25), order=an_order(Verb.PROMOTE))
    )
    assert decision.weights == Weights.all_to(1)


def test_not_even_a_person_promotes_a_treatment_that_lost_its_traffic():
    order = an_order(Verb.PROMOTE, treatment="v2")
    decision = decide(two_treatments(), ONE_LEFT, facts(weights=Weights.of(0, 25), order=order))
    assert decision.kind is DecisionKind.HOLD


def test_another_treatment_that_is_not_ready_is_not_in_a_persons_way():
    target = replace(both_healthy(), treatment=ILL)
    kinds = [
        decide(two_treatments(), RUN, facts(target=target, order=an_order(Verb.PROMOTE, treatment=name))).kind
        for name in ("v2", "v3")
    ]
    assert kinds == [DecisionKind.HOLD, DecisionKind.PROMOTE]


def test_a_refused_promotion_lets_no_strategy_promote_past_the_horizon():
    experiment = two_treatments(horizon_s=10, on_undecided=Policy.HOLD)
    finish = Finish(reason="x", treatment_index=1)
    decision = decide(
        experiment,
        RUN,
        facts(verdict=arms(UNDECIDED, BETTER), proposal=finish, order=an_order(Verb.PROMOTE)),
    )
    assert (decision.kind, decision.rule) == (DecisionKind.HOLD, Rule.HORIZON)


def test_a_persons_promotion_without_a_result_goes_on_past_the_horizon():
    act = replace(DROP, kind=DecisionKind.PROMOTE, rule=Rule.PROMOTED, weights=Weights.all_to(1), step=None)
    experiment = two_treatments(horizon_s=10, on_undecided=Policy.HOLD)
    decision = decide(experiment, replace(RUN, pending=act), facts())
    assert (decision.rule, decision.weights) == (Rule.PROMOTED, Weights.all_to(1))


# -- visitors who stay on a variant ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("run", "climb", "kind"),
    [
        (a_run(step=-1, weights=ALL_TO_CONTROL), Weights.of(25, 25), DecisionKind.SHIFT),
        (RUN, Weights.of(30, 25), DecisionKind.HOLD),
        (RUN, Weights.of(20, 25), DecisionKind.HOLD),
        (ONE_LEFT, Weights.of(25, 25), DecisionKind.HOLD),
    ],
)
def test_sticky_weights_begin_and_then_stay(run, climb, kind):
    proposal = Climb(step=0, weights=climb, reason="x")
    decision = decide(two_treatments(sticky=True), run, facts(weights=run.weights, proposal=proposal))
    assert decision.kind is kind


@pytest.mark.parametrize(
    ("weights", "kind"),
    [
        (Weights.of(30, 30), DecisionKind.SHIFT),
        (Weights.of(30, 31), DecisionKind.HOLD),
        (Weights.of(0, 30), DecisionKind.SHIFT),
    ],
)
def test_sticky_weights_change_as_far_as_arms_are_dealt_out_once_for_all(weights, kind):
    experiment = two_treatments(sticky=True, arms_pct=(30, 30))
    proposal = Climb(step=0, weights=weights, reason="x")
    assert decide(experiment, RUN, facts(weights=RUN.weights, proposal=proposal)).kind is kind


def test_under_stickiness_a_harmful_treatment_is_still_dropped_and_a_better_one_still_promoted():
    sticky = two_treatments(sticky=True)
    dropped = decide(sticky, RUN, facts(verdict=arms(HARMFUL, UNDECIDED)))
    promoted = decide(
        sticky, RUN, facts(verdict=arms(UNDECIDED, BETTER), proposal=Finish(reason="x", treatment_index=1))
    )
    assert (dropped.weights, promoted.weights) == (Weights.of(0, 25), Weights.all_to(1))


def test_a_strategy_that_asks_for_what_is_there_changes_nothing():
    proposal = Climb(step=0, weights=Weights.of(25, 25), reason="x")
    decision = decide(two_treatments(), RUN, facts(proposal=proposal))
    assert decision.kind is DecisionKind.HOLD
    assert decide(two_treatments(), RUN, facts(proposal=Wait(reason="x"))).kind is DecisionKind.HOLD
