"""What was done to traffic: the planned ramp, the weights over time and the decision log. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.core import wording
from engine.core.decision import Rule
from engine.core.events import Applied, Commanded, Decided, Event, Intended, Launched
from engine.core.evolve import evolve, launch
from engine.core.model import Experiment
from engine.core.plan import Stage
from engine.core.run import Act, Run
from engine.core.target import ALL_TO_CONTROL, Weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One planned step and when the run reached it, None if it did not (yet).

    Attributes:
        earliest_s: when it would begin if every step before took just its hold time (epoch seconds).
        stage: which comparison it allows. shares: planned of each treatment.
        part: `canary` or `test` where an A/B test has a canary, else empty.
    """

    number: int
    weight_pct: int
    hold_s: float
    floor: int
    approve: bool
    earliest_s: float
    reached_s: float | None
    stage: Stage = Stage.SPLIT
    shares: tuple[int, ...] = ()
    part: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """The treatment's share of traffic from `at_s` on, as the target reported it; `would` in observe mode.

    `weight_pct` is of the first treatment, `shares` of all of them.
    """

    at_s: float
    weight_pct: int
    would: bool
    shares: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One line of the decision log: a decision with its act and result, or a person's command.

    Attributes:
        seq: the event that began it. what: in a word. before, after: weights, None where traffic stays.
        result: what came of the act; empty while it is under way or where there was none.
    """

    seq: int
    at_s: float
    actor: str
    what: str
    rule: Rule | None
    reason: str
    before: Weights | None
    after: Weights | None
    act: int | None
    result: str


def decision_log(events: Sequence[Event]) -> tuple[LogEntry, ...]:
    """The log in time order."""
    entries: list[LogEntry] = []
    run: Run | None = None
    for event in events:
        match event.payload:
            case Launched() as payload:
                run = launch(event.run_id, event, payload)
                entries.append(_entry(event, what="Launch"))
                continue
            case Decided(decision=decision) if run is not None:
                entries.append(
                    _entry(
                        event,
                        what=wording.DECISION_WORDS[decision.kind],
                        actor=decision.actor,
                        before=None if decision.weights is None else run.weights,
                        after=decision.weights,
                    )
                )
            case Intended(act=act):
                _intend(entries, event, act)
            case Applied() as payload:
                _conclude(entries, payload)
            case Commanded(verb=verb, refused=refused):
                result = f"refused: {refused}" if refused else "accepted"
                entries.append(_entry(event, what=wording.command(verb), result=result))
            case _:
                pass
        if run is not None:
            run = evolve(run, event)
    return tuple(entries)


def splits(events: Sequence[Event]) -> tuple[Split, ...]:
    """The treatment's share over time, from the results of acts; the first is the one found at launch."""
    found: list[Split] = []
    acts: dict[int, Act] = {}
    for event in events:
        match event.payload:
            case Launched():
                found.append(_split(event.at_s, ALL_TO_CONTROL))
            case Intended(act=act):
                acts[act.number] = act
                if len(found) == 1 and act.found is not None:
                    found[0] = _split(found[0].at_s, act.found)
            case Applied(ok=ok, weights=None, act_number=number) if ok:
                found.append(_split(event.at_s, acts[number].weights, would=True))
            case Applied(weights=Weights() as weights):
                found.append(_split(event.at_s, weights))
            case _:
                pass
    return tuple(found)


def rungs(experiment: Experiment, launched_s: float, events: Sequence[Event]) -> tuple[Rung, ...]:
    """The planned steps with the times at which they were first reached."""
    acts = {
        event.payload.act.number: event.payload.act for event in events if isinstance(event.payload, Intended)
    }
    reached: dict[int, float] = {}
    for event in events:
        if isinstance(event.payload, Applied) and event.payload.ok:
            step = acts[event.payload.act_number].step
            if step is not None:
                reached.setdefault(step, event.at_s)
    steps = experiment.plan.steps
    return tuple(
        Rung(
            number=number + 1,
            weight_pct=step.weight_pct,
            hold_s=step.hold_s,
            floor=step.floor,
            approve=step.approve,
            earliest_s=launched_s + sum(earlier.hold_s for earlier in steps[:number]),
            reached_s=reached.get(number),
            stage=step.stage,
            shares=step.shares or (step.weight_pct,),
            part=wording.part(experiment.plan, number),
        )
        for number, step in enumerate(steps)
    )


def _split(at_s: float, weights: Weights, *, would: bool = False) -> Split:
    return Split(at_s=at_s, weight_pct=weights.treatment, would=would, shares=weights.treatments)


def _entry(
    event: Event,
    *,
    what: str,
    actor: str = "",
    before: Weights | None = None,
    after: Weights | None = None,
    result: str = "",
) -> LogEntry:
    return LogEntry(
        seq=event.seq,
        at_s=event.at_s,
        actor=actor or str(event.actor),
        what=what,
        rule=event.rule,
        reason=event.reason,
        before=before,
        after=after,
        act=None,
        result=result,
    )


def _intend(entries: list[LogEntry], event: Event, act: Act) -> None:
    """The act joins the decision of the same tick; without one (a repeated intent) it is its own line."""
    decided = next((i for i in reversed(range(len(entries))) if _announces(entries[i], event, act)), None)
    if decided is None:
        decided = len(entries)
        entries.append(_entry(event, what=wording.DECISION_WORDS[act.kind], after=act.weights))
    entries[decided] = replace(entries[decided], act=act.number, before=act.found or entries[decided].before)


def _announces(entry: LogEntry, event: Event, act: Act) -> bool:
    same = (entry.at_s, entry.rule, entry.after) == (event.at_s, act.rule, act.weights)
    return same and entry.act is None


def _conclude(entries: list[LogEntry], applied: Applied) -> None:
    for index, entry in enumerate(entries):
        if entry.act == applied.act_number:
            entries[index] = replace(entry, result=wording.act_result(ok=applied.ok, detail=applied.detail))
