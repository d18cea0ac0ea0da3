"""`rampwise serve`: the engine that drives all runs, and its pages."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.session import session_of, the_store

if TYPE_CHECKING:
    from engine.web.server import Listen


def serve(
    ctx: typer.Context,
    once: Annotated[
        bool, typer.Option("--once", help="One tick of every run, then end: for a scheduler such as cron.")
    ] = False,
    listen: Annotated[
        str | None,
        typer.Option(
            "--listen",
            metavar="HOST:PORT|off",
            help="Where to serve pages and metrics, else 127.0.0.1:8484; port 0 is any free one.",
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option("--allow-host", metavar="NAME", help="A further name that browsers may ask for."),
    ] = None,
    flags: Annotated[
        Path | None,
        typer.Option(
            "--flags",
            metavar="FILE",
            help="Evaluate the flags of this flagd file for applications (OpenFeature's OFREP).",
        ),
    ] = None,
) -> None:
    """Drive all runs until Ctrl-C or SIGTERM, and show them in a browser.

    New runs are driven as they appear, and those that another engine drives are left to it.

    Several engines may share one database: each run is driven by one of them at a time. Logs go to stderr,
    as JSON where that is not a terminal. The pages are read-only and ask for no log-in.

    Example:
      rampwise serve
      rampwise serve --listen 127.0.0.1:9000
      rampwise serve --once
      rampwise serve --flags flags.json
    """
    import logging

    from engine.cli.logs import log_to_stderr
    from engine.cli.serving_loop import serve_all, tick_all
    from engine.errors import UsageError

    address = address_of(listen)
    if flags is not None and (once or address is None):
        msg = "--flags: nothing is served with --once or `--listen off`; leave one of them out."
        raise UsageError(msg)
    store = the_store()
    log_to_stderr(logging.INFO, as_json=not sys.stderr.isatty())
    if once:
        raise typer.Exit(tick_all(store))
    session = session_of(ctx)
    session.say("Driving all runs. Ctrl-C ends it; the runs wait until somebody drives them again.")
    serve_all(store, address, allow_host or (), session.say, flags)


def address_of(text: str | None) -> "Listen | None":
    """The place that --listen names, None for nowhere. UsageError when it is no place."""
    from engine.errors import UsageError
    from engine.web.server import DEFAULT_PORT, Listen

    if text is None:
        return Listen(host="127.0.0.1", port=DEFAULT_PORT, asked=False)
    try:
        return Listen.parse(text)
    except ValueError as error:
        msg = f"--listen: {text!r} is not {error}"
        raise UsageError(msg) from error
