"""Several treatments: the sick and the harmful one lose their traffic, the others go on without it."""

from dataclasses import replace

import pytest

from engine.core.decide import decide
from engine.core.decision import Blocker, BlockerKind, DecisionKind, Rule
from engine.core.gate import GateStatus
from engine.core.measure import MissingReason
from engine.core.model import Arm, Mode
from engine.core.plan import Policy
from engine.core.proposal import Climb, Finish
from engine.core.run import Act
from engine.core.target import ALL_TO_CONTROL, Health, TargetGone, Weights
from engine.core.verdict import VerdictKind
from tests.builders import (
    NOW_S,
    a_finding,
    a_gate,
    a_run,
    a_verdict,
    an_arm,
    both_healthy,
    missing,
    some_facts,
    two_treatments,
)

ILL = Health(ready=False, ready_since_s=None, detail="crash loop")
RUN = a_run(weights=Weights.of(25, 25))
ONE_LEFT = a_run(weights=Weights.of(0, 25))


def facts(**changes):
    return some_facts(**{"target": both_healthy(changes.pop("weights", Weights.of(25, 25))), **changes})


def arms(*kinds: VerdictKind, **changes):
    harmful = VerdictKind.HARMFUL
    return a_verdict(
        arms=tuple(an_arm(kind=kind, harm_latched=kind is harmful, culprit="errors@v2") for kind in kinds),
        findings=(a_finding(metric="errors@v2"), a_finding(metric="errors@v3", treatment_index=1)),
        **changes,
    )


def not_ready(*ages_s: float) -> tuple[Blocker, ...]:
    return tuple(
        Blocker(
            kind=BlockerKind.TREATMENT_NOT_READY, detail="earlier", since_s=NOW_S - age_s, treatment_index=arm
        )
        for arm, age_s in enumerate(ages_s)
    )


HARMFUL, UNDECIDED, BETTER = VerdictKind.HARMFUL, VerdictKind.UNDECIDED, VerdictKind.BETTER


def test_a_harmful_treatment_of_two_loses_its_traffic_to_control():
    decision = decide(two_treatments(), RUN, facts(verdict=arms(HARMFUL, UNDECIDED)))
    assert (decision.kind, decision.rule, decision.weights, decision.step) == (
        DecisionKind.SHIFT,
        Rule.ARM_HARMFUL,
        Weights.of(0, 25),
        0,
    )
    assert decision.reason.startswith("Its share goes back to v1: v2 is worse. errors of v2: ")


def test_a_harmful_treatment_without_a_culprit_still_has_a_sentence():
    verdict = a_verdict(arms=(an_arm(kind=HARMFUL, harm_latched=True), an_arm()))
    decision = decide(two_treatments(), RUN, facts(verdict=verdict))
    assert decision.reason == "Its share goes back to v1: v2 is worse."


def test_the_last_treatment_that_is_harmful_ends_the_run():
    one_left = facts(weights=Weights.of(0, 25), verdict=arms(HARMFUL, HARMFUL))
    decision = decide(two_treatments(), ONE_LEFT, one_left)
    assert (decision.kind, decision.rule, decision.weights) == (
        DecisionKind.ROLLBACK,
        Rule.HARM,
        ALL_TO_CONTROL,
    )


def test_harm_of_all_treatments_ends_the_run_even_if_one_of_them_is_sick():
    run = replace(RUN, blockers=not_ready(999))
    target = replace(both_healthy(), treatment=ILL)
    decision = decide(
        two_treatments(), run, facts(target=target, verdict=arms(HARMFUL, HARMFUL, harm_latched=True))
    )
    assert (decision.rule, decision.weights) == (Rule.HARM, ALL_TO_CONTROL)


