"""`rampwise serve`: the engine that drives all runs."""

import sys
from typing import Annotated

import typer

from engine.cli.session import session_of, the_store


def serve(
    ctx: typer.Context,
    once: Annotated[
        bool, typer.Option("--once", help="One tick of every run, then end: for a scheduler such as cron.")
    ] = False,
) -> None:
    """Drive all runs until Ctrl-C or SIGTERM.

    New runs are driven as they appear, and those that another engine drives are left to it.

    Several engines may share one database: each run is driven by one of them at a time. Logs go to stderr,
    as JSON where that is not a terminal.

    Example:
      rampwise serve
      rampwise serve --once
    """
    import logging

    from engine.cli.logs import log_to_stderr
    from engine.cli.serving_loop import serve_all, tick_all

    store = the_store()
    log_to_stderr(logging.INFO, as_json=not sys.stderr.isatty())
    if once:
        raise typer.Exit(tick_all(store))
    session_of(ctx).say("Driving all runs. Ctrl-C ends it; the runs wait until somebody drives them again.")
    serve_all(store)
