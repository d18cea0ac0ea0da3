"""Deletes users' exposures and events that were kept for long enough. Never what a run still needs.

Works beside everything else, a few records at a time, so that nobody waits for it. What belongs to an
experiment stays until its last run has been over for as long as records are kept. Nothing is deleted while
some run goes on that cannot be read.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import structlog

from engine.core.run import Run
from engine.errors import CorruptRecord, StoreError
from engine.intake import Exposure, Intake, Occurrence, Old, Record
from engine.ports import Clock, Store, StoredRun

_log = structlog.get_logger("rampwise.retention")

EVERY_S = 6 * 3600.0
"""From the end of one pass to the begin of the next."""
AGAIN_S = 60.0
"""After trouble with the database."""
MOST = 1000
"""Records that are looked at in one transaction."""
_LEAST_PAUSE_S = 0.01
_END_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """Keeps records for `keep_s` seconds after they were received, and no longer."""

    store: Store
    intake: Intake
    clock: Clock
    keep_s: float

    def work(self, stop: threading.Event) -> None:
        """Delete what has grown old, now and again and again, until `stop` is set; trouble is logged."""
        pause_s = 0.0
        while not stop.wait(pause_s):
            pause_s = EVERY_S
            try:
                self.sweep(stop)
            except StoreError as error:
                _log.warning("users' records are not deleted, trying again", error=str(error))
                pause_s = AGAIN_S

    def sweep(self, stop: threading.Event) -> dict[type[Record], int]:
        """One pass over all that is old, and how many records went; ends early when `stop` is set.

        Raises:
            StoreError: the database is in trouble; what was deleted before stays deleted.
            CorruptRecord: a run cannot be read, so that it is not known what it needs.
        """
        before_s = self.clock.now_s() - self.keep_s
        deleted: dict[type[Record], int] = {Exposure: 0, Occurrence: 0}
        try:
            for kind in deleted:
                for went in self._batches(kind, before_s, stop):
                    deleted[kind] += went
        finally:
            if any(deleted.values()):
                counts = {"exposures": deleted[Exposure], "events": deleted[Occurrence]}
                _log.info("users' records deleted", **counts, received_before_s=before_s)
        return deleted

    def _batches(self, kind: type[Record], before_s: float, stop: threading.Event) -> Iterator[int]:
        """How many went, batch by batch; which experiments need theirs is asked anew when a run begins."""
        upto_s: float | None = 0.0
        active: frozenset[str] | None = None
        spare: frozenset[str] = frozenset()
        while upto_s is not None and not stop.is_set():
            begun_s = time.monotonic()
            if (now_active := frozenset(self.store.active())) != active:
                active, spare = now_active, self._needed(before_s)
            swept = self.intake.sweep(kind, Old(after_s=upto_s, before_s=before_s, spare=spare), MOST)
            yield swept.deleted
            upto_s = swept.upto_s
            # Half of the time the database is free for others.
            stop.wait(max(time.monotonic() - begun_s, _LEAST_PAUSE_S))

    def _needed(self, before_s: float) -> frozenset[str]:
        """Experiments whose runs go on, or have ended since then."""
        unknown, names = set(self.store.active()), set()
        for stored in self.store.each_run():
            unknown.discard(stored.snapshot.run.id)
            if _needs(stored.snapshot.run, before_s):
                names |= _names(stored)
        if unknown:
            msg = f"run {min(unknown)} goes on and cannot be read; until then no user's record is deleted"
            raise CorruptRecord(msg)
        return frozenset(names)


@contextmanager
def deleting(retention: Retention) -> Iterator[None]:
    """Delete meanwhile, in a thread of its own, what has grown old."""
    stop = threading.Event()
    worker = threading.Thread(target=retention.work, args=(stop,), name="rampwise-retention", daemon=True)
    worker.start()
    try:
        yield
    finally:
        stop.set()
        worker.join(_END_WITHIN_S)


def _needs(run: Run, before_s: float) -> bool:
    return not run.phase.ended or (run.ended_s or run.last_event_s) >= before_s


def _names(stored: StoredRun) -> set[str]:
    """What records of this run may call their experiment: its own name, and the one that its flags have."""
    target: Any = stored.spec.get("document", {}).get("spec", {}).get("target", {})
    options = target.values() if isinstance(target, dict) else ()
    named = {each.get("experiment") for each in options if isinstance(each, dict)}
    return {stored.snapshot.run.name} | {name for name in named if isinstance(name, str)}
