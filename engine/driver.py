"""Drives runs: takes the lease, ticks, waits. One engine at a time per run; no rules in here."""

import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from engine.core.run import Run
from engine.crew import WORKERS, Crew
from engine.errors import LeaseLost, RampwiseError, StoreError
from engine.parts import LEASE_S, Asked, Known, Parts
from engine.ports import Clock, Lease, Snapshot, Store
from engine.runner import tick

_log = structlog.get_logger("rampwise.driver")

POLL_S = 0.5
"""How often a driver looks for commands between ticks."""
_LOOKS_RARER, _LONGEST_LOOK_S = 20.0, 1.0
"""Time between two looks at all runs, in times of what a look takes, and the most of it."""

_LATER_S = 0.001
"""So much later than it may be read a window is read, because clocks and sums are rounded."""

Assemble = Callable[[str], Parts]
"""Makes the parts of a run by its id."""


class Observer(Protocol):
    """Is told what a driver does, in the driver's own threads: it must be quick and raise nothing."""

    def on_round(self) -> None:
        """The driver looks which runs are due."""
        ...

    def on_start(self, run_id: str, known: Run | None) -> None:
        """A tick of this run begins; `known`: where it stands, if nobody else can have written since."""
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

    def on_start(self, run_id: str, known: Run | None) -> None:
        """Nothing."""

    def on_tick(self, snapshot: Snapshot, took_s: float) -> None:
        """Nothing."""

    def on_error(self, run_id: str, error: Exception) -> None:
        """Nothing."""


@dataclass(slots=True)
class Driver:
    """Ticks runs that nobody else drives. `owner` is this process's name on the leases.

    What it last wrote of a run under a lease it keeps, because under the same lease nobody else writes. It
    forgets that as soon as anything is uncertain: the lease is another, or a tick did not end well.
    """

    store: Store
    assemble: Assemble
    clock: Clock
    owner: str
    observer: Observer = field(default_factory=NoObserver)
    _parts: dict[str, Parts] = field(default_factory=dict)
    _leases: dict[str, Lease] = field(default_factory=dict)
    _written: dict[str, tuple[int, Snapshot]] = field(default_factory=dict)
    _first_s: dict[str, float] = field(default_factory=dict)

    def step(self, run_id: str, lease: Lease | None = None, asked: Asked | None = None) -> Snapshot | None:
        """One tick of one run, or None while somebody else drives it.

        Args:
            run_id: which.
            lease: ours, renewed just now; it is asked for when there is none.
            asked: what people want of the run, if that was looked up since its latest tick.
        """
        lease = lease or self._lease(run_id)
        if lease is None:
            return None
        token, written = self._written.pop(run_id, (None, None))
        known = Known(snapshot=written if token == lease.token else None, asked=asked)
        self.observer.on_start(run_id, None if known.snapshot is None else known.snapshot.run)
        began_s = time.monotonic()
        try:
            snapshot = tick(self._parts_of(run_id), lease, known)
        except LeaseLost as error:
            _log.warning("lease lost, standing back", run=run_id, error=str(error))
            return None
        self._written[run_id] = lease.token, snapshot
        self._first_s[run_id] = snapshot.run.launched_s + self._parts[run_id].source.watermark_s
        self.observer.on_tick(snapshot, time.monotonic() - began_s)
        if snapshot.run.phase.ended:
            self.store.release(lease)
            self._forget(run_id)
        return snapshot

    def try_step(
        self, run_id: str, lease: Lease | None = None, asked: Asked | None = None
    ) -> Snapshot | None:
        """`step`, whose trouble is logged and tried again; one run's trouble never stops the others."""
        try:
            return self.step(run_id, lease, asked)
        except RampwiseError as error:
            self.observer.on_error(run_id, error)
            _log.error("tick failed, trying again", run=run_id, error=str(error))
        except Exception as error:  # noqa: BLE001 (one run's bug must not stop the others; it is logged in full)
            self.observer.on_error(run_id, error)
            _log.exception("tick failed unexpectedly, trying again", run=run_id)
        return None

    def leases(self, run_ids: Collection[str]) -> Mapping[str, Lease | None]:
        """The leases of these runs, renewed at once; None where somebody else drives.

        Left out is what there is not, or not now; `step` asks for it again.

        A database that cannot be written leaves us the old ones, see `_lease`.
        """
        try:
            found = self.store.acquire_all(run_ids, self.owner, self.clock.now_s(), LEASE_S)
        except StoreError as error:
            _log.error("leases cannot be renewed", runs=len(run_ids), error=str(error))
            return {run_id: self._leases[run_id] for run_id in run_ids if run_id in self._leases}
        for run_id, lease in found.items():
            self._remember(run_id, lease)
        return found

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
        self._remember(run_id, lease)
        return lease

    def _remember(self, run_id: str, lease: Lease | None) -> None:
        if lease is None:
            self._leases.pop(run_id, None)
            self._written.pop(run_id, None)
        else:
            self._leases[run_id] = lease

    def _forget(self, run_id: str) -> None:
        for known in (self._parts, self._leases, self._written, self._first_s):
            known.pop(run_id, None)

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

    def give_up_all(self) -> None:
        """Let others drive whatever we drive, at once."""
        for run_id in list(self._leases):
            self.give_up(run_id)

    def interval_s(self, run_id: str) -> float:
        """The run's tick interval, one second before it was first assembled."""
        parts = self._parts.get(run_id)
        return parts.experiment.interval_s if parts else 1.0

    def wait_s(self, run_id: str, ticked_s: float) -> float:
        """How long from now until the first window that ends after `ticked_s` may be read.

        Ticks that follow the windows see harm as soon as it can be seen, and read the same windows together.
        """
        interval_s, now_s = self.interval_s(run_id), self.clock.now_s()
        first_s = self._first_s.get(run_id)
        if first_s is None or interval_s <= 0:
            return interval_s
        windows = (ticked_s - first_s) // interval_s + 1
        return min(max(first_s + windows * interval_s - now_s, 0.0) + _LATER_S, interval_s)


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
        return driver.try_step(run_id) or driver.store.load(run_id).snapshot
    except StoreError as error:
        _log.error("run cannot be read, trying again", run=run_id, error=str(error))
        return last


def _is_late(clock: Clock, deadline_s: float | None) -> bool:
    return deadline_s is not None and clock.now_s() >= deadline_s


def _wait(driver: Driver, run_id: str, stop: threading.Event) -> None:
    """Until the next tick is due, somebody asked for something, or we are told to stop."""
    left_s = driver.wait_s(run_id, driver.clock.now_s())
    while left_s > 0 and not stop.wait(min(POLL_S, left_s)):
        left_s -= POLL_S
        if _somebody_waits(driver.store, run_id):
            return


def _somebody_waits(store: Store, run_id: str) -> bool:
    try:
        return bool(store.requested(run_id))
    except StoreError:
        return False


def serve(driver: Driver, stop: threading.Event, workers: int = WORKERS) -> None:
    """Drive all runs, new ones as they appear, until `stop` is set; then all leases are given up."""
    crew = Crew(driver, workers)
    try:
        while not stop.is_set():
            driver.observer.on_round()
            began_s = time.monotonic()
            crew.look()
            # Looking at very many runs takes long, and must not be most of what is done.
            looked_s = time.monotonic() - began_s
            again_s = began_s + min(max(POLL_S / 2, _LOOKS_RARER * looked_s), _LONGEST_LOOK_S)
            while not stop.is_set() and (left_s := again_s - time.monotonic()) > 0:
                crew.start_due()
                crew.wait(stop, left_s)
    finally:
        crew.leave()
