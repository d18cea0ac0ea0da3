"""Sees a run through to its end: drives it unless somebody does, shows it, and lets go of it on Ctrl-C."""

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from engine.cli.delivering import delivering
from engine.cli.session import Session, a_driver, the_clock
from engine.cli.watching import showing
from engine.core import talk
from engine.core.blockers import BLIND, DISTRUST
from engine.core.outcome import ExitCode, exit_code
from engine.core.run import Run
from engine.driver import drive
from engine.ports import Store

AWAIT_DRIVER_S = 2.0
_LOOK_EVERY_S = 0.1


def see_through(session: Session, store: Store, run_id: str, timeout_s: float | None) -> ExitCode:
    """Drive or follow a run until it ends or `timeout_s` is over; the exit code it means.

    Raises:
        typer.Exit: interrupted (130); the run is left as it is.
    """
    driver, clock = a_driver(store), the_clock()
    deadline_s = None if timeout_s is None else clock.now_s() + timeout_s
    with (
        delivering(store),
        stopped_by_signals() as stop,
        showing(store, run_id, clock, sys.stderr, explain=False, stays=False) as show,
    ):
        run = drive(driver, run_id, stop, show, deadline_s).run
    if run.phase.ended:
        return exit_code(run)
    owner = _holder(store, run_id)
    session.say(talk.driven_by(owner) + "." if owner else talk.left_undriven(run_id))
    if stop.is_set():
        raise typer.Exit(ExitCode.INTERRUPTED)
    return code_at_timeout(run)


def code_at_timeout(run: Run) -> ExitCode:
    """What a run that has not ended means: not trusted while its data are missing or not to be believed."""
    untrusted = any(blocker.kind in BLIND | DISTRUST for blocker in run.blockers)
    return ExitCode.NOT_TRUSTED if untrusted else ExitCode.UNDECIDED


def await_driver(store: Store, run_id: str) -> str | None:
    """Who began to drive a new run; None when nobody did within a moment."""
    deadline_s = time.monotonic() + AWAIT_DRIVER_S
    while time.monotonic() < deadline_s:
        owner = _holder(store, run_id)
        if owner is not None or store.load(run_id).snapshot.run.phase.ended:
            return owner
        time.sleep(_LOOK_EVERY_S)
    return None


@contextmanager
def stopped_by_signals() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set instead of ending the process in the middle of something."""
    stop = threading.Event()
    kinds = (signal.SIGINT, signal.SIGTERM)
    before = {kind: signal.signal(kind, lambda *_: stop.set()) for kind in kinds}
    try:
        yield stop
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


def _holder(store: Store, run_id: str) -> str | None:
    lease = store.holder(run_id, the_clock().now_s())
    return None if lease is None else lease.owner
