"""`rampwise status`: one run, once or for as long as it goes on. Drives nothing."""

import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.options import Output, OutputOption, RunArgument
from engine.cli.session import the_clock, the_store

if TYPE_CHECKING:
    from engine.cli.run_view import RunView
    from engine.ports import Clock, Store

LOOK_EVERY_S = 1.0


def status(
    run: RunArgument,
    watch: Annotated[
        bool,
        typer.Option("--watch", "-w", help="Go on until the run ends; off a terminal one line per change."),
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show each query and what it returns now.")
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show where a run stands, by which evidence, and what comes next.

    Example:
      rampwise status checkout-v2
      rampwise status checkout-v2 -w
      rampwise status checkout-v2 --explain -o json
    """
    from engine.cli.lookup import find_run
    from engine.cli.run_view import view_of

    store, clock = the_store(), the_clock()
    found = find_run(store, run)
    if watch:
        _watch(store, found.snapshot.run.id, clock, explain=explain)
    else:
        put_view(output, view_of(store, found, clock.now_s(), with_queries=explain))


def put_view(output: Output, view: "RunView") -> None:
    """Print one run."""
    from engine.cli.pictures import draw_run
    from engine.cli.printing import put
    from engine.cli.run_view import view_to_plain

    put(output, names=[view.summary.id], plain=view_to_plain(view), picture=lambda _: draw_run(view))


def _watch(store: "Store", run_id: str, clock: "Clock", *, explain: bool) -> None:
    from engine.cli.watching import showing

    with showing(store, run_id, clock, sys.stdout, explain=explain, stays=True) as show:
        while True:
            snapshot = store.load(run_id).snapshot
            show(snapshot)
            if snapshot.run.phase.ended:
                return
            time.sleep(LOOK_EVERY_S)
