"""Shows a run while it goes on: a picture drawn anew on a screen, one line per change elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

import typer
from rich.console import Console, Group
from rich.live import Live as Screen

from engine.cli.pictures import draw_run
from engine.cli.run_view import view_of
from engine.cli.session import redraws
from engine.cli.summary import reason_of
from engine.core import talk
from engine.core.numbers import clock_time
from engine.ports import Clock, Snapshot, Store

Show = Callable[[Snapshot], None]


@contextmanager
def showing(
    store: Store, run_id: str, clock: Clock, lines_to: TextIO, *, explain: bool, stays: bool
) -> Iterator[Show]:
    """Something to show snapshots with.

    Lines go to `lines_to` where nothing can be redrawn; with `explain` the picture has each query's answer,
    and with `stays` the last picture is left on the screen.
    """
    if redraws():
        console = Console(highlight=False, markup=False, emoji=False)
        with Screen(console=console, auto_refresh=False, transient=not stays) as screen:
            yield lambda _: screen.update(_picture(store, run_id, clock, explain=explain), refresh=True)
    else:
        yield _Lines(lines_to).show


def _picture(store: Store, run_id: str, clock: Clock, *, explain: bool) -> Group:
    return draw_run(view_of(store, store.load(run_id), clock.now_s(), with_queries=explain))


class _Lines:
    """One line per change of phase, weights, decision or blockers."""

    def __init__(self, lines_to: TextIO) -> None:
        self._lines_to = lines_to
        self._seen: object = None

    def show(self, snapshot: Snapshot) -> None:
        """Print a line if anything but numbers changed."""
        run = snapshot.run
        blockers = frozenset(blocker.kind for blocker in run.blockers)
        now = (run.phase, run.weights, run.step, run.last_rule, blockers)
        if now != self._seen:
            self._seen = now
            typer.echo(line_of(snapshot), file=self._lines_to)


def line_of(snapshot: Snapshot) -> str:
    """One change as a line: when, which run, where it stands, why."""
    run, reason = snapshot.run, reason_of(snapshot) or "launched"
    return f"{clock_time(run.last_event_s)}  {run.id}  {talk.standing(run)}  {run.last_rule}: {reason}"
