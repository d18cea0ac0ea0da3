"""Small runs, events and snapshots for store tests; the run is always what the events made of it."""

from collections.abc import Mapping
from typing import Any

from engine.core.decision import Blocker, BlockerKind, Decision, DecisionKind, Rule
from engine.core.events import (
    ENGINE,
    Actor,
    Applied,
    Command,
    Commanded,
    Decided,
    Event,
    Intended,
    Launched,
    Observed,
    Payload,
)
from engine.core.evolve import evolve, replay
from engine.core.measure import (
    Histogram,
    HistogramReading,
    Missing,
    MissingReason,
    Observation,
    Reading,
    Trials,
    TrialsReading,
    Window,
)
from engine.core.model import Mode
from engine.core.run import Act
from engine.core.target import Weights
from engine.ports import Snapshot

ADA = Actor(user="ada", host="desk")
INTERVAL_S = 15.0


def started(
    run_id: str, *, name: str = "checkout-v2", target_key: str = "local/checkout", at_s: float = 1000.0
) -> tuple[Snapshot, Mapping[str, Any], list[Event]]:
    """A new run: its snapshot, spec and events."""
    spec = {"kind": "ReleaseExperiment", "metadata": {"name": name}, "spec": {"strategy": "canary"}}
    payload = Launched(spec=spec, name=name, target_key=target_key, mode=Mode.ACT)
    event = Event(
        run_id=run_id, seq=1, at_s=at_s, actor=ADA, source="cli", reason="", rule=None, payload=payload
    )
    return Snapshot(run=replay([event]), evidence={}, cursor={}), spec, [event]


def next_events(
    before: Snapshot, *payloads: Payload, source: str = "engine", evidence: Mapping[str, Any] | None = None
) -> tuple[list[Event], Snapshot]:
    """Events that follow `before`, and the snapshot they lead to."""
    run = before.run
    events = []
    for payload in payloads:
        event = Event(
            run_id=run.id,
            seq=run.seq + 1,
            at_s=run.last_event_s + INTERVAL_S,
            actor=ENGINE,
            source=source,
            reason=f"event {run.seq + 1}",
            rule=Rule.EVIDENCE,
            payload=payload,
        )
        run = evolve(run, event)
        events.append(event)
    kept = before.evidence if evidence is None else evidence
    return events, Snapshot(run=run, evidence=kept, cursor={"seq": run.seq}, ticked_s=run.last_event_s)


def observed(index: int) -> Observed:
    """One window with a reading of every kind."""
    buckets = Histogram(bounds_s=(0.1, 0.5), counts=(90, 8, 2))
    readings: dict[str, Reading] = {
        "errors": TrialsReading(control=Trials(bad=3, total=900), treatment=Trials(bad=0, total=100)),
        "latency": HistogramReading(control=buckets, treatment=buckets),
        "orders": Missing(reason=MissingReason.NO_SERIES, detail='shop_orders{version="v2"}: nothing'),
    }
    start_s = 1000.0 + INTERVAL_S * index
    window = Window(index=index, start_s=start_s, end_s=start_s + INTERVAL_S)
    return Observed(observations=(Observation(window=window, readings=readings, warm_up=index == 0),))


def decided(treatment_pct: int = 5, step: int = 0) -> Decided:
    """A decision to shift, in spite of a blocker that is shown."""
    blocker = Blocker(kind=BlockerKind.WARM_UP, detail="60 s after the last pod", since_s=1000.0)
    return Decided(
        decision=Decision(
            kind=DecisionKind.SHIFT,
            rule=Rule.FLOORS_MET,
            reason="116 of 100 requests",
            weights=Weights.of(treatment_pct),
            step=step,
            blockers=(blocker,),
        )
    )


def intended(
    kind: DecisionKind, rule: Rule, treatment_pct: int, *, number: int, step: int | None
) -> Intended:
    """An act about to be done."""
    return Intended(
        act=Act(
            number=number,
            kind=kind,
            rule=rule,
            weights=Weights.of(treatment_pct),
            step=step,
            found=Weights.of(0),
            version="17",
        )
    )


def applied(number: int, treatment_pct: int) -> Applied:
    """An act that was done."""
    return Applied(act_number=number, ok=True, weights=Weights.of(treatment_pct), detail="")


def commanded(command: Command) -> Commanded:
    """A command that took effect."""
    return Commanded(command_id=command.id, verb=command.verb, step=None)


def ended(before: Snapshot) -> tuple[list[Event], Snapshot]:
    """The events that stop a run."""
    number = before.run.acts + 1
    act = intended(DecisionKind.STOP, Rule.STOPPED, 0, number=number, step=None)
    return next_events(before, act, applied(number, 0))
