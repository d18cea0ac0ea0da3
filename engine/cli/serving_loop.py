"""The engine's loop with its log: one line per change of a run."""

from dataclasses import dataclass, field

import structlog

from engine.cli.seeing_through import stopped_by_signals
from engine.cli.session import a_driver
from engine.cli.summary import reason_of
from engine.core.outcome import ExitCode
from engine.driver import Driver, serve
from engine.errors import RampwiseError, StoreError
from engine.ports import Snapshot, Store

_log = structlog.get_logger("rampwise.serve")

AGAIN_S = 1.0
"""Pause after trouble with the database."""


@dataclass(slots=True)
class TellingDriver(Driver):
    """A driver that logs what changed in a run."""

    _seen: dict[str, object] = field(default_factory=dict)

    def step(self, run_id: str) -> Snapshot | None:
        """One tick of one run, or None while somebody else drives it."""
        snapshot = Driver.step(self, run_id)
        if snapshot is not None:
            self._tell(snapshot)
        return snapshot

    def _tell(self, snapshot: Snapshot) -> None:
        run = snapshot.run
        blockers = sorted({blocker.kind.value for blocker in run.blockers})
        now = (run.phase, run.weights, run.last_rule, blockers)
        if self._seen.get(run.id) != now:
            self._seen[run.id] = now
            _log.info(
                "run",
                run=run.id,
                phase=run.phase.value,
                weights=str(run.weights),
                rule=run.last_rule.value,
                blockers=blockers,
                reason=reason_of(snapshot),
            )
        if run.phase.ended:
            self._seen.pop(run.id, None)


def serve_all(store: Store) -> None:
    """Drive all runs until SIGINT or SIGTERM; leases are given up at the end."""
    driver = _telling_driver(store)
    _log.info("serving", engine=driver.owner)
    with stopped_by_signals() as stop:
        while not stop.is_set():
            try:
                serve(driver, stop)
            except StoreError as error:
                _log.error("database cannot be used, trying again", error=str(error))
                stop.wait(AGAIN_S)
    _log.info("ended", engine=driver.owner)


def tick_all(store: Store) -> ExitCode:
    """One tick of every run that nobody else drives; ERROR when one failed."""
    driver = _telling_driver(store)
    code = ExitCode.OK
    for run_id in store.active():
        try:
            driver.step(run_id)
        except RampwiseError as error:
            _log.error("tick failed", run=run_id, error=str(error))
            code = ExitCode.ERROR
        finally:
            driver.give_up(run_id)
    return code


def _telling_driver(store: Store) -> TellingDriver:
    plain = a_driver(store)
    return TellingDriver(store=store, assemble=plain.assemble, clock=plain.clock, owner=plain.owner)
