"""What a run's log says that its object shows: latest decisions, latest command, and news. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.controller import status as statuses
from engine.controller.crd import MOST_HISTORY
from engine.core.events import Commanded, Decided, Event
from engine.core.run import Run

Standing = tuple[object, ...]


def visible(run: Run) -> Standing:
    """What an object shows of its run, as far as the run itself says it; counting windows changes nothing."""
    decided = (run.last_decision, run.last_rule, run.last_actor, run.reason)
    return (run.phase, run.step, run.weights, run.blockers, run.ended_by, *decided)


COMMAND_REFUSED = "CommandRefused"


@dataclass(slots=True)
class Past:
    """A run's log up to event `seq`.

    Attributes:
        entries: the latest decisions, oldest first. command: the latest one, and what came of it; empty
            before. answered: its number. news: what was not told yet, as reasons and messages of events.
        standing: what was visible then. windows_done: how many windows had been counted.
    """

    seq: int = 0
    entries: list[statuses.Status] = field(default_factory=list)
    command: statuses.Status = field(default_factory=dict)
    answered: int = 0
    news: list[tuple[str, str]] = field(default_factory=list)
    standing: Standing = ()
    windows_done: int = 0

    def read(self, events: Sequence[Event]) -> None:
        """Go on with these events.

        Who begins with a long log has not seen it happen: of its news, the latest is enough.
        """
        begins = self.seq == 0
        for event in events:
            self.seq = event.seq
            self._take(event)
        if begins:
            del self.news[:-1]

    def _take(self, event: Event) -> None:
        match event.payload:
            case Decided(decision=decision):
                self.entries = [*self.entries, statuses.entry(event, decision)][-MOST_HISTORY:]
                self.news.append((statuses.in_one_word(event.rule or ""), event.reason))
            case Commanded(command_id=number, verb=verb, refused=refused):
                self.answered = number
                self.command = statuses.command(event, event.payload)
                if refused:
                    self.news.append((COMMAND_REFUSED, f"{verb.value}: {refused}"))
