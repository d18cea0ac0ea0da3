"""The decision rules, in their order: taking traffic away first, giving it last."""

from dataclasses import replace
from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.decide import decide
from engine.core.decision import Blocker, BlockerKind, DecisionKind, Rule
from engine.core.events import Actor, Freeze, Verb
from engine.core.gate import GateStatus
from engine.core.measure import MissingReason
from engine.core.model import Arm, Mode, Policy, ReleaseWindow, Step
from engine.core.proposal import Climb, Finish, Wait
from engine.core.run import Act, Phase
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
)

FINISH = Finish(reason="all shown")
CLIMB = Climb(step=1, weights=Weights.of(20), reason="floors met")
HARM = a_verdict(kind=VerdictKind.HARMFUL, harm_latched=True, culprit="errors")


def blocked_since(kind: BlockerKind, age_s: float) -> tuple[Blocker, ...]:
    return (Blocker(kind=kind, detail="earlier", since_s=NOW_S - age_s),)


def sick(arm: str) -> object:
    return replace(healthy(), **{arm: Health(ready=False, ready_since_s=None, detail="crash loop")})


def blind(arm: Arm | None = None, reason: MissingReason = MissingReason.STALE) -> object:
    finding = a_finding(missing=missing(reason, arm), verdict=VerdictKind.NO_DATA)
    return a_verdict(kind=VerdictKind.NO_DATA, findings=(finding,))


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


BLOCKED = {
    "gate unknown": ({}, {"gate": a_gate(GateStatus.UNKNOWN)}, {}, BlockerKind.GATE_UNKNOWN),
    "paused": ({}, {}, {"phase": Phase.PAUSED}, BlockerKind.PAUSED),
    "awaiting approval": (
        {
            "plan": replace(
                an_experiment().plan, steps=(Step(weight_pct=5, hold_s=1, floor=1, approve=True),) * 2
            )
        },
        {},
        {},
        BlockerKind.AWAITING_APPROVAL,
    ),
    "outside the window": (
        {"windows": (ReleaseWindow(days=(6,), start=time(1), end=time(2), time_zone="UTC"),)},
        {},
        {},
        BlockerKind.OUTSIDE_RELEASE_WINDOW,
    ),
    "freeze": (
        {},
        {"freeze": Freeze(reason="sale", actor=Actor(user="ada"), since_s=0.0)},
        {},
        BlockerKind.FREEZE,
    ),
    "foreign writer": ({}, {"target": healthy(Weights.of(33))}, {}, BlockerKind.FOREIGN_WRITER),
    "target gone": ({}, {"target": TargetGone(detail="refused")}, {}, BlockerKind.TARGET_GONE),
    "control unhealthy": ({}, {"target": sick("control")}, {}, BlockerKind.CONTROL_UNHEALTHY),
    "treatment not ready": ({}, {"target": sick("treatment")}, {}, BlockerKind.TREATMENT_NOT_READY),
    "warm-up": ({"warm_up_s": 9999.0}, {}, {}, BlockerKind.WARM_UP),
    "no data": ({}, {"verdict": blind()}, {}, BlockerKind.NO_DATA),
    "source down": ({}, {"trouble": missing(MissingReason.SOURCE_DOWN)}, {}, BlockerKind.NO_DATA),
    "untrustworthy": (
        {},
        {"verdict": a_verdict(kind=VerdictKind.UNTRUSTWORTHY)},
        {},
        BlockerKind.UNTRUSTWORTHY,
    ),
    "clock": ({}, {}, {"last_event_s": NOW_S + 60}, BlockerKind.CLOCK),
}


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


def pending(kind: DecisionKind, rule: Rule, weights: Weights) -> Act:
    return Act(number=3, kind=kind, rule=rule, weights=weights, step=1, found=Weights.of(5), version="1")


def test_an_act_without_a_result_is_done_before_anything_new():
    act = pending(DecisionKind.SHIFT, Rule.FLOORS_MET, Weights.of(20))
    decision = decide(an_experiment(), a_run(pending=act), some_facts(proposal=FINISH))
    assert (decision.kind, decision.weights, decision.step) == (DecisionKind.SHIFT, Weights.of(20), 1)


def test_a_shift_without_a_result_waits_for_blockers():
    act = pending(DecisionKind.SHIFT, Rule.FLOORS_MET, Weights.of(20))
    facts = some_facts(gate=a_gate(GateStatus.UNKNOWN))
    assert decide(an_experiment(), a_run(pending=act), facts).kind is DecisionKind.HOLD


def test_a_shift_without_a_result_gives_way_to_harm():
    act = pending(DecisionKind.SHIFT, Rule.FLOORS_MET, Weights.of(20))
    assert decide(an_experiment(), a_run(pending=act), some_facts(verdict=HARM)).rule is Rule.HARM


def test_a_promotion_without_a_result_is_repeated_only_while_the_evidence_holds():
    act = pending(DecisionKind.PROMOTE, Rule.EVIDENCE, ALL_TO_TREATMENT)
    again = decide(an_experiment(), a_run(pending=act), some_facts(proposal=FINISH))
    no_more = decide(an_experiment(), a_run(pending=act), some_facts(proposal=Wait(reason="not yet")))
    assert (again.kind, no_more.kind) == (DecisionKind.PROMOTE, DecisionKind.HOLD)


def test_a_persons_promotion_without_a_result_is_held_by_a_pause():
    act = pending(DecisionKind.PROMOTE, Rule.PROMOTED, ALL_TO_TREATMENT)
    run = a_run(pending=act, phase=Phase.PAUSED)
    assert decide(an_experiment(), run, some_facts(proposal=FINISH)).kind is DecisionKind.HOLD


