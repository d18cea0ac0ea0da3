"""The engine's loop with its log: one line per change of a run."""

import gc
import os
import sys
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

import structlog

from engine.cli.delivering import deliver_now, delivering
from engine.cli.seeing_through import stopped_by_signals
from engine.cli.session import a_driver
from engine.cli.summary import reason_of
from engine.core.outcome import ExitCode
from engine.core.run import Run
from engine.driver import Driver, Observer, serve
from engine.errors import RampwiseError, StoreError
from engine.observing import Observers
from engine.ports import Snapshot, Store
from engine.provider.provider import Provider
from engine.runner import Parts
from engine.web.app import Site
from engine.web.applications import Applications
from engine.web.board import Board
from engine.web.feeds import Feeds
from engine.web.flags import FlagFile
from engine.web.health import Health
from engine.web.intake import TOKEN_VARIABLE as APPLICATION_TOKEN
from engine.web.metrics import Metrics
from engine.web.reports import Reports
from engine.web.server import Listen, bind, serving
from engine.web.verdicts import TOKEN_VARIABLE, Verdicts
from engine.wiring import intake_of

_log = structlog.get_logger("rampwise.serve")

AGAIN_S = 1.0
"""Pause after trouble with the database."""


_OBJECTS_BETWEEN_COLLECTIONS = 50_000
_TURN_S = 0.03
_TURN_WITH_FLAGS_S = 0.001


def lasting(*, with_flags: bool = False) -> None:
    """For a process that drives many runs for long: it spends less on housekeeping of its own.

    Hardly anything here forms cycles, and searching the state of a thousand runs for garbage took a tenth of
    all work. Threads that wait for their turn wake up so often to ask for it; a fifth of all work was that.
    Who asks for a flag waits for several such turns, though, while exposures are written.
    """
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS, 20, 20)
    sys.setswitchinterval(_TURN_WITH_FLAGS_S if with_flags else _TURN_S)


@dataclass(slots=True)
class RunLog:
    """An observer that logs what changed in a run."""

    _seen: dict[str, object] = field(default_factory=dict)

    def on_round(self) -> None:
        """Nothing changed yet."""

    def on_start(self, run_id: str, known: Run | None) -> None:
        """Nothing changed yet."""

    def on_tick(self, snapshot: Snapshot, took_s: float) -> None:
        """One line, if the run stands elsewhere than before."""
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

    def on_error(self, run_id: str, error: Exception) -> None:
        """The driver itself logs it."""


def serve_all(
    store: Store,
    listen: Listen | None,
    hosts: Collection[str],
    say: Callable[[str], None],
    flags: Path | None = None,
    origins: Collection[str] = frozenset(),
) -> None:
    """Drive all runs until SIGINT or SIGTERM; leases are given up at the end.

    Args:
        store: where the runs are.
        listen: where to serve pages, None for nowhere.
        hosts: further names under which the pages may be asked for.
        say: talks to the person who started this.
        flags: flagd file whose flags are evaluated for applications, None for none.
        origins: whose pages may ask for flags and send events.

    Raises:
        UsageError: that place cannot be listened on.
    """
    lasting(with_flags=flags is not None)
    with delivering(store), stopped_by_signals() as stop:
        if listen is None:
            _drive(_logging_driver(store), stop)
            return
        bound = bind(listen)
        plain = a_driver(store)
        site = site_of(store, plain, flags, origins)
        driver = observed(plain, site)
        with serving(site, bound, {listen.host, *hosts}) as url:
            say(f"Pages: {url}")
            _log.info("pages", url=url)
            if not listen.is_local:
                _log.warning("pages can be read by everybody who reaches this machine: there is no log-in")
            _drive(driver, stop)


def tick_all(store: Store) -> ExitCode:
    """One tick of every run that nobody else drives; ERROR when one failed."""
    driver = _logging_driver(store)
    code = ExitCode.OK
    for run_id in store.active():
        try:
            driver.step(run_id)
        except RampwiseError as error:
            _log.error("tick failed", run=run_id, error=str(error))
            code = ExitCode.ERROR
        finally:
            driver.give_up(run_id)
    deliver_now(store)
    return code


def _drive(driver: Driver, stop: threading.Event) -> None:
    _log.info("serving", engine=driver.owner)
    while not stop.is_set():
        try:
            serve(driver, stop)
        except StoreError as error:
            _log.error("database cannot be used, trying again", error=str(error))
            stop.wait(AGAIN_S)
    _log.info("ended", engine=driver.owner)


def _logging_driver(store: Store) -> Driver:
    return replace(a_driver(store), observer=RunLog())


def site_of(
    store: Store, driver: Driver, flags: Path | None = None, origins: Collection[str] = frozenset()
) -> Site:
    """The pages over this store, and what applications call."""
    board = Board(store=store, clock=driver.clock)
    metrics = Metrics(store, board, version("rampwise"))
    return Site(
        store=store,
        clock=driver.clock,
        board=board,
        metrics=metrics,
        health=Health(store=store, metrics=metrics),
        reports=Reports(store=store),
        feeds=Feeds(store=store, board=board, clock=driver.clock),
        verdicts=Verdicts(
            provider=Provider(store=store, clock=driver.clock, place=driver.owner),
            token=os.environ.get(TOKEN_VARIABLE, ""),
        ),
        applications=Applications.of(
            intake_of(store),
            driver.clock,
            token=os.environ.get(APPLICATION_TOKEN, ""),
            flags=None if flags is None else FlagFile(flags),
            origins=origins,
        ),
    )


def observed(plain: Driver, site: Site, *more: Observer) -> Driver:
    """The driver with everybody who watches it, and with sources whose answers are counted."""

    def assemble(run_id: str) -> Parts:
        parts = plain.assemble(run_id)
        return replace(parts, source=site.metrics.counted(parts.source))

    observers = Observers((RunLog(), site.metrics, site.board, *more))
    return Driver(
        store=plain.store, assemble=assemble, clock=plain.clock, owner=plain.owner, observer=observers
    )
