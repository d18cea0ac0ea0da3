"""Preview, switch and settling: no traffic without evidence, and all of it can still be lost."""

from dataclasses import replace

import pytest

from engine.core.decide import decide
from engine.core.decision import Blocker, BlockerKind, DecisionKind, Rule
from engine.core.events import Actor, Freeze, Verb
from engine.core.gate import GateStatus
from engine.core.measure import MissingReason
from engine.core.model import Arm
from engine.core.plan import Policy, Stage
from engine.core.proposal import Abandon, Climb, Finish, Wait
from engine.core.run import Phase
from engine.core.target import ALL_TO_CONTROL, ALL_TO_TREATMENT, Health, TargetGone, Weights
from engine.core.verdict import VerdictKind
from tests.builders import (
    NOW_S,
    a_finding,
    a_gate,
    a_run,
    a_verdict,
    an_experiment,
    an_order,
    healthy,
    missing,
    some_facts,
    staged,
)
from tests.core.situations import BLOCKED, HARM, blocked_since

PREVIEW = a_run(step=0, weights=ALL_TO_CONTROL)
SETTLING = a_run(step=1, weights=ALL_TO_TREATMENT)
SWITCH = Climb(step=1, weights=ALL_TO_TREATMENT, reason="300 of 300 probes answered")
SETTLED = Finish(reason="held 10 min", settled=True)
GIVEN_UP = Abandon(reason="12 of 300 probes failed")
ILL = Health(ready=False, ready_since_s=None)


def previewing(**changes):
    verdict = a_verdict(stage=Stage.PREVIEW, kind=changes.pop("kind", VerdictKind.UNDECIDED))
    return some_facts(**{"target": healthy(ALL_TO_CONTROL), "verdict": verdict, **changes})


def settling(**changes):
    finding = a_finding(metric="errors@settle", stage=Stage.SETTLE)
    verdict = a_verdict(
        stage=Stage.SETTLE, kind=changes.pop("kind", VerdictKind.UNDECIDED), findings=(finding,)
    )
    settings = {"target": healthy(ALL_TO_TREATMENT), "verdict": verdict, "proposal": SETTLED, **changes}
    return some_facts(**settings)


def test_the_switch_takes_evidence():
    kinds = [
        decide(staged(), PREVIEW, previewing(kind=kind, proposal=SWITCH)).kind
        for kind in (VerdictKind.NOT_WORSE, VerdictKind.UNDECIDED)
    ]
    assert kinds == [DecisionKind.SHIFT, DecisionKind.HOLD]


def test_the_switch_is_by_evidence():
    decision = decide(staged(), PREVIEW, previewing(kind=VerdictKind.NOT_WORSE, proposal=SWITCH))
    assert (decision.rule, decision.weights, decision.step) == (Rule.EVIDENCE, ALL_TO_TREATMENT, 1)


def test_probes_are_no_evidence_for_the_switch_once_a_split_is_on():
    bridge = a_run(step=1, weights=Weights.of(10))
    switch = replace(SWITCH, step=2)
    stale = previewing(kind=VerdictKind.NOT_WORSE, target=healthy(Weights.of(10)), proposal=switch)
    assert decide(staged(bridge=True), bridge, stale).kind is DecisionKind.HOLD
    fresh = replace(stale, verdict=a_verdict(kind=VerdictKind.NOT_WORSE))
    assert decide(staged(bridge=True), bridge, fresh).kind is DecisionKind.SHIFT


def test_probes_alone_promote_nothing():
    facts = previewing(kind=VerdictKind.NOT_WORSE, proposal=Finish(reason="x", settled=True))
    assert decide(staged(), PREVIEW, facts).kind is DecisionKind.HOLD


def test_the_switch_may_need_approval():
    plan = staged().plan
    steps = (replace(plan.steps[0], approve=True), plan.steps[1])
    experiment = staged(plan=replace(plan, steps=steps))
    facts = previewing(kind=VerdictKind.NOT_WORSE, proposal=SWITCH)
    waits = decide(experiment, PREVIEW, facts)
    assert [blocker.kind for blocker in waits.blockers] == [BlockerKind.AWAITING_APPROVAL]
    assert decide(experiment, replace(PREVIEW, approved=(0,)), facts).kind is DecisionKind.SHIFT


def test_a_failed_preview_ends_the_run_before_any_traffic():
    decision = decide(staged(), PREVIEW, previewing(proposal=GIVEN_UP))
    assert (decision.kind, decision.rule, decision.reason) == (
        DecisionKind.ROLLBACK,
        Rule.PREVIEW_FAILED,
        "Roll back before any traffic: 12 of 300 probes failed.",
    )


