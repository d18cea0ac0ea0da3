"""The threads that tick all runs of a store at once: who is due, and what people want of them. No rules.

What people want is looked up for all runs by one question each, and every answer serves one tick of a run at
the most. Leases are taken for many runs at once, just before their ticks.
"""

import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from engine.core.events import Command, Freeze
from engine.errors import StoreError
from engine.parts import Asked
from engine.ports import Lease, Snapshot, Store

if TYPE_CHECKING:
    from engine.driver import Driver

_log = structlog.get_logger("rampwise.driver")

WORKERS = 128
"""Threads; nearly all of them wait for answers, which come for many at once."""
_BATCH = 4
"""Runs are started when one in so many threads is free, so that leases are taken for several at once."""


@dataclass(frozen=True, slots=True)
class _Look:
    """What the store says of all runs; `commands` of those that have any."""

    active: Sequence[str]
    commands: Mapping[str, Sequence[Command]]
    freeze: Freeze | None


def _look_at(store: Store) -> _Look | None:
    """None while the database is busy."""
    try:
        return _Look(store.active(), store.waiting(), store.freeze())
    except StoreError as error:
        _log.error("runs cannot be listed, trying again", error=str(error))
        return None


class Crew:
    """Threads that tick runs of one driver; used by one thread."""

    def __init__(self, driver: "Driver", workers: int) -> None:
        self._driver = driver
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="rampwise-tick")
        self._batch = max(1, workers // _BATCH)
        self._free = workers
        self._lock = threading.Lock()
        self._room = threading.Event()
        self._busy: dict[str, tuple[Future[Snapshot | None], float]] = {}
        self._due_s: dict[str, float] = {}
        self._queue: deque[tuple[str, Asked]] = deque()
        self._just_looked = False

    def look(self) -> None:
        """Look who is due, those first for whom somebody waits.

        A run that is ticked while we look has to wait for the next look: its tick may do what we see asked.
        """
        self._gather()
        self._queue.clear()
        self._just_looked = True
        seen = _look_at(self._driver.store)
        if seen is None:
            return
        for gone in self._due_s.keys() - set(seen.active):
            del self._due_s[gone]
        now_s = time.monotonic()
        for run_id in seen.active:
            # Kept, so that a new run has its turn before those that became due after it.
            self._due_s.setdefault(run_id, now_s)
        due = [
            run_id
            for run_id in seen.active
            if run_id not in self._busy and (run_id in seen.commands or self._due_s[run_id] <= now_s)
        ]
        due.sort(key=lambda run_id: (run_id not in seen.commands, self._due_s[run_id]))
        for run_id in due:
            self._queue.append((run_id, Asked(seen.commands.get(run_id, ()), seen.freeze)))

    def start_due(self) -> None:
        """Start as many as there are free threads; between looks only if that is worth a transaction.

        Right after a look every free thread is used: others may hang for long.
        """
        with self._lock:
            free = self._free
            self._room.clear()
        enough = 1 if self._just_looked else min(self._batch, len(self._queue))
        self._just_looked = False
        if free < enough:
            return
        batch = [self._queue.popleft() for _ in range(min(free, len(self._queue)))]
        if not batch:
            return
        leases = self._driver.leases([run_id for run_id, _ in batch])
        for run_id, asked in batch:
            if run_id in leases and leases[run_id] is None:
                self._due_s[run_id] = time.monotonic() + self._driver.interval_s(run_id)
            else:
                self._start(run_id, leases.get(run_id), asked)

    def wait(self, stop: threading.Event, left_s: float) -> None:
        """Until threads are free for those that are due, but no longer than this."""
        if self._queue:
            self._room.wait(left_s)
        else:
            stop.wait(left_s)

    def leave(self) -> None:
        """Let the ticks under way end, and give up all leases."""
        self._pool.shutdown(cancel_futures=True)
        self._driver.give_up_all()

    def _start(self, run_id: str, lease: Lease | None, asked: Asked) -> None:
        with self._lock:
            self._free -= 1
        future = self._pool.submit(self._driver.try_step, run_id, lease, asked)
        self._busy[run_id] = future, self._driver.clock.now_s()
        future.add_done_callback(self._ended)

    def _ended(self, _future: Future[Snapshot | None]) -> None:
        with self._lock:
            self._free += 1
            if self._free >= self._batch:
                self._room.set()

    def _gather(self) -> None:
        """Note when those are due again whose ticks have ended."""
        ended = [run_id for run_id, (future, _) in self._busy.items() if future.done()]
        for run_id in ended:
            _, ticked_s = self._busy.pop(run_id)
            self._due_s[run_id] = time.monotonic() + self._driver.wait_s(run_id, ticked_s)
