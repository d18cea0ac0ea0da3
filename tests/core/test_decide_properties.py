"""What holds for every run, every finding and every strategy."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from engine.core.decide import decide
from engine.core.decision import Blocker, BlockerKind, DecisionKind, Rule
from engine.core.events import Actor, Freeze, Verb
from engine.core.gate import GateStatus
from engine.core.measure import MissingReason
from engine.core.model import Arm, Mode
from engine.core.plan import Policy
from engine.core.proposal import Wait
from engine.core.run import Phase
from engine.core.target import ALL_TO_CONTROL, TargetGone, Weights
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
    sick,
)

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
