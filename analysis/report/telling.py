"""What was done and why, in two or three lines: the last decision about traffic. Pure."""

from collections.abc import Sequence

from engine.core import wording
from engine.core.events import Applied, Decided, Event
from engine.core.model import Experiment, Mode
from engine.core.target import ALL_TO_CONTROL, Weights


def what_was_done(experiment: Experiment, events: Sequence[Event]) -> tuple[str, ...]:
    """What, by whom, when, by which rule, traffic then, and the reason; nothing before the first decision."""
    lines: tuple[str, ...] = ()
    now: Weights = ALL_TO_CONTROL
    for event in events:
        match event.payload:
            case Decided(decision=decision) if decision.weights is not None:
                told = wording.done(
                    decision.kind,
                    decision.rule,
                    actor=decision.actor,
                    at_s=event.at_s,
                    after_s=event.at_s - events[0].at_s,
                    would=experiment.mode is Mode.OBSERVE,
                )
                lines = (told, wording.moved(experiment, now, decision.weights), decision.reason)
            case Applied(ok=True, weights=Weights() as weights):
                now = weights
            case _:
                pass
    return lines
