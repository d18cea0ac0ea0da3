"""What became of each release, from its event log alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.core.decision import BlockerKind
from engine.core.events import Applied, Decided, Event, Intended, Observed
from engine.core.measure import TrialsReading
from engine.core.run import Phase, Run
from engine.core.target import Weights
from engine.demo.scenarios import SOMEBODY_ELSES_SPLIT, Scenario, Twist

ERRORS = "http_errors"
_WORDS = {Phase.PROMOTED: "promoted", Phase.ROLLED_BACK: "rolled back", Phase.STOPPED: "stopped"}
_INFINITIVE = {"promoted": "promote", "rolled back": "roll back", "stopped": "stop"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One line of the closing table and of results.json."""

    scenario: str
    expected: str
    outcome: str
    decided_after_s: float | None
    treatment_requests: int
    treatment_bad: int

    @property
    def as_expected(self) -> bool:
        """Whether the release ended as it had to."""
        return self.outcome == self.expected

    def to_plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {name: getattr(self, name) for name in self.__slots__}


def result_of(scenario: Scenario, run: Run, events: Sequence[Event], split: Weights | None) -> Result:
    """The result of a run; `split` is what the proxy routes at the end."""
    requests, bad = _served(events)
    return Result(
        scenario=scenario.name,
        expected=scenario.expected,
        outcome=_outcome(scenario, run, events, split),
        decided_after_s=None if run.ended_s is None else round(run.ended_s - run.launched_s, 1),
        treatment_requests=requests,
        treatment_bad=bad,
    )


def _outcome(scenario: Scenario, run: Run, events: Sequence[Event], split: Weights | None) -> str:
    word = _WORDS.get(run.phase, str(run.phase))
    if scenario.twist is Twist.NOT_OURS:
        moved = "nothing moved" if split == SOMEBODY_ELSES_SPLIT else f"traffic moved to {split}"
        return f"would {_INFINITIVE.get(word, word)}, {moved}"
    if run.phase.ended and split != run.weights:
        return f"{word}, but the proxy routes {split}"
    if scenario.twist is Twist.ENGINE_KILLED:
        return f"resumed, {word}" if _each_act_once(events) else f"{word}, with an act lost or doubled"
    if scenario.twist is Twist.SOURCE_STOPPED:
        return f"held, {word}" if _held_blind(events) else word
    return word


def _each_act_once(events: Sequence[Event]) -> bool:
    meant = [event.payload.act.number for event in events if isinstance(event.payload, Intended)]
    done = [
        event.payload.act_number
        for event in events
        if isinstance(event.payload, Applied) and event.payload.ok
    ]
    return meant == done == list(range(1, len(meant) + 1))


def _held_blind(events: Sequence[Event]) -> bool:
    """Whether data were missing half-way up, after the second shift, and the run waited for them."""
    shifts = [place for place, event in enumerate(events) if isinstance(event.payload, Applied)][1:2]
    return any(
        blocker.kind is BlockerKind.NO_DATA
        for place in shifts
        for event in events[place:]
        if isinstance(event.payload, Decided)
        for blocker in event.payload.decision.blockers
    )


def _served(events: Sequence[Event]) -> tuple[int, int]:
    """Requests that the treatment had, and bad ones among them."""
    readings = [
        observation.readings.get(ERRORS)
        for event in events
        if isinstance(event.payload, Observed)
        for observation in event.payload.observations
    ]
    seen = [reading.treatment for reading in readings if isinstance(reading, TrialsReading)]
    return sum(trials.total for trials in seen), sum(trials.bad for trials in seen)