def test_a_sick_treatment_of_two_is_dropped_after_the_progress_deadline():
    target = replace(both_healthy(), more=(ILL,))
    held = decide(two_treatments(), replace(RUN, blockers=not_ready(0, 119)), facts(target=target))
    dropped = decide(two_treatments(), replace(RUN, blockers=not_ready(0, 120)), facts(target=target))
    assert (held.rule, dropped.rule, dropped.weights) == (
        Rule.BLOCKED,
        Rule.TREATMENT_UNHEALTHY,
        Weights.of(25),
    )
    assert dropped.reason == "Its share goes back to v1: v3 is not ready: crash loop, for longer than 2 min."


def test_each_treatment_has_its_own_deadline():
    target = replace(both_healthy(), more=(ILL,))
    decision = decide(two_treatments(), replace(RUN, blockers=not_ready(9999)), facts(target=target))
    assert decision.rule is Rule.BLOCKED
    assert [(b.treatment_index, b.since_s) for b in decision.blockers] == [(1, NOW_S)]


def test_two_sick_treatments_end_the_run():
    target = replace(both_healthy(), treatment=ILL, more=(ILL,))
    decision = decide(two_treatments(), replace(RUN, blockers=not_ready(120, 120)), facts(target=target))
    assert (decision.kind, decision.rule, decision.weights) == (
        DecisionKind.ROLLBACK,
        Rule.TREATMENT_UNHEALTHY,
        ALL_TO_CONTROL,
    )


def test_a_sick_and_a_harmful_treatment_end_the_run_together():
    target = replace(both_healthy(), more=(ILL,))
    run = replace(RUN, blockers=not_ready(0, 120))
    decision = decide(two_treatments(), run, facts(target=target, verdict=arms(HARMFUL, UNDECIDED)))
    assert (decision.kind, decision.rule, decision.weights) == (
        DecisionKind.ROLLBACK,
        Rule.HARM,
        ALL_TO_CONTROL,
    )
    assert "v3 is not ready" in decision.reason
    assert "v2 is worse" in decision.reason


def test_before_any_traffic_a_sick_treatment_ends_the_run_as_nothing_can_be_dropped():
    run = a_run(step=-1, weights=ALL_TO_CONTROL, blockers=not_ready(0, 120))
    target = replace(both_healthy(ALL_TO_CONTROL), more=(ILL,))
    decision = decide(two_treatments(), run, facts(target=target))
    assert (decision.kind, decision.rule) == (DecisionKind.ROLLBACK, Rule.TREATMENT_UNHEALTHY)


def test_a_treatment_the_target_does_not_know_is_not_ready():
    target = replace(both_healthy(), more=())
    decision = decide(two_treatments(), RUN, facts(target=target, proposal=Finish(reason="x")))
    assert [(b.kind, b.detail) for b in decision.blockers] == [
        (BlockerKind.TREATMENT_NOT_READY, "v3 is not known to the target")
    ]


def test_series_of_a_sick_treatment_are_its_own_sickness():
    gone = missing(MissingReason.NO_SERIES, Arm.TREATMENT)
    verdict = a_verdict(findings=(a_finding(metric="errors@v3", treatment_index=1, missing=gone),))
    run = replace(RUN, blockers=not_ready(0, 120))
    decision = decide(two_treatments(), run, facts(verdict=verdict))
    assert (decision.rule, decision.weights) == (Rule.TREATMENT_UNHEALTHY, Weights.of(25))
    assert "v3 receives traffic but has no series for errors@v3" in decision.reason


@pytest.mark.parametrize("arm", [Arm.TREATMENT, Arm.CONTROL, None])
def test_what_a_dropped_treatment_does_not_measure_is_no_gap(arm):
    gone = missing(MissingReason.NO_TRAFFIC, arm)
    verdict = a_verdict(findings=(a_finding(metric="errors@v2", missing=gone),))
    decision = decide(two_treatments(), ONE_LEFT, facts(weights=Weights.of(0, 25), verdict=verdict))
    assert (decision.rule, decision.blockers) == (Rule.NOT_YET, ())


def test_a_dropped_treatment_may_fall_sick():
    target = replace(both_healthy(Weights.of(0, 25)), treatment=ILL)
    assert decide(two_treatments(), ONE_LEFT, facts(target=target)).blockers == ()


