"""Deletes users' old records while a command drives runs, where it was told how long to keep them."""

from contextlib import AbstractContextManager, nullcontext

from engine.cli.session import the_clock
from engine.ports import Store
from engine.retention import Retention, deleting
from engine.wiring import intake_of


def retaining(store: Store, keep_s: float | None) -> AbstractContextManager[None]:
    """Meanwhile no record is kept longer than so many seconds; None keeps them for ever."""
    if keep_s is None:
        return nullcontext()
    return deleting(Retention(store=store, intake=intake_of(store), clock=the_clock(), keep_s=keep_s))
