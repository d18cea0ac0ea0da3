"""A process that launches, ends and tells of a run, and is killed at one boundary; importable by a child."""

import os
import signal
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

from sqlalchemy import event

from engine.adapters.sinks import WebhookSink
from engine.adapters.store import open_store
from engine.core.events import Event
from engine.core.evolve import evolve
from engine.core.letter import Letter
from engine.core.model import NoticeKind, PluginChoice, SinkChoice
from engine.courier import Courier
from engine.errors import UsageError
from engine.plugins import check_options
from engine.ports import Lease, Sink, Snapshot, Store
from engine.telling import letters_of
from tests.builders import an_experiment
from tests.contracts.store_samples import ended, started

RUN_ID = "r1"
FORKSERVER = get_context("forkserver")
FORKSERVER.set_forkserver_preload([__name__])  # processes to be killed start in milliseconds
HOOK = SinkChoice(
    name="hook", plugin=PluginChoice(name="webhook", options={}), on=(NoticeKind.LAUNCHED, NoticeKind.STOPPED)
)
EXPERIMENT = an_experiment(sinks=(HOOK,))


@dataclass
class Fate:
    """Counts boundaries, and is SIGKILL at one of them."""

    kill_at: int | None
    passed: int = 0

    def __call__(self) -> None:
        if self.passed == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        self.passed += 1


class Mortal:
    """Wraps a port; may die just before and just after each call."""

    def __init__(self, port: Any, fate: Fate) -> None:
        self._port = port
        self._fate = fate

    def __getattr__(self, name: str) -> Any:
        def called(*args: Any, **kwargs: Any) -> Any:
            self._fate()
            result = getattr(self._port, name)(*args, **kwargs)
            self._fate()
            return result

        return called


@dataclass(frozen=True)
class Clock:
    at_s: float

    def now_s(self) -> float:
        return self.at_s


def live(url: str, hook_url: str, kill_at: int | None, now_s: float, answers: Any = None) -> None:
    """Launch the run unless it is there, end it unless it has ended, and tell of both."""
    fate = Fate(kill_at)
    real = open_store(url)
    event.listen(real._database._engine, "commit", lambda _connection: fate())
    store: Any = Mortal(real, fate)
    _ensure_launched(store)
    _ensure_ended(store, now_s)
    hook: Sink = Mortal(WebhookSink(check_options(WebhookSink, {"url": hook_url})), fate)  # type: ignore[assignment]

    def open_sink(_letter: Letter) -> Sink:
        return hook

    Courier(outbox=store, open_sink=open_sink, clock=Clock(now_s)).flush()
    real.close()
    if answers is not None:
        answers.put(fate.passed)


def _ensure_launched(store: Store) -> None:
    try:
        store.load(RUN_ID)
    except UsageError:
        snapshot, spec, events = started(RUN_ID)
        store.create(snapshot, spec, events, letters=letters_of(EXPERIMENT, None, events))


def _ensure_ended(store: Store, now_s: float) -> None:
    """The intent of the end in one transaction and its result in the next, as the runner writes them."""
    before = store.load(RUN_ID).snapshot
    lease = store.acquire(RUN_ID, f"engine-{os.getpid()}", now_s, 30)
    assert lease is not None
    for each in ended(started(RUN_ID)[0])[0]:
        if each.seq > before.run.seq:
            before = _append(store, lease, before, [each])
    store.release(lease)


def _append(store: Store, lease: Lease, before: Snapshot, events: list[Event]) -> Snapshot:
    run = before.run
    for each in events:
        run = evolve(run, each)
    after = Snapshot(run=run, evidence=before.evidence, cursor=before.cursor)
    store.append(lease, events, after, letters_of(EXPERIMENT, before.run, events))
    return after
