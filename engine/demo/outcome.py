"""What became of each release, from its event log and from what the webhook was told of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.core.decision import BlockerKind, Rule
from engine.core.events import Applied, Decided, Event, Intended, Observed
from engine.core.measure import TrialsReading
from engine.core.run import Phase, Run
from engine.core.target import Weights
from engine.demo.mail import Mail
from engine.demo.scenarios import CANARY_PCT, SHORT, SOMEBODY_ELSES_SPLIT, TEST_PCT, Scenario, Twist

ERRORS = ("http_errors@settle", "http_errors", "declined_payments")
"""Metrics that count what both versions served; the first also where one of them serves nobody."""
_WORDS = {
    Phase.PROMOTED: "promoted",
    Phase.ROLLED_BACK: "rolled back",
    Phase.STOPPED: "stopped",
    Phase.EXPIRED: "expired",
}
_INFINITIVE = {"promoted": "promote", "rolled back": "roll back", "stopped": "stop"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Users:
    """What became of a scenario that users decide.

    Attributes:
        answer: what the last look at what they did says. shown: the checkouts that new ones are shown now.
    """

    answer: str
    shown: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One line of the closing table and of results.json.

    Attributes:
        notices: kinds of the notices that the webhook received of it. end_told: its end is among them.
    """

    scenario: str
    expected: str
    outcome: str
    decided_after_s: float | None
    treatment_requests: int
    treatment_bad: int
    notices: tuple[str, ...]
    end_told: bool

    @property
    def as_expected(self) -> bool:
        """Whether the release ended as it had to, and somebody was told."""
        return self.outcome == self.expected and self.end_told

    def to_plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {name: getattr(self, name) for name in self.__slots__}


def result_of(
    scenario: Scenario,
    run: Run,
    events: Sequence[Event],
    split: Weights | None,
    mail: Mail,
    users: Users | None = None,
) -> Result:
    """The result of a run; `split` is what the proxy routes, or the flag gives, at the end."""
    requests, bad = _served(events)
    return Result(
        scenario=scenario.name,
        expected=scenario.expected,
        outcome=_outcome(scenario, run, events, split, users),
        decided_after_s=None if run.ended_s is None else round(run.ended_s - run.launched_s, 1),
        treatment_requests=requests,
        treatment_bad=bad,
        notices=mail.kinds(scenario.name),
        end_told=mail.tells(scenario.name, run.phase),
    )


def _outcome(
    scenario: Scenario, run: Run, events: Sequence[Event], split: Weights | None, users: Users | None
) -> str:
    word = _WORDS.get(run.phase, str(run.phase))
    if scenario.twist is Twist.NOT_OURS:
        moved = "nothing moved" if split == SOMEBODY_ELSES_SPLIT else f"traffic moved to {split}"
        return f"would {_INFINITIVE.get(word, word)}, {moved}"
    if run.phase.ended and split != run.weights:
        return f"{word}, but {split} is in force"
    if users is not None:
        way = "canary" if _given(events)[:2] == [CANARY_PCT, TEST_PCT] else "no canary"
        return f"{way}, {users.answer or 'no answer'}, {word}{_to_whom(users.shown)}"
    return _in_full(scenario, run, events, word)


def _to_whom(checkouts: frozenset[str]) -> str:
    return " to everybody" if checkouts == {SHORT} else f", shown: {' and '.join(sorted(checkouts))}"


def _in_full(scenario: Scenario, run: Run, events: Sequence[Event], word: str) -> str:
    """The outcome with what the events show of how it came about."""
    match scenario.twist:
        case Twist.ENGINE_KILLED:
            return f"resumed, {word}" if _each_act_once(events) else f"{word}, with an act lost or doubled"
        case Twist.SOURCE_STOPPED:
            return f"held, {word}" if _held_blind(events) else word
        case Twist.ROUTE_LEFT_BEHIND:
            return f"untrustworthy, {word}" if _was_distrusted_until_its_end(events) else word
    if run.ended_by is Rule.SETTLED:
        return f"{word} (settled)"
    return f"{word}, no user served" if _served_nobody(events) else word


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


def _was_distrusted_until_its_end(events: Sequence[Event]) -> bool:
    """Whether evidence that cannot be trusted was in the way of the last two decisions."""
    decisions = [event.payload.decision for event in events if isinstance(event.payload, Decided)]
    return len(decisions) > 1 and all(
        any(blocker.kind is BlockerKind.UNTRUSTWORTHY for blocker in decision.blockers)
        for decision in decisions[-2:]
    )


def _served_nobody(events: Sequence[Event]) -> bool:
    """Whether the treatment was never given traffic, and requests were counted, none of them its own."""
    seen = _seen(events)
    return not any(_given(events)) and bool(seen) and not any(reading.treatment.total for reading in seen)


def _given(events: Sequence[Event]) -> list[int]:
    """What the treatment was given, in percent, one act after the other."""
    return [
        event.payload.weights.given
        for event in events
        if isinstance(event.payload, Applied) and event.payload.weights is not None
    ]


def _served(events: Sequence[Event]) -> tuple[int, int]:
    """Requests that the treatment had, and bad ones among them."""
    seen = [reading.treatment for reading in _seen(events)]
    return sum(trials.total for trials in seen), sum(trials.bad for trials in seen)


def _seen(events: Sequence[Event]) -> list[TrialsReading]:
    """What was counted in each window in which anything was."""
    counted = [
        [reading for name in ERRORS if isinstance(reading := observation.readings.get(name), TrialsReading)]
        for event in events
        if isinstance(event.payload, Observed)
        for observation in event.payload.observations
    ]
    return [readings[0] for readings in counted if readings]