def test_a_strategy_may_give_up_with_traffic_too_and_nothing_blocks_it():
    facts = settling(proposal=GIVEN_UP, target=TargetGone(detail="refused"))
    decision = decide(staged(), SETTLING, facts)
    assert (decision.weights, decision.reason) == (ALL_TO_CONTROL, "Roll back: 12 of 300 probes failed.")


def test_a_treatment_that_does_not_get_ready_for_its_preview_ends_the_run():
    run = replace(PREVIEW, blockers=blocked_since(BlockerKind.TREATMENT_NOT_READY, 120))
    facts = previewing(target=replace(healthy(ALL_TO_CONTROL), treatment=ILL))
    assert decide(staged(), run, facts).rule is Rule.TREATMENT_UNHEALTHY


def test_series_that_begin_with_traffic_are_not_missed_in_the_preview():
    gone = missing(MissingReason.NO_SERIES, Arm.TREATMENT)
    verdict = a_verdict(stage=Stage.PREVIEW, kind=VerdictKind.NOT_WORSE, findings=(a_finding(missing=gone),))
    decision = decide(
        an_experiment(plan=staged().plan), PREVIEW, previewing(verdict=verdict, proposal=SWITCH)
    )
    assert decision.kind is DecisionKind.SHIFT


@pytest.mark.parametrize(
    ("run", "facts"),
    [
        (PREVIEW, previewing(target=TargetGone(detail="x"))),
        (SETTLING, settling(target=TargetGone(detail="x"))),
    ],
    ids=["preview", "settle"],
)
def test_patience_runs_in_every_stage(run, facts):
    blind = replace(run, blockers=blocked_since(BlockerKind.TARGET_GONE, 600))
    decision = decide(staged(), blind, facts)
    assert (decision.rule, decision.weights) == (Rule.BLIND_TOO_LONG, ALL_TO_CONTROL)


def test_a_person_may_promote_during_the_preview_unless_the_treatment_is_not_ready():
    order = an_order(Verb.PROMOTE)
    promoted = decide(staged(), PREVIEW, previewing(order=order))
    sick = replace(healthy(ALL_TO_CONTROL), treatment=ILL)
    refused = decide(staged(), PREVIEW, previewing(order=order, target=sick))
    assert (promoted.rule, promoted.weights, refused.kind) == (
        Rule.PROMOTED,
        ALL_TO_TREATMENT,
        DecisionKind.HOLD,
    )


# -- settling ----------------------------------------------------------------------------------------------


def test_a_settled_treatment_is_promoted():
    decision = decide(staged(), SETTLING, settling())
    assert (decision.kind, decision.rule, decision.weights) == (
        DecisionKind.PROMOTE,
        Rule.SETTLED,
        ALL_TO_TREATMENT,
    )
    assert decision.reason == (
        "Promoted (settled): held 10 min. errors after the switch: 0.1 % bad against 0.1 % "
        "(0 pp, likely 0.5× to 2×); tolerated is 1.05×."
    )


@pytest.mark.parametrize(
    ("run", "facts"),
    [
        (SETTLING, settling(kind=VerdictKind.NO_DATA)),
        (SETTLING, settling(verdict=a_verdict(stage=Stage.PREVIEW, kind=VerdictKind.NOT_WORSE))),
        (a_run(step=1, weights=Weights.of(99)), settling(target=healthy(Weights.of(99)))),
        (a_run(step=0, weights=ALL_TO_TREATMENT), settling()),
    ],
    ids=["blind", "not yet watched", "not all traffic", "another stage"],
)
def test_what_was_not_watched_with_all_traffic_is_not_settled(run, facts):
    assert decide(staged(), run, facts).kind is DecisionKind.HOLD


def test_neither_a_release_window_nor_a_freeze_is_in_the_way_of_settling():
    windows = BLOCKED["outside the window"][0]["windows"]
    freeze = Freeze(reason="sale", actor=Actor(user="ada"), since_s=0.0)
    assert decide(staged(windows=windows), SETTLING, settling(freeze=freeze)).rule is Rule.SETTLED


def test_an_old_colour_that_is_ill_is_shown_and_not_in_the_way_of_settling():
    target = replace(healthy(ALL_TO_TREATMENT), control=ILL)
    decision = decide(staged(), SETTLING, settling(target=target))
    assert decision.rule is Rule.SETTLED
    assert [blocker.kind for blocker in decision.blockers] == [BlockerKind.CONTROL_UNHEALTHY]


