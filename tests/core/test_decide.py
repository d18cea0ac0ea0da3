"""The decision rules, in their order: taking traffic away first, giving it last."""

from dataclasses import replace

import pytest

from engine.core.decide import decide
from engine.core.decision import BlockerKind, DecisionKind, Rule
from engine.core.events import Verb
from engine.core.gate import GateStatus
from engine.core.measure import MissingReason
from engine.core.model import Arm, Mode
from engine.core.plan import Policy
from engine.core.proposal import Wait
from engine.core.target import ALL_TO_CONTROL, ALL_TO_TREATMENT, Health, Weights
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
)
from tests.core.situations import (
    CLIMB,
    FINISH,
    HARM,
    blind,
    blocked_since,
    sick,
)


def test_closed_gate_stops_even_when_everything_is_fine():
    decision = decide(an_experiment(), a_run(), some_facts(gate=a_gate(GateStatus.CLOSED), proposal=FINISH))
    assert (decision.kind, decision.rule, decision.weights) == (
        DecisionKind.STOP,
        Rule.GATE_CLOSED,
        ALL_TO_CONTROL,
    )


@pytest.mark.parametrize(
    ("verb", "kind", "rule"),
    [
        (Verb.STOP, DecisionKind.STOP, Rule.STOPPED),
        (Verb.ROLLBACK, DecisionKind.ROLLBACK, Rule.ROLLED_BACK),
        (Verb.PROMOTE, DecisionKind.PROMOTE, Rule.PROMOTED),
    ],
)
def test_a_persons_order_is_carried_out_in_that_persons_name(verb, kind, rule):
    decision = decide(an_experiment(), a_run(), some_facts(order=an_order(verb)))
    assert (decision.kind, decision.rule, decision.actor) == (kind, rule, "ada@desk")


def test_harm_beats_promotion_in_one_tick():
    decision = decide(an_experiment(), a_run(), some_facts(verdict=HARM, proposal=FINISH))
    assert (decision.kind, decision.rule) == (DecisionKind.ROLLBACK, Rule.HARM)


def test_harm_beats_a_persons_promotion():
    decision = decide(an_experiment(), a_run(), some_facts(verdict=HARM, order=an_order(Verb.PROMOTE)))
    assert decision.rule is Rule.HARM


def test_harm_without_a_culprit_still_has_a_sentence():
    decision = decide(an_experiment(), a_run(), some_facts(verdict=replace(HARM, culprit="")))
    assert decision.reason == "Roll back: v2 is worse than v1."


@pytest.mark.parametrize(("age_s", "rule"), [(119, Rule.BLOCKED), (120, Rule.TREATMENT_UNHEALTHY)])
def test_an_unready_treatment_is_rolled_back_after_the_progress_deadline(age_s, rule):
    run = a_run(blockers=blocked_since(BlockerKind.TREATMENT_NOT_READY, age_s))
    assert decide(an_experiment(), run, some_facts(target=sick("treatment"))).rule is rule


def test_an_unready_control_is_a_blocker_and_never_a_rollback():
    run = a_run(blockers=blocked_since(BlockerKind.TREATMENT_NOT_READY, 9999))
    both = replace(sick("treatment"), control=Health(ready=False, ready_since_s=None))
    decision = decide(an_experiment(), run, some_facts(target=both))
    assert decision.kind is DecisionKind.HOLD
    assert BlockerKind.CONTROL_UNHEALTHY in {blocker.kind for blocker in decision.blockers}


def test_traffic_into_a_treatment_without_series_is_rolled_back_after_the_deadline():
    run = a_run(blockers=blocked_since(BlockerKind.TREATMENT_NOT_READY, 120))
    decision = decide(an_experiment(), run, some_facts(verdict=blind(Arm.TREATMENT)))
    assert decision.rule is Rule.TREATMENT_UNHEALTHY


