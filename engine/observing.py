"""Several observers of one driver, none of which can harm a tick or the others."""

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from engine.core.run import Run
from engine.driver import Observer
from engine.ports import Snapshot

_log = structlog.get_logger("rampwise.observing")


@dataclass(frozen=True, slots=True)
class Observers:
    """All of them are told, in order; the trouble of one is logged and goes no further."""

    members: tuple[Observer, ...]

    def on_round(self) -> None:
        """The driver looks which runs are due."""
        self._tell("", lambda each: each.on_round())

    def on_start(self, run_id: str, known: Run | None) -> None:
        """A tick of this run begins."""
        self._tell(run_id, lambda each: each.on_start(run_id, known))

    def on_tick(self, snapshot: Snapshot, took_s: float) -> None:
        """The tick led to this state."""
        self._tell(snapshot.run.id, lambda each: each.on_tick(snapshot, took_s))

    def on_error(self, run_id: str, error: Exception) -> None:
        """The tick failed."""
        self._tell(run_id, lambda each: each.on_error(run_id, error))

    def _tell(self, run_id: str, what: Callable[[Observer], None]) -> None:
        for each in self.members:
            try:
                what(each)
            except Exception:  # noqa: BLE001 (watching must never stop what is watched)
                _log.exception("observer failed", run=run_id)
