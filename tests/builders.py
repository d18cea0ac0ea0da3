"""Small values for tests, each with sensible defaults that a test overrides where it matters."""

from dataclasses import replace
from typing import Any

from engine.core.events import Actor, Command, Verb
from engine.core.facts import Facts
from engine.core.gate import GateState, GateStatus
from engine.core.measure import Missing, MissingReason
from engine.core.model import (
    Arm,
    Bound,
    Experiment,
    GateChoice,
    Metric,
    MetricKind,
    Mode,
    PluginChoice,
    Role,
    Selector,
    Unit,
)
from engine.core.plan import Plan, Policy, Probes, Stage, Step
from engine.core.proposal import Wait
from engine.core.run import Phase, Run
from engine.core.target import Health, TargetState, Weights
from engine.core.verdict import ArmSummary, ArmVerdict, Effect, Finding, Verdict, VerdictKind

NOW_S = 1_700_000_000.0
LABELS = {Arm.CONTROL: {"version": "v1"}, Arm.TREATMENT: {"version": "v2"}}


def a_metric(**changes: Any) -> Metric:
    metric = Metric(
        name="errors",
        kind=MetricKind.PROPORTION,
        role=Role.GUARDRAIL,
        unit=Unit.REQUEST,
        arm_labels=LABELS,
        tolerance=Bound(relative=0.05),
        margin=Bound(relative=0.5, absolute=0.001),
        weight=1.0,
        bad=Selector(name="errors_total"),
        total=Selector(name="requests_total"),
        dispersion=1.0,
    )
    return replace(metric, **changes)


def an_experiment(**changes: Any) -> Experiment:
    experiment = Experiment(
        name="checkout-v2",
        control="v1",
        treatment="v2",
        target=PluginChoice(name="fake", options={}),
        source=PluginChoice(name="fake", options={}),
        gate=GateChoice(flag="checkout-v2", provider="memory", options={}),
        plan=Plan(
            strategy="canary",
            steps=tuple(Step(weight_pct=pct, hold_s=60, floor=100) for pct in (5, 20, 50)),
        ),
        metrics=(a_metric(),),
        mode=Mode.ACT,
        interval_s=15,
        warm_up_s=60,
        horizon_s=86_400,
        patience_s=600,
        progress_deadline_s=120,
        alpha_rollback=0.01,
        alpha_promote=0.05,
        on_blind=Policy.ROLLBACK,
        on_untrustworthy=Policy.ROLLBACK,
        on_undecided=Policy.ROLLBACK,
    )
    return replace(experiment, **changes)


def two_treatments(**changes: Any) -> Experiment:
    """An A/B test of v2 and v3 against v1, a quarter of the traffic each."""
    settings = {
        "more_treatments": ("v3",),
        "plan": Plan(
            strategy="ab",
            steps=(Step(weight_pct=50, hold_s=60, floor=100, shares=(25, 25)),),
            needs_better=True,
            on_trouble=Policy.HOLD,
        ),
        "metrics": tuple(
            a_metric(
                name=f"errors@{variant}",
                measure="errors",
                treatment_index=index,
                weight=0.5,
                arm_labels={Arm.CONTROL: {"version": "v1"}, Arm.TREATMENT: {"version": variant}},
            )
            for index, variant in enumerate(("v2", "v3"))
        ),
        **changes,
    }
    return an_experiment(**settings)


PROBES = Probes(
    path="/health", rate_per_s=10.0, count=60, time_limit_s=300.0, timeout_s=1.0, error_limit=0.05
)


def staged(*, bridge: bool = False, **changes: Any) -> Experiment:
    """A blue/green release: probes, with a bridge a split, and then all traffic on watch."""
    split = (Step(weight_pct=10, hold_s=60, floor=100),) if bridge else ()
    metrics = [
        a_metric(
            name="errors@preview",
            measure="errors",
            kind=MetricKind.THRESHOLD,
            limit=PROBES.error_limit,
            stage=Stage.PREVIEW,
            bad=None,
            total=None,
        ),
        a_metric(name="errors@settle", measure="errors", stage=Stage.SETTLE),
    ]
    metrics += [a_metric()] if bridge else []
    settings = {
        "plan": Plan(
            strategy="blue_green",
            probes=PROBES,
            steps=(
                Step(weight_pct=0, hold_s=0, floor=1, stage=Stage.PREVIEW),
                *split,
                Step(weight_pct=100, hold_s=60, floor=100, stage=Stage.SETTLE),
            ),
        ),
        "metrics": tuple(replace(metric, weight=1 / len(metrics)) for metric in metrics),
        "preview_url": "http://127.0.0.1:9/",
        **changes,
    }
    return an_experiment(**settings)


