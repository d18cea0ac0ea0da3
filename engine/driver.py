"""Drives runs: takes the lease, ticks, waits. One engine at a time per run; no rules in here."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from engine.errors import LeaseLost, RampwiseError, StoreError
from engine.ports import Clock, Lease, Snapshot, Store
from engine.runner import LEASE_S, Parts, tick

_log = structlog.get_logger("rampwise.driver")

POLL_S = 0.5
"""How often a driver looks for commands between ticks."""

Assemble = Callable[[str], Parts]
"""Makes the parts of a run by its id."""


class Observer(Protocol):
    """Is told what a driver does, in the driver's own threads: it must be quick and raise nothing."""

    def on_round(self) -> None:
        """The driver looks which runs are due."""
        ...

    def on_start(self, run_id: str) -> None:
        """A tick of this run begins."""
        ...

    def on_tick(self, snapshot: Snapshot, took_s: float) -> None:
        """The tick led to this state."""
        ...

    def on_error(self, run_id: str, error: Exception) -> None:
        """The tick failed; it is tried again."""
        ...


class NoObserver:
    """Nobody is told."""

    def on_round(self) -> None:
        """Nothing."""

    def on_start(self, run_id: str) -> None:
        """Nothing."""

    def on_tick(self, snapshot: Snapshot, took_s: float) -> None:
        """Nothing."""

    def on_error(self, run_id: str, error: Exception) -> None:
        """Nothing."""


@dataclass(slots=True)
class Driver:
    """Ticks runs that nobody else drives. `owner` is this process's name on the leases."""

    store: Store
    assemble: Assemble
    clock: Clock
    owner: str
    observer: Observer = field(default_factory=NoObserver)
    _parts: dict[str, Parts] = field(default_factory=dict)
    _leases: dict[str, Lease] = field(default_factory=dict)

    def step(self, run_id: str) -> Snapshot | None:
        """One tick of one run, or None while somebody else drives it."""
        lease = self._lease(run_id)
        if lease is None:
            return None
        self.observer.on_start(run_id)
        began_s = time.monotonic()
        try:
            snapshot = tick(self._parts_of(run_id), lease)
        except LeaseLost as error:
            _log.warning("lease lost, standing back", run=run_id, error=str(error))
            return None
        self.observer.on_tick(snapshot, time.monotonic() - began_s)
        if snapshot.run.phase.ended:
            self.store.release(lease)
            self._parts.pop(run_id, None)
            self._leases.pop(run_id, None)
        return snapshot

    def _lease(self, run_id: str) -> Lease | None:
        """The lease, renewed.

        A database that cannot be written leaves us the old one: with it a tick can take traffic away, and
        nothing else, because every other act is recorded first.
        """
        try:
            lease = self.store.acquire(run_id, self.owner, self.clock.now_s(), LEASE_S)
        except StoreError as error:
            if run_id not in self._leases:
                raise
            _log.error("lease cannot be renewed", run=run_id, error=str(error))
            return self._leases[run_id]
        if lease is None:
            self._leases.pop(run_id, None)
        else:
            self._leases[run_id] = lease
        return lease

    def give_up(self, run_id: str) -> None:
        """Let somebody else drive this run at once."""
        try:
            lease = self.store.holder(run_id, self.clock.now_s())
            if lease is not None and lease.owner == self.owner:
                self.store.release(lease)
        except StoreError as error:
            _log.warning("lease cannot be given up, it runs out by itself", run=run_id, error=str(error))

    def _parts_of(self, run_id: str) -> Parts:
        if run_id not in self._parts:
            self._parts[run_id] = self.assemble(run_id)
        return self._parts[run_id]

    def interval_s(self, run_id: str) -> float:
        """The run's tick interval, one second before it was first assembled."""
        parts = self._parts.get(run_id)
        return parts.experiment.interval_s if parts else 1.0


def drive(
    driver: Driver,
    run_id: str,
    stop: threading.Event,
    show: Callable[[Snapshot], None],
    deadline_s: float | None,
) -> Snapshot:
    """Drive one run to its end, or watch whoever does; returns early when `stop` is set or time is up."""
    snapshot = driver.store.load(run_id).snapshot
    try:
        while not (snapshot.run.phase.ended or stop.is_set() or _is_late(driver.clock, deadline_s)):
            snapshot = _one(driver, run_id, snapshot)
            show(snapshot)
            if not snapshot.run.phase.ended:
                _wait(driver, run_id, stop)
    finally:
        driver.give_up(run_id)
    return snapshot


def _one(driver: Driver, run_id: str, last: Snapshot) -> Snapshot:
    """One tick, or a look at what another engine made of the run; the last state while there is trouble."""
    try:
        return _guarded(driver, run_id) or driver.store.load(run_id).snapshot
    except StoreError as error:
        _log.error("run cannot be read, trying again", run=run_id, error=str(error))
        return last


def _is_late(clock: Clock, deadline_s: float | None) -> bool:
    return deadline_s is not None and clock.now_s() >= deadline_s


def _wait(driver: Driver, run_id: str, stop: threading.Event) -> None:
    """Until the next tick is due, somebody asked for something, or we are told to stop."""
    left_s = driver.interval_s(run_id)
    while left_s > 0 and not stop.wait(min(POLL_S, left_s)):
        left_s -= POLL_S
        if _somebody_waits(driver.store, run_id):
            return


def _somebody_waits(store: Store, run_id: str) -> bool:
    try:
        return bool(store.requested(run_id))
    except StoreError:
        return False


def serve(driver: Driver, stop: threading.Event, workers: int = 32) -> None:
    """Drive all runs, new ones as they appear, until `stop` is set. Workers mostly wait for answers."""
    busy: dict[str, Future[Snapshot | None]] = {}
    due_s: dict[str, float] = {}
    pool = ThreadPoolExecutor(workers, thread_name_prefix="rampwise-tick")
    try:
        while not stop.wait(POLL_S / 2):
            driver.observer.on_round()
            now_s = driver.clock.now_s()
            for run_id, hurry in _work(driver.store):
                future = busy.get(run_id)
                if future is not None and not future.done():
                    continue
                if hurry or now_s >= due_s.get(run_id, 0.0):
                    due_s[run_id] = now_s + driver.interval_s(run_id)
                    busy[run_id] = pool.submit(_guarded, driver, run_id)
    finally:
        pool.shutdown(cancel_futures=True)
    for run_id in busy:
        driver.give_up(run_id)


def _work(store: Store) -> list[tuple[str, bool]]:
    """Active runs, and whether somebody waits for a command of theirs; none while the database is busy."""
    try:
        waiting = set(store.waiting())
        return [(run_id, run_id in waiting) for run_id in store.active()]
    except StoreError as error:
        _log.error("runs cannot be listed, trying again", error=str(error))
        return []


def _guarded(driver: Driver, run_id: str) -> Snapshot | None:
    """One tick whose trouble is logged and tried again; one run's trouble never stops the others."""
    try:
        return driver.step(run_id)
    except RampwiseError as error:
        driver.observer.on_error(run_id, error)
        _log.error("tick failed, trying again", run=run_id, error=str(error))
    except Exception as error:  # noqa: BLE001 (one run's bug must not stop the others; it is logged in full)
        driver.observer.on_error(run_id, error)
        _log.exception("tick failed unexpectedly, trying again", run=run_id)
    return None
