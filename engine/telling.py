"""Puts what is to be told into letters: one per notice and sink that asked for its kind. Sends nothing."""

from collections.abc import Sequence

from engine.core.events import Event
from engine.core.letter import Letter
from engine.core.model import Experiment
from engine.core.notice import notices
from engine.core.run import Run


def letters_of(experiment: Experiment, before: Run | None, events: Sequence[Event]) -> tuple[Letter, ...]:
    """Letters that belong into the transaction of these events; `before` is None for a launch."""
    if not experiment.sinks:
        return ()
    return tuple(
        Letter(notice=notice, sink=sink.name, due_s=notice.at_s)
        for notice in notices(experiment, before, events)
        for sink in experiment.sinks
        if notice.kind in sink.on
    )