def a_run(**changes: Any) -> Run:
    run = Run(
        id="checkout-v2-1",
        name="checkout-v2",
        target_key="fake/checkout",
        mode=Mode.ACT,
        phase=Phase.RUNNING,
        seq=1,
        launched_s=NOW_S - 1000,
        step=0,
        weights=Weights.of(5),
        step_since_s=NOW_S - 500,
        windows_done=60,
        last_event_s=NOW_S - 5,
    )
    return replace(run, **changes)


def a_finding(**changes: Any) -> Finding:
    arm = ArmSummary(bad=1, total=1000, step_bad=1, step_total=500)
    finding = Finding(
        metric="errors",
        kind=MetricKind.PROPORTION,
        role=Role.GUARDRAIL,
        unit=Unit.REQUEST,
        verdict=VerdictKind.UNDECIDED,
        weight=1.0,
        control=arm,
        treatment=arm,
        effect=Effect(measure="risk ratio", estimate=1.0, low=0.5, high=2.0, alpha=0.05),
        difference=0.0,
        log_e_harm=0.0,
        log_e_harm_max=0.0,
        log_e_promote=0.0,
        inside_margin_at_step=True,
        method="conditional e-process",
        assumptions=(),
        calibrated=False,
        dispersion=None,
        windows=10,
        missing_windows=0,
        missing=None,
        distrust="",
    )
    return replace(finding, **changes)


def a_verdict(**changes: Any) -> Verdict:
    verdict = Verdict(
        kind=VerdictKind.UNDECIDED,
        findings=(a_finding(),),
        log_e_harm=0.0,
        harm_latched=False,
        culprit="",
        alpha_rollback=0.01,
        alpha_promote=0.05,
        windows=10,
        windows_read=10,
        data_until_s=NOW_S - 10,
    )
    return replace(verdict, **changes)


def an_arm(**changes: Any) -> ArmVerdict:
    arm = ArmVerdict(
        treatment="v2", kind=VerdictKind.UNDECIDED, harm_latched=False, log_e_harm=0.0, culprit=""
    )
    return replace(arm, **changes)


def healthy(weights: Weights = Weights.of(5)) -> TargetState:  # noqa: B008 (frozen value)
    ready = Health(ready=True, ready_since_s=NOW_S - 5000)
    return TargetState(weights=weights, control=ready, treatment=ready, version="1")


def both_healthy(weights: Weights = Weights.of(25, 25)) -> TargetState:  # noqa: B008 (frozen value)
    return replace(healthy(weights), more=(Health(ready=True, ready_since_s=NOW_S - 5000),))


def a_gate(status: GateStatus = GateStatus.OPEN) -> GateState:
    return GateState(status=status, flag="checkout-v2", provider="memory", reason="STATIC")


def some_facts(**changes: Any) -> Facts:
    facts = Facts(
        now_s=NOW_S,
        gate=a_gate(),
        target=healthy(),
        verdict=a_verdict(),
        trouble=None,
        proposal=Wait(reason="not yet"),
    )
    return replace(facts, **changes)


def an_order(verb: Verb, **changes: Any) -> Command:
    command = Command(
        id=7,
        run_id="checkout-v2-1",
        verb=verb,
        actor=Actor(user="ada", host="desk"),
        reason="because",
        source="cli",
        at_s=NOW_S,
    )
    return replace(command, **changes)


def missing(reason: MissingReason = MissingReason.NO_SERIES, arm: Arm | None = None) -> Missing:
    return Missing(reason=reason, detail="q", arm=arm)
