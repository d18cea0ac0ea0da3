"""What every command shares: where talk goes, who asks, and the store.

Imports of everything heavy stand inside the functions, here and in all commands, so that `--help` is fast.
"""

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import typer

if TYPE_CHECKING:
    from engine.driver import Driver
    from engine.ports import Clock, Store

DATABASE_VARIABLE = "RAMPWISE_DATABASE"
SOURCE = "cli"
"""How the event log names this door."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One call of the command line."""

    quiet: bool

    def say(self, text: str) -> None:
        """Talk, on stderr; nothing with --quiet."""
        if not self.quiet:
            typer.echo(text, err=True)

    def confirm(self, question: str, *, yes: bool) -> None:
        """Ask before something that cannot be taken back; the default is No.

        Raises:
            UsageError: without a terminal there is nobody to ask, so --yes is needed.
        """
        if yes:
            return
        if not is_terminal():
            from engine.errors import UsageError

            msg = f"{question} Nobody can be asked here, because this is no terminal: add --yes."
            raise UsageError(msg)
        typer.confirm(question, default=False, abort=True, err=True)


def session_of(ctx: typer.Context) -> Session:
    """The session that the root command made."""
    return cast("Session", ctx.obj)


def is_terminal() -> bool:
    """Whether a person sits here who can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def redraws() -> bool:
    """Whether stdout is a screen on which a picture can be drawn anew."""
    return sys.stdout.isatty() and os.environ.get("TERM", "") not in {"", "dumb"}


def the_store() -> "Store":
    """The store that `--db`, the environment or the default names. StoreError when it cannot be used."""
    from engine.cli.logs import log_to_stderr
    from engine.wiring import open_store

    log_to_stderr()
    return open_store()


def the_clock() -> "Clock":
    """The machine's clock."""
    from engine.adapters.clock import SystemClock

    return SystemClock()


def a_driver(store: "Store", owner: str = "") -> "Driver":
    """A driver under this process's own name, or another; its name is also the source of its events."""
    from engine import wiring
    from engine.adapters.identity import process_name
    from engine.driver import Driver

    name = owner or process_name()
    return Driver(
        store=store,
        assemble=lambda run_id: wiring.assemble(store, run_id, name),
        clock=the_clock(),
        owner=name,
    )