@pytest.mark.parametrize(
    ("changes", "run"),
    [
        ({"gate": a_gate(GateStatus.UNKNOWN)}, {}),
        ({"target": healthy(Weights.of(50))}, {}),
        ({"trouble": missing(MissingReason.SOURCE_DOWN)}, {}),
        ({"kind": VerdictKind.UNTRUSTWORTHY}, {}),
        ({}, {"phase": Phase.PAUSED}),
    ],
    ids=["gate unknown", "foreign writer", "blind", "untrustworthy", "paused"],
)
def test_what_forbids_trust_forbids_settling(changes, run):
    decision = decide(staged(), replace(SETTLING, **run), settling(**changes))
    assert (decision.kind, decision.rule) == (DecisionKind.HOLD, Rule.BLOCKED)


def test_control_that_is_not_measured_blinds_the_comparison_with_before():
    gone = missing(MissingReason.STALE, Arm.CONTROL)
    finding = a_finding(metric="errors@settle", stage=Stage.SETTLE, missing=gone)
    verdict = a_verdict(stage=Stage.SETTLE, findings=(finding,))
    decision = decide(staged(), SETTLING, settling(verdict=verdict))
    assert [blocker.kind for blocker in decision.blockers] == [BlockerKind.NO_DATA]


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"gate": a_gate(GateStatus.CLOSED)}, Rule.GATE_CLOSED),
        ({"order": an_order(Verb.ROLLBACK)}, Rule.ROLLED_BACK),
        ({"order": an_order(Verb.STOP)}, Rule.STOPPED),
        ({"verdict": replace(HARM, culprit="errors@settle", stage=Stage.SETTLE, findings=())}, Rule.HARM),
    ],
)
def test_all_traffic_can_still_be_lost(changes, rule):
    if "verdict" in changes:
        finding = a_finding(metric="errors@settle", stage=Stage.SETTLE)
        changes = {"verdict": replace(changes["verdict"], findings=(finding,))}
    decision = decide(staged(), SETTLING, settling(**changes))
    assert (decision.rule, decision.weights) == (rule, ALL_TO_CONTROL)


def test_the_horizon_takes_all_traffic_back_from_what_has_not_settled():
    decision = decide(staged(horizon_s=10), SETTLING, settling())
    assert (decision.rule, decision.weights) == (Rule.HORIZON, ALL_TO_CONTROL)


def test_no_policy_sends_all_traffic_to_an_old_colour_that_is_ill():
    target = replace(healthy(ALL_TO_TREATMENT), control=ILL)
    blockers = (Blocker(kind=BlockerKind.NO_DATA, detail="x", since_s=NOW_S - 700),)
    facts = settling(target=target, trouble=missing(MissingReason.SOURCE_DOWN))
    for experiment in (staged(horizon_s=10), staged(on_blind=Policy.ROLLBACK)):
        decision = decide(experiment, replace(SETTLING, blockers=blockers), facts)
        assert decision.kind is DecisionKind.HOLD
        assert "A person must promote or roll back" in decision.reason


@pytest.mark.parametrize(
    ("climb", "why"),
    [
        (Climb(step=5, weights=Weights.of(20), reason="x"), "the strategy asks for step 6 of a plan with 2"),
        (Climb(step=-1, weights=Weights.of(20), reason="x"), "the strategy asks for step 0 of a plan with 2"),
        (
            Climb(step=0, weights=ALL_TO_CONTROL, reason="x"),
            "the strategy asks for a step without traffic, which only a rollback has",
        ),
        (
            Climb(step=1, weights=ALL_TO_TREATMENT, reason="x"),
            "the strategy asks for 0/100, which is there already",
        ),
    ],
)
def test_what_cannot_be_is_not_done_and_says_why(climb, why):
    decision = decide(staged(), SETTLING, settling(proposal=climb))
    assert (decision.kind, decision.reason) == (DecisionKind.HOLD, why)


def test_under_stickiness_the_switch_is_the_end_and_may_be_made():
    bridge = a_run(step=1, weights=Weights.of(10))
    facts = some_facts(
        target=healthy(Weights.of(10)),
        verdict=a_verdict(kind=VerdictKind.NOT_WORSE),
        proposal=replace(SWITCH, step=2),
    )
    assert decide(staged(bridge=True, sticky=True), bridge, facts).weights == ALL_TO_TREATMENT


def test_waiting_while_settling_is_waiting():
    assert decide(staged(), SETTLING, settling(proposal=Wait(reason="held 1 of 10 min"))).weights is None
