"""Which trouble of a run is news: what somebody is told once, and what was told already. Pure bookkeeping.

Trouble that comes and goes, or that many decisions repeat, is told at most once a day per run and topic, so
that nobody is woken again and again by the same thing. What was planned (warm-up, release windows, the first
window) and what a person just did (pause, told by itself) is no trouble.
"""

from collections.abc import Iterator

from engine.core import wording
from engine.core.decision import Blocker, BlockerKind, Decision, DecisionKind, Rule
from engine.core.events import Applied, Decided, Event
from engine.core.run import Run, Told

RETELL_AFTER_S = 86400.0
"""Trouble that goes on, or is back, is told again after a day."""

OVERDUE = frozenset({Rule.HORIZON, Rule.BLIND_TOO_LONG, Rule.UNTRUSTWORTHY_TOO_LONG})
"""Rules by which a hold waits for a person."""

_NO_NEWS = frozenset({BlockerKind.WARM_UP, BlockerKind.OUTSIDE_RELEASE_WINDOW, BlockerKind.PAUSED})


def topic_of(run: Run, blocker: Blocker) -> str:
    """What a blocker is remembered by; empty when it is not told. Every step has an approval of its own."""
    if blocker.kind in _NO_NEWS or blocker.detail == wording.no_window_yet():
        return ""
    if blocker.kind is BlockerKind.AWAITING_APPROVAL:
        return f"{blocker.kind.value}/{run.step}"
    return blocker.kind.value


def unheard(run: Run, event: Event) -> frozenset[str]:
    """Topics of this event that nobody was told of lately; `run` is the state before it."""
    lately = {told.topic for told in run.told if event.at_s - told.at_s < RETELL_AFTER_S}
    return frozenset(_topics(run, event)) - lately


def remember(run: Run, event: Event) -> tuple[Told, ...]:
    """What was told of a run after this event, oldest first; `run` is the state before it."""
    new = unheard(run, event)
    kept = tuple(told for told in run.told if told.topic not in new)
    return kept + tuple(Told(topic=topic, at_s=event.at_s) for topic in sorted(new))


def _topics(run: Run, event: Event) -> Iterator[str]:
    match event.payload:
        case Decided(decision=Decision(kind=DecisionKind.HOLD) as decision):
            if decision.rule in OVERDUE:
                yield decision.rule.value
            yield from filter(None, (topic_of(run, blocker) for blocker in decision.blockers))
        case Applied(ok=False, act_number=number):
            yield f"act/{number}"
