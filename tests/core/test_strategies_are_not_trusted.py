"""Whatever a strategy plugin proposes, and whatever else is true: properties of every decision."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from engine.core.arms import live_arms, stage_of
from engine.core.decide import decide
from engine.core.decision import BlockerKind, DecisionKind, Rule
from engine.core.gate import GateStatus
from engine.core.measure import MissingReason
from engine.core.model import Arm, Experiment
from engine.core.plan import Plan, Stage, Step
from engine.core.proposal import Abandon, Climb, Finish, Wait
from engine.core.run import Phase, Run
from engine.core.taking import DROPS
from engine.core.target import ALL_TO_CONTROL, Health, TargetGone, Weights
from engine.core.verdict import VerdictKind
from tests.builders import (
    NOW_S,
    a_finding,
    a_gate,
    a_metric,
    a_run,
    a_verdict,
    an_arm,
    an_experiment,
    both_healthy,
    missing,
    some_facts,
    two_treatments,
)
from tests.core.test_decide_arms import not_ready

SHARES = st.tuples(*[st.integers(0, 50)] * 2).map(lambda shares: Weights.of(*shares))
EXTREME = st.sampled_from([Weights.of(100), Weights.of(0, 100), Weights.of(50, 50), Weights.of(0)])
MANY = st.tuples(*[st.integers(0, 25)] * 4).map(lambda shares: Weights.of(*shares))
PROPOSALS = st.one_of(
    st.builds(Climb, step=st.integers(-2, 4), weights=SHARES | EXTREME | MANY, reason=st.just("because")),
    st.builds(Finish, reason=st.just("x"), treatment_index=st.integers(-2, 4), settled=st.booleans()),
    st.builds(Abandon, reason=st.just("x")),
    st.builds(Wait, reason=st.just("x")),
)
STEPS = tuple(
    Step(weight_pct=weight_pct, hold_s=0, floor=1, stage=stage)
    for weight_pct, stage in ((0, Stage.PREVIEW), (50, Stage.SPLIT), (100, Stage.SETTLE))
)
EXPERIMENTS = st.one_of(
    st.builds(
        two_treatments,
        sticky=st.booleans(),
        plan=st.builds(Plan, strategy=st.just("x"), steps=st.just(STEPS), needs_better=st.booleans()),
        horizon_s=st.sampled_from([10.0, 86_400.0]),
    ),
    st.builds(an_experiment, plan=st.just(Plan(strategy="x", steps=STEPS)), sticky=st.booleans()),
)
VERDICTS = st.builds(
    a_verdict,
    kind=st.sampled_from(VerdictKind),
    stage=st.sampled_from(Stage),
    arms=st.lists(
        st.sampled_from(VerdictKind).map(
            lambda kind: an_arm(kind=kind, harm_latched=kind is VerdictKind.HARMFUL)
        ),
        max_size=2,
    ).map(tuple),
    findings=st.tuples(
        st.builds(
            a_finding,
            metric=st.just("shared"),
            missing=st.none()
            | st.builds(missing, st.sampled_from(MissingReason), st.sampled_from([None, *Arm])),
        )
    ),
)
ILL = Health(ready=False, ready_since_s=None)
TARGETS = st.one_of(
    (SHARES | EXTREME).map(both_healthy),
    st.sampled_from(
        [
            TargetGone(detail="refused"),
            replace(both_healthy(), treatment=ILL),
            replace(both_healthy(), more=(ILL,)),
            replace(both_healthy(), control=ILL),
        ]
    ),
)
FACTS = st.builds(
    some_facts,
    verdict=VERDICTS,
    target=TARGETS,
    gate=st.sampled_from([GateStatus.OPEN, GateStatus.UNKNOWN]).map(a_gate),
    proposal=PROPOSALS,
    trouble=st.none() | st.builds(missing, st.sampled_from(MissingReason)),
)
RUNS = st.builds(
    a_run,
    step=st.integers(-1, 2),
    phase=st.sampled_from([Phase.RUNNING, Phase.PAUSED]),
    weights=SHARES | EXTREME,
    blockers=st.sampled_from([(), not_ready(NOW_S), not_ready(0, NOW_S)]),
)


def measured(experiment: Experiment) -> Experiment:
    """With the metric that the findings are of."""
    return replace(experiment, metrics=(*experiment.metrics, a_metric(name="shared")))


def is_evidence_for(experiment: Experiment, run: Run, verdict, arm: int) -> bool:
    kind = verdict.kind if len(experiment.treatments) == 1 else verdict.arms[arm].kind
    shown = {VerdictKind.BETTER} | (set() if experiment.plan.needs_better else {VerdictKind.NOT_WORSE})
    return verdict.stage is stage_of(experiment, run.step) and kind in shown


@given(EXPERIMENTS.map(measured), RUNS, FACTS)
def test_no_strategy_promotes_or_switches_without_evidence(experiment, run, facts):
    decision = decide(experiment, run, facts)
    if decision.kind not in {DecisionKind.PROMOTE, DecisionKind.SHIFT} or decision.weights.control > 0:
        return
    assert facts.trouble is None
    assert all(blocker.kind is BlockerKind.CONTROL_UNHEALTHY for blocker in decision.blockers)
    if decision.rule is Rule.SETTLED:
        assert decision.weights == run.weights
        assert facts.verdict.stage is Stage.SETTLE
        return
    arms = [arm for arm, share in enumerate(decision.weights.treatments) if share > 0]
    assert all(is_evidence_for(experiment, run, facts.verdict, arm) for arm in arms)


@given(EXPERIMENTS.map(measured), RUNS, FACTS)
def test_no_strategy_gives_traffic_to_what_lost_it_or_does_harm(experiment, run, facts):
    decision = decide(experiment, run, facts)
    if decision.weights is None:
        return
    gained = {arm for arm, share in enumerate(decision.weights.treatments) if share > run.weights.share(arm)}
    harmed = {arm for arm, verdict in enumerate(facts.verdict.arms) if verdict.harm_latched}
    assert gained <= set(live_arms(experiment, run)) - harmed


@given(EXPERIMENTS.map(measured), RUNS, FACTS)
def test_taking_away_gives_no_treatment_more(experiment, run, facts):
    decision = decide(experiment, run, facts)
    if decision.rule in DROPS and decision.kind is DecisionKind.SHIFT:
        shares = list(enumerate(decision.weights.treatments))
        assert all(share <= run.weights.share(arm) for arm, share in shares)
        assert decision.weights.given < run.weights.given


@given(EXPERIMENTS.map(measured), RUNS, FACTS)
def test_sticky_weights_change_only_to_drop_to_switch_or_to_end(experiment, run, facts):
    decision = decide(replace(experiment, sticky=True), run, facts)
    if decision.kind is DecisionKind.SHIFT and decision.rule not in DROPS and run.weights.given > 0:
        assert decision.weights == run.weights or decision.weights.control == 0


@given(EXPERIMENTS.map(measured), RUNS, FACTS)
def test_a_harmed_treatment_has_lost_its_traffic_after_the_decision(experiment, run, facts):
    decision = decide(experiment, run, facts)
    for arm, verdict in enumerate(facts.verdict.arms[: len(experiment.treatments)]):
        if verdict.harm_latched and run.weights.share(arm) > 0:
            assert decision.weights is not None
            assert decision.weights.share(arm) == 0


@given(EXPERIMENTS.map(measured), RUNS, FACTS)
def test_giving_up_always_ends_the_run(experiment, run, facts):
    decision = decide(experiment, run, replace(facts, proposal=Abandon(reason="x")))
    assert decision.weights == ALL_TO_CONTROL


@given(EXPERIMENTS.map(measured), RUNS, FACTS)
def test_every_step_that_is_gone_to_exists(experiment, run, facts):
    decision = decide(experiment, run, facts)
    assert decision.step is None or decision.step in range(-1, len(experiment.plan.steps))
    assert decision.reason
