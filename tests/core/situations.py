"""Situations of a run that several tests decide on."""

from dataclasses import replace
from datetime import time

from engine.core.decision import Blocker, BlockerKind, DecisionKind, Rule
from engine.core.events import Actor, Freeze
from engine.core.gate import GateStatus
from engine.core.measure import MissingReason
from engine.core.model import Arm, ReleaseWindow
from engine.core.plan import Step
from engine.core.proposal import Climb, Finish
from engine.core.run import Act, Phase
from engine.core.target import Health, TargetGone, Weights
from engine.core.verdict import VerdictKind
from tests.builders import (
    NOW_S,
    a_finding,
    a_gate,
    a_verdict,
    an_experiment,
    healthy,
    missing,
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


def pending(kind: DecisionKind, rule: Rule, weights: Weights) -> Act:
    return Act(number=3, kind=kind, rule=rule, weights=weights, step=1, found=Weights.of(5), version="1")
