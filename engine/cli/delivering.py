"""Sends what is to be told while a command drives runs, and at its end."""

from contextlib import AbstractContextManager
from functools import partial

from engine import wiring
from engine.cli.session import the_clock
from engine.courier import Courier, working
from engine.ports import Store

AFTER_A_COMMAND_S = 5.0
"""How long a command that ended a run waits for its notices to leave."""


def a_courier(store: Store) -> Courier:
    """A courier for the letters of all runs in this store."""
    return Courier(outbox=store, open_sink=partial(wiring.open_sink, store), clock=the_clock())


def delivering(store: Store) -> AbstractContextManager[None]:
    """Letters leave meanwhile, beside everything else."""
    return working(a_courier(store))


def deliver_now(store: Store, within_s: float = AFTER_A_COMMAND_S) -> None:
    """Letters that are due leave now; what does not waits for the next engine."""
    a_courier(store).flush(within_s)