def test_a_treatment_without_traffic_needs_no_series():
    run = a_run(step=-1, weights=ALL_TO_CONTROL)
    facts = some_facts(target=healthy(ALL_TO_CONTROL), verdict=blind(Arm.TREATMENT), proposal=CLIMB)
    assert decide(an_experiment(), run, facts).kind is DecisionKind.SHIFT


def test_control_without_data_blocks_the_first_step():
    run = a_run(step=-1, weights=ALL_TO_CONTROL)
    facts = some_facts(target=healthy(ALL_TO_CONTROL), verdict=blind(Arm.CONTROL), proposal=CLIMB)
    assert decide(an_experiment(), run, facts).rule is Rule.BLOCKED


def test_nothing_read_yet_blocks_the_first_step():
    run = a_run(step=-1, weights=ALL_TO_CONTROL)
    verdict = a_verdict(windows=0, windows_read=0)
    facts = some_facts(target=healthy(ALL_TO_CONTROL), verdict=verdict, proposal=CLIMB)
    assert decide(an_experiment(), run, facts).rule is Rule.BLOCKED


@pytest.mark.parametrize(
    ("policy", "kind"), [(Policy.ROLLBACK, DecisionKind.ROLLBACK), (Policy.HOLD, DecisionKind.HOLD)]
)
def test_the_horizon_follows_the_declared_policy(policy, kind):
    experiment = an_experiment(on_undecided=policy, horizon_s=1000)
    decision = decide(experiment, a_run(), some_facts(proposal=FINISH))
    assert (decision.kind, decision.rule) == (kind, Rule.HORIZON)


def test_a_person_may_promote_a_run_that_holds_at_its_horizon():
    experiment = an_experiment(on_undecided=Policy.HOLD, horizon_s=1000)
    assert decide(experiment, a_run(), some_facts(order=an_order(Verb.PROMOTE))).rule is Rule.PROMOTED


def test_blind_time_is_one_clock_whatever_the_cause():
    run = a_run(blockers=blocked_since(BlockerKind.TARGET_GONE, 600))
    trouble = missing(MissingReason.SOURCE_DOWN)
    decision = decide(an_experiment(), run, some_facts(trouble=trouble))
    assert decision.rule is Rule.BLIND_TOO_LONG


def test_a_blind_spell_that_ended_starts_its_clock_anew():
    run = a_run(blockers=blocked_since(BlockerKind.WARM_UP, 9999))
    decision = decide(an_experiment(), run, some_facts(verdict=blind()))
    assert decision.rule is Rule.BLOCKED
    assert decision.blockers[0].since_s == NOW_S


def test_untrustworthy_past_patience_follows_its_policy():
    run = a_run(blockers=blocked_since(BlockerKind.CLOCK, 600))
    verdict = a_verdict(kind=VerdictKind.UNTRUSTWORTHY, findings=(a_finding(distrust="buckets changed"),))
    experiment = an_experiment(on_untrustworthy=Policy.HOLD)
    decision = decide(experiment, run, some_facts(verdict=verdict))
    assert (decision.kind, decision.rule) == (DecisionKind.HOLD, Rule.UNTRUSTWORTHY_TOO_LONG)


def test_in_observe_mode_traffic_belongs_to_somebody_else():
    experiment = an_experiment(mode=Mode.OBSERVE)
    decision = decide(experiment, a_run(), some_facts(target=healthy(Weights.of(33)), proposal=CLIMB))
    assert decision.kind is DecisionKind.SHIFT


@pytest.mark.parametrize(
    ("proposal", "kind", "weights"),
    [
        (CLIMB, DecisionKind.SHIFT, Weights.of(20)),
        (FINISH, DecisionKind.PROMOTE, ALL_TO_TREATMENT),
        (Wait(reason="not yet"), DecisionKind.HOLD, None),
    ],
)
def test_without_blockers_the_strategy_decides(proposal, kind, weights):
    shown = a_verdict(kind=VerdictKind.NOT_WORSE)
    decision = decide(an_experiment(), a_run(), some_facts(proposal=proposal, verdict=shown))
    assert (decision.kind, decision.weights) == (kind, weights)