@pytest.mark.parametrize("target", [TargetGone(detail="refused"), both_healthy(Weights.of(40, 40))])
def test_dropping_is_never_blocked(target):
    everything = facts(
        target=target, gate=a_gate(GateStatus.UNKNOWN), verdict=arms(HARMFUL, VerdictKind.UNTRUSTWORTHY)
    )
    assert decide(two_treatments(), RUN, everything).weights == Weights.of(0, 25)


def test_dropping_gives_nobody_more_than_a_foreign_writer_left():
    foreign = facts(weights=Weights.of(25, 5), verdict=arms(HARMFUL, UNDECIDED))
    assert decide(two_treatments(), RUN, foreign).weights == Weights.of(0, 5)
    watching = two_treatments(mode=Mode.OBSERVE)
    assert decide(watching, RUN, foreign).weights == Weights.of(0, 25)


DROP = Act(
    number=2,
    kind=DecisionKind.SHIFT,
    rule=Rule.TREATMENT_UNHEALTHY,
    weights=Weights.of(0, 25),
    step=0,
    found=None,
    version="",
)


def test_a_drop_without_a_result_is_tried_until_it_has_one():
    trouble = facts(target=TargetGone(detail="refused"), gate=a_gate(GateStatus.UNKNOWN))
    decision = decide(two_treatments(), replace(RUN, pending=DROP), trouble)
    assert (decision.kind, decision.rule, decision.weights) == (
        DecisionKind.SHIFT,
        Rule.TREATMENT_UNHEALTHY,
        Weights.of(0, 25),
    )


def test_a_drop_without_a_result_gives_way_to_a_policy_that_rolls_back_and_not_to_one_that_holds():
    run = replace(RUN, pending=DROP)
    kinds = [
        decide(two_treatments(horizon_s=10, on_undecided=policy), run, facts()).kind
        for policy in (Policy.ROLLBACK, Policy.HOLD)
    ]
    assert kinds == [DecisionKind.ROLLBACK, DecisionKind.SHIFT]


def test_a_strategy_cannot_give_a_dropped_treatment_traffic_again():
    climb = Climb(step=0, weights=Weights.of(10, 20), reason="again")
    decision = decide(two_treatments(), ONE_LEFT, facts(weights=Weights.of(0, 25), proposal=climb))
    assert decision.weights == Weights.of(0, 20)


def test_a_strategy_cannot_give_traffic_to_treatments_that_do_not_exist():
    run = a_run(step=-1, weights=ALL_TO_CONTROL)
    climb = Climb(step=0, weights=Weights.of(10, 20, 30), reason="more")
    decision = decide(two_treatments(), run, facts(weights=ALL_TO_CONTROL, proposal=climb))
    assert decision.weights == Weights.of(10, 20)


@pytest.mark.parametrize("index", [0, 2, -1])
def test_only_a_treatment_that_takes_part_is_promoted(index):
    verdict = arms(BETTER, BETTER)
    finish = Finish(reason="x", treatment_index=index)
    decision = decide(
        two_treatments(), ONE_LEFT, facts(weights=Weights.of(0, 25), verdict=verdict, proposal=finish)
    )
    assert (decision.kind, decision.reason) == (
        DecisionKind.HOLD,
        "the strategy would promote a treatment that takes no part",
    )


@pytest.mark.parametrize(
    ("kinds", "kind"),
    [
        ((UNDECIDED, BETTER), DecisionKind.PROMOTE),
        ((BETTER, UNDECIDED), DecisionKind.HOLD),
        ((BETTER, VerdictKind.NOT_WORSE), DecisionKind.HOLD),
        ((BETTER,), DecisionKind.HOLD),
    ],
)
def test_the_evidence_must_be_of_the_treatment_that_is_promoted(kinds, kind):
    finish = Finish(reason="x", treatment_index=1)
    decision = decide(two_treatments(), RUN, facts(verdict=arms(*kinds), proposal=finish))
    assert decision.kind is kind
    assert decision.weights == (Weights.all_to(1) if kind is DecisionKind.PROMOTE else None)