@pytest.mark.parametrize(
    ("experiment", "kinds"),
    [
        (
            an_experiment(on_undecided=Policy.HOLD, horizon_s=1000),
            (BlockerKind.NO_DATA,),
        ),
        (
            an_experiment(on_blind=Policy.HOLD),
            (BlockerKind.NO_DATA, BlockerKind.UNTRUSTWORTHY),
        ),
    ],
    ids=["horizon over blind", "blind over distrust"],
)
def test_a_policy_that_holds_hides_none_that_rolls_back(experiment, kinds):
    blockers = tuple(Blocker(kind=kind, detail="x", since_s=NOW_S - 700) for kind in kinds)
    verdict = a_verdict(kind=VerdictKind.UNTRUSTWORTHY) if len(kinds) > 1 else a_verdict()
    facts = some_facts(trouble=missing(MissingReason.SOURCE_DOWN), verdict=verdict)
    assert decide(experiment, a_run(blockers=blockers), facts).kind is DecisionKind.ROLLBACK


def test_unread_windows_are_no_data():
    decision = decide(an_experiment(), a_run(), some_facts(unread=7, proposal=FINISH))
    assert (decision.kind, decision.reason) == (
        DecisionKind.HOLD,
        "Holding at 5 %: catching up: 7 windows are still to be read",
    )


def test_a_rollback_without_a_result_is_tried_until_it_has_one():
    act = pending(DecisionKind.ROLLBACK, Rule.ROLLED_BACK, ALL_TO_CONTROL)
    decision = decide(an_experiment(), a_run(pending=act), some_facts(target=TargetGone(detail="refused")))
    assert (decision.kind, decision.rule) == (DecisionKind.ROLLBACK, Rule.ROLLED_BACK)


def test_a_persons_promotion_without_a_result_is_not_held_up_by_missing_data():
    act = pending(DecisionKind.PROMOTE, Rule.PROMOTED, ALL_TO_TREATMENT)
    decision = decide(an_experiment(), a_run(pending=act), some_facts(verdict=blind()))
    assert decision.rule is Rule.PROMOTED


# -- properties ------------------------------------------------------------------------------------------

VERDICTS = st.builds(
    a_verdict,
    kind=st.sampled_from(VerdictKind),
    harm_latched=st.booleans(),
    windows_read=st.integers(0, 3),
    findings=st.tuples(
        st.builds(
            a_finding,
            missing=st.none()
            | st.builds(missing, st.sampled_from(MissingReason), st.sampled_from([None, *Arm])),
        )
    ),
)
TARGETS = st.one_of(
    st.builds(healthy, st.integers(0, 100).map(Weights.of)),
    st.sampled_from([TargetGone(detail="refused"), sick("control"), sick("treatment")]),
)
FACTS = st.builds(
    some_facts,
    verdict=VERDICTS,
    target=TARGETS,
    gate=st.sampled_from(GateStatus).map(a_gate),
    proposal=st.sampled_from([CLIMB, FINISH, Wait(reason="x")]),
    order=st.none() | st.sampled_from([Verb.STOP, Verb.ROLLBACK, Verb.PROMOTE, Verb.PAUSE]).map(an_order),
    trouble=st.none() | st.builds(missing, st.sampled_from(MissingReason)),
    freeze=st.none() | st.just(Freeze(reason="sale", actor=Actor(user="ada"), since_s=0.0)),
)
RUNS = st.builds(
    a_run,
    step=st.integers(-1, 2),
    phase=st.sampled_from([Phase.RUNNING, Phase.PAUSED]),
    weights=st.integers(0, 99).map(Weights.of),
    blockers=st.lists(
        st.builds(
            Blocker,
            kind=st.sampled_from(BlockerKind),
            detail=st.just("x"),
            since_s=st.floats(NOW_S - 9999, NOW_S),
        ),
        max_size=4,
    ).map(tuple),
)
EXPERIMENTS = st.builds(
    an_experiment,
    on_blind=st.sampled_from(Policy),
    on_untrustworthy=st.sampled_from(Policy),
    on_undecided=st.sampled_from(Policy),
    horizon_s=st.sampled_from([10.0, 86_400.0]),
    mode=st.sampled_from(Mode),
)


@given(EXPERIMENTS, RUNS, FACTS)
def test_without_usable_evidence_nothing_is_promoted_by_the_engine(experiment, run, facts):
    decision = decide(experiment, run, facts)
    unusable = facts.trouble is not None or facts.verdict.kind is VerdictKind.UNTRUSTWORTHY
    if unusable and decision.kind in {DecisionKind.PROMOTE, DecisionKind.SHIFT}:
        assert decision.rule is Rule.PROMOTED
        assert facts.order is not None
        assert facts.order.verb is Verb.PROMOTE


@given(EXPERIMENTS, RUNS, FACTS)
def test_harm_always_takes_all_traffic_away(experiment, run, facts):
    decision = decide(experiment, run, replace(facts, verdict=replace(facts.verdict, harm_latched=True)))
    assert decision.weights == ALL_TO_CONTROL


@given(EXPERIMENTS, RUNS, FACTS)
def test_every_decision_has_a_reason_and_the_same_facts_give_the_same_decision(experiment, run, facts):
    decision = decide(experiment, run, facts)
    assert decision.reason
    assert decision == decide(experiment, run, facts)


@given(EXPERIMENTS, RUNS, FACTS)
def test_a_closed_gate_always_takes_all_traffic_away(experiment, run, facts):
    decision = decide(experiment, run, replace(facts, gate=a_gate(GateStatus.CLOSED)))
    assert decision.weights == ALL_TO_CONTROL
