"""Events of one transaction and the run they lead to. Pure bookkeeping; the store writes them."""

from engine.core.decision import Rule
from engine.core.events import ENGINE, Actor, Event, Payload
from engine.core.evolve import evolve
from engine.core.run import Run


class Journal:
    """Collects events; `run` is always the state after the last one."""

    def __init__(self, run: Run, *, now_s: float, place: str) -> None:
        self.run = run
        self.events: list[Event] = []
        self.now_s = now_s
        self._place = place

    def add(
        self, payload: Payload, *, actor: Actor = ENGINE, rule: Rule | None = None, reason: str = ""
    ) -> None:
        """One more event, by the engine unless an actor is named."""
        event = Event(
            run_id=self.run.id,
            seq=self.run.seq + 1,
            at_s=self.now_s,
            actor=actor,
            source=self._place,
            reason=reason,
            rule=rule,
            payload=payload,
        )
        self.run = evolve(self.run, event)
        self.events.append(event)
