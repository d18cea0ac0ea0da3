"""The controller's life: stand by, lead, drive all runs and keep all objects up to date, stand by again.

Only the leader drives runs and writes anything; see `engine.controller.election`.
"""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from engine.adapters.kubernetes.guard import GUARD
from engine.adapters.kubernetes.reflector import Key, Reflector
from engine.adapters.kubernetes.watching import COPYING
from engine.controller.election import RENEW_S, Election
from engine.controller.past import visible
from engine.controller.queue import Queue
from engine.controller.reconciler import Reconciler
from engine.controller.resource import wanted
from engine.core.run import Run
from engine.driver import Driver, Observer, serve
from engine.errors import RampwiseError
from engine.ports import Snapshot

_log = structlog.get_logger("rampwise.controller")

TROUBLE_S = 2.0
"""How long to wait after trouble with one object, or with the database."""
RESYNC_S = 300.0
"""Every object is looked at so often even if nothing seems to have changed."""
HANDS = 8
"""Objects looked at at once: looking mostly waits for the API server, and a thousand may come at once."""
_LOOK_S = 0.2
"""How often the leader asks itself whether it still leads."""


@dataclass(slots=True)
class Publisher:
    """Tells the queue which objects' runs have news. Called in the driver's threads."""

    queue: Queue
    _keys: dict[str, Key] = field(default_factory=dict)
    _seen: dict[str, object] = field(default_factory=dict)

    def belongs(self, run_id: str, key: Key) -> None:
        """This run is that object's."""
        self._keys[run_id] = key

    def on_round(self) -> None:
        """Nothing changed."""

    def on_start(self, run_id: str, known: Run | None) -> None:
        """Nothing changed yet."""

    def on_tick(self, snapshot: Snapshot, took_s: float) -> None:
        """The object is looked at if its run stands elsewhere than before."""
        run = snapshot.run
        now = visible(run)
        if self._seen.get(run.id) != now and run.id in self._keys:
            self._seen[run.id] = now
            self.queue.add(self._keys[run.id])
        if run.phase.ended:
            self._seen.pop(run.id, None)
            self._keys.pop(run.id, None)

    def on_error(self, run_id: str, error: Exception) -> None:
        """The driver logs it."""


@dataclass(slots=True)
class Controller:
    """Everything that the controller consists of.

    Attributes:
        crew: how the names of all candidates on the leases of runs begin; `driver.owner` is one of them.
    """

    election: Election
    reflector: Reflector
    reconciler: Reconciler
    driver: Driver
    crew: str
    queue: Queue
    publisher: Publisher
    observer: Observer

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set: stand by, and lead whenever it falls to this process."""
        GUARD.only_while(self.election.leads)
        watching = _thread("reflector", lambda: self.reflector.run(stop))
        _log.info("standing by", identity=self.election.identity)
        try:
            while not stop.is_set():
                self.observer.on_round()
                if self.election.attempt():
                    self._lead(stop)
                else:
                    stop.wait(RENEW_S * random.uniform(0.5, 1.0))  # noqa: S311 (spreads load, no secret)
            self.election.resign()
            watching.join(1.0)
        finally:
            GUARD.lift()

    def _lead(self, stop: threading.Event) -> None:
        """One term: ends when the lease is lost, or with the process.

        The lease is renewed in a thread of its own: an API server that does not answer keeps it busy for
        longer than the lease lasts, and the term must be over by then.
        """
        _log.info("leading", identity=self.election.identity)
        # What copies showed before may be older than what another leader has done.
        COPYING.begin()
        over = threading.Event()
        threads = [
            _thread("lease", lambda: self._renew(over)),
            _thread("driver", lambda: _guarded(lambda: self._drive(over), over)),
            _thread("reconciler", lambda: _guarded(lambda: self._reconcile(over), over)),
        ]
        while self.election.leads() and not stop.wait(_LOOK_S):
            continue
        over.set()
        for thread in threads:
            thread.join()
        COPYING.end()
        _log.info("not leading any more", identity=self.election.identity)

    def _renew(self, over: threading.Event) -> None:
        while not over.wait(RENEW_S):
            self.election.attempt()

    def _drive(self, over: threading.Event) -> None:
        """Drive all runs, also those that a leader before this one held and cannot hold any more.

        Their leases pass on with new tokens, so that whatever that leader still writes is refused.
        """
        store, clock = self.driver.store, self.driver.clock
        for run_id in store.active():
            lease = store.holder(run_id, clock.now_s())
            if lease is not None and lease.owner.startswith(self.crew) and lease.owner != self.driver.owner:
                store.release(lease)
        serve(self.driver, over)

    def _reconcile(self, over: threading.Event) -> None:
        self.reconciler.learn()
        while not self.reflector.synced.wait(_LOOK_S):
            if over.is_set():
                return
        for each in self.reflector.known():
            self.queue.add(each)
        hands = [_thread("hand", lambda: self._look_at_all(over)) for _ in range(HANDS)]
        for hand in hands:
            hand.join()

    def _look_at_all(self, over: threading.Event) -> None:
        while not over.is_set():
            key = self.queue.take(_LOOK_S)
            if key is None:
                continue
            try:
                self._look_at(key)
            finally:
                self.queue.done(key)

    def _look_at(self, key: Key) -> None:
        manifest = self.reflector.get(key)
        if manifest is None:
            return
        try:
            found = wanted(manifest)
            again_s = self.reconciler.reconcile(found)
            run_id = self.reconciler.runs.get(found.uid)
            if run_id is not None:
                self.publisher.belongs(run_id, key)
        except RampwiseError as error:
            _log.warning(
                "experiment not up to date, trying again", experiment="/".join(key), error=str(error)
            )
            again_s = TROUBLE_S
        except Exception:  # noqa: BLE001 (one object's bug must not stop the others; it is logged in full)
            _log.exception("experiment failed unexpectedly, trying again", experiment="/".join(key))
            again_s = TROUBLE_S
        self.queue.add(key, RESYNC_S if again_s is None else again_s)


def _guarded(work: Callable[[], None], over: threading.Event) -> None:
    """Begin again after trouble, such as with the database, for as long as the term lasts."""
    while not over.is_set():
        try:
            work()
        except RampwiseError as error:
            _log.error("trouble, beginning again", error=str(error))
            over.wait(TROUBLE_S)
        except Exception:  # noqa: BLE001 (a leader whose thread has ended would lead and do nothing)
            _log.exception("unexpected trouble, beginning again")
            over.wait(TROUBLE_S)


def _thread(name: str, work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, name=f"rampwise-{name}", daemon=True)
    thread.start()
    return thread
