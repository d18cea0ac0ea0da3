"""A product experiment's answer promotes what nothing else speaks against, and overrides nothing."""

from dataclasses import replace
from typing import Any

import pytest

from engine.core import talk
from engine.core.concluded import ANSWER_LASTS_S
from engine.core.decide import decide
from engine.core.decision import DecisionKind, Rule
from engine.core.events import CONCLUDED, Actor, Freeze, Verb
from engine.core.facts import Facts
from engine.core.model import Experiment
from engine.core.plan import Plan, Policy, Stage, Step
from engine.core.proposal import Climb, Finish, Wait
from engine.core.run import Act, Phase, Run
from engine.core.target import Weights
from engine.core.verdict import VerdictKind
from engine.orders import refused_for
from tests.builders import (
    NOW_S,
    a_finding,
    a_run,
    a_verdict,
    an_arm,
    an_experiment,
    an_order,
    both_healthy,
    healthy,
    some_facts,
    two_treatments,
)

PLAN = Plan(
    strategy="ab",
    steps=(
        Step(weight_pct=5, hold_s=60.0, floor=1, shares=(5,)),
        Step(weight_pct=50, hold_s=60.0, floor=1, shares=(50,)),
    ),
    needs_better=True,
    canary_steps=1,
    product_decides=True,
)
HALF = Weights.of(50)
ANSWER = an_order(Verb.PROMOTE, source=CONCLUDED)
READY = Wait(reason="users decide", is_ready=True)
RUN = a_run(step=1, weights=HALF)


def in_a_test(**changes: Any) -> Experiment:
    return an_experiment(plan=PLAN, **changes)


def facts(**changes: Any) -> Facts:
    ready = some_facts(
        target=healthy(HALF),
        verdict=a_verdict(kind=VerdictKind.NOT_WORSE, findings=(a_finding(),)),
        proposal=READY,
        order=ANSWER,
    )
    return replace(ready, **changes)


def refused(seen: Facts, experiment: Experiment | None = None, run: Run = RUN) -> str:
    """Why the answer is not carried out; and that it is not."""
    experiment = experiment or in_a_test()
    decision = decide(experiment, run, seen)
    assert decision.kind is DecisionKind.HOLD
    assert seen.order is not None
    return refused_for(experiment, run, seen, seen.order, decision)


def test_an_answer_that_nothing_speaks_against_is_carried_out():
    decision = decide(in_a_test(), RUN, facts())
    assert (decision.kind, decision.rule) == (DecisionKind.PROMOTE, Rule.CONCLUDED)
    assert (decision.weights, decision.actor) == (Weights.all_to(0), "ada@desk")
    assert decision.reason == "Promoted by ada@desk: because"
    assert refused_for(in_a_test(), RUN, facts(), ANSWER, decision) == ""


def test_a_run_that_is_better_by_its_own_metrics_is_harmless_too():
    better = replace(facts().verdict, kind=VerdictKind.BETTER)
    assert decide(in_a_test(), RUN, facts(verdict=better)).rule is Rule.CONCLUDED


def test_without_an_order_a_run_that_is_ready_waits():
    assert decide(in_a_test(), RUN, facts(order=None)).kind is DecisionKind.HOLD


@pytest.mark.parametrize(
    ("changes", "run", "why"),
    [
        ({"proposal": Wait(reason="held 1 s of 2 s")}, RUN, "held 1 s of 2 s"),
        ({"proposal": Climb(step=1, weights=HALF, reason="x")}, RUN, "has not come to the end of its test"),
        ({}, replace(RUN, phase=Phase.PAUSED), "paused"),
        (
            {"freeze": Freeze(reason="holidays", actor=Actor(user="eve"), since_s=1.0)},
            RUN,
            "frozen by eve: holidays",
        ),
        ({}, replace(RUN, step=0), "do not show yet that v2 is not worse"),
        ({"order": replace(ANSWER, at_s=NOW_S - ANSWER_LASTS_S - 1)}, RUN, "looks again"),
        ({"order": replace(ANSWER, treatment="v9")}, RUN, "v9 has no traffic in this run"),
    ],
)
def test_what_speaks_against_it_is_the_reason_that_it_is_refused(changes, run, why):
    assert why in refused(facts(**changes), run=run)


def test_an_answer_lasts_as_long_as_promised():
    order = replace(ANSWER, at_s=NOW_S - ANSWER_LASTS_S)
    assert decide(in_a_test(), RUN, facts(order=order)).rule is Rule.CONCLUDED


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": VerdictKind.UNDECIDED},
        {"stage": Stage.SETTLE},
        {"findings": (a_finding(inside_margin_at_step=False),)},
        {"findings": (a_finding(inside_margin_at_step=None),)},
    ],
)
def test_the_runs_own_metrics_must_speak_for_it_whatever_the_strategy_says(changes):
    verdict = replace(facts().verdict, **changes)
    assert "do not show yet that v2 is not worse" in refused(facts(verdict=verdict))


def test_a_metric_that_is_only_shown_speaks_neither_for_nor_against():
    shown = a_finding(metric="shown", weight=0.0, inside_margin_at_step=False)
    verdict = replace(facts().verdict, findings=(a_finding(), shown))
    assert decide(in_a_test(), RUN, facts(verdict=verdict)).rule is Rule.CONCLUDED


def test_a_treatment_without_traffic_is_not_promoted():
    run = replace(RUN, weights=Weights.of(0))
    assert refused(facts(target=healthy(Weights.of(0))), run=run) != ""


def test_a_strategy_that_promotes_by_its_own_rules_is_left_to_them():
    itself = an_experiment(plan=replace(PLAN, strategy="canary", product_decides=False))
    assert "the strategy canary promotes by its own rules" in refused(facts(), itself)


def test_a_person_still_overrides_what_an_answer_does_not():
    order = an_order(Verb.PROMOTE)
    decision = decide(in_a_test(), replace(RUN, phase=Phase.PAUSED), facts(order=order))
    assert decision.rule is Rule.PROMOTED


def test_harm_goes_before_an_answer():
    harmed = replace(facts().verdict, kind=VerdictKind.HARMFUL, harm_latched=True)
    decision = decide(in_a_test(), RUN, facts(verdict=harmed))
    assert decision.rule is Rule.HARM
    assert refused_for(in_a_test(), RUN, facts(verdict=harmed), ANSWER, decision) != ""


def test_what_the_horizon_holds_for_a_person_no_answer_promotes():
    over = in_a_test(horizon_s=10, on_undecided=Policy.HOLD)
    assert decide(over, RUN, facts()).rule is Rule.HORIZON


@pytest.mark.parametrize("verb", [Verb.ROLLBACK, Verb.STOP])
def test_an_answer_takes_away_as_a_person_does(verb):
    order = an_order(verb, source=CONCLUDED)
    seen = facts(order=order)
    decision = decide(in_a_test(), replace(RUN, phase=Phase.PAUSED), seen)
    assert decision.rule in {Rule.ROLLED_BACK, Rule.STOPPED}
    assert refused_for(in_a_test(), RUN, seen, order, decision) == ""


def test_a_promotion_of_an_answer_that_did_not_succeed_is_not_repeated_without_a_new_look():
    act = Act(
        number=2,
        kind=DecisionKind.PROMOTE,
        rule=Rule.CONCLUDED,
        weights=Weights.all_to(0),
        step=None,
        found=HALF,
        version="1",
    )
    pending = replace(RUN, pending=act)
    assert decide(in_a_test(), pending, facts(order=None)).kind is DecisionKind.HOLD
    assert decide(in_a_test(), pending, facts()).rule is Rule.CONCLUDED


@pytest.mark.parametrize(
    "proposal", [Finish(reason="x"), Climb(step=1, weights=Weights.all_to(0), reason="x")]
)
def test_where_the_product_experiment_decides_no_strategy_promotes_by_itself(proposal):
    better = replace(facts().verdict, kind=VerdictKind.BETTER)
    decision = decide(in_a_test(), RUN, facts(order=None, verdict=better, proposal=proposal))
    assert decision.kind is DecisionKind.HOLD
    assert decision.reason.endswith("but the product experiment says what is better")


# -- several treatments ------------------------------------------------------------------------------------


def of_two(named: str, *kinds: VerdictKind) -> Facts:
    arms = tuple(replace(an_arm(), kind=kind) for kind in kinds)
    verdict = replace(facts().verdict, kind=VerdictKind.UNDECIDED, arms=arms)
    order = replace(ANSWER, treatment=named)
    return facts(verdict=verdict, order=order, target=both_healthy(Weights.of(25, 25)))


def both() -> Experiment:
    plan = replace(PLAN, steps=(replace(PLAN.steps[1], shares=(25, 25)),), canary_steps=0)
    return replace(two_treatments(), plan=plan)


TWO = a_run(step=0, weights=Weights.of(25, 25))
SHOWN, UNSHOWN = VerdictKind.NOT_WORSE, VerdictKind.UNDECIDED


def test_of_several_treatments_the_winner_alone_must_be_harmless():
    assert decide(both(), TWO, of_two("v3", UNSHOWN, SHOWN)).weights == Weights.all_to(1)
    assert "that v2 is not worse" in refused(of_two("v2", UNSHOWN, SHOWN), both(), TWO)


def test_a_treatment_that_nothing_is_known_of_yet_is_not_harmless():
    assert "that v3 is not worse" in refused(of_two("v3"), both(), TWO)


def test_of_several_treatments_one_is_named():
    assert refused(of_two("", SHOWN, SHOWN), both(), TWO) == "several treatments have traffic"


def test_another_treatment_that_is_not_ready_is_in_an_answers_way():
    sick = replace(both_healthy(), more=(replace(both_healthy().more[0], ready=False),))
    seen = replace(of_two("v2", SHOWN, SHOWN), target=sick)
    assert "not ready" in refused(seen, both(), TWO)


def test_a_promotion_that_is_not_repeated_is_not_said_to_be():
    told = talk.act_waits("run-1", Verb.PROMOTE, "the target is gone", is_repeated=False)
    assert told.endswith("the target is gone. The same command tries again.")
