"""`rampwise serve`: the engine that drives all runs, and its pages."""

import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.options import KeepEventsOption
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
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-origin",
            metavar="URL",
            help="Pages from there may ask for flags and send events in a browser.",
        ),
    ] = None,
    keep_events_s: KeepEventsOption = None,
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
      rampwise serve --flags flags.json --allow-origin https://shop.example --keep-events 90d
    """
    import logging

    from engine.cli.logs import log_to_stderr
    from engine.cli.retaining import retaining
    from engine.cli.serving_loop import serve_all, tick_all

    address = address_of(listen)
    if once or address is None:
        _refuse({"--flags": flags, "--allow-origin": allow_origin}, "--once or `--listen off`")
    if once:
        _refuse({"--keep-events": keep_events_s}, "--once")
    origins = origins_of(allow_origin or ())
    store = the_store()
    log_to_stderr(logging.INFO, as_json=not sys.stderr.isatty())
    if once:
        raise typer.Exit(tick_all(store))
    session = session_of(ctx)
    session.say("Driving all runs. Ctrl-C ends it; the runs wait until somebody drives them again.")
    with retaining(store, keep_events_s):
        serve_all(store, address, allow_host or (), session.say, flags, origins)


def _refuse(options: Mapping[str, object], beside: str) -> None:
    """UsageError when one of these options is given beside one with which it does nothing."""
    from engine.errors import UsageError

    for name, value in options.items():
        if value is not None:
            msg = f"{name}: it does nothing with {beside}; leave one of them out."
            raise UsageError(msg)


def origins_of(texts: Collection[str]) -> frozenset[str]:
    """The origins that --allow-origin names. UsageError when one is none."""
    from engine.errors import UsageError
    from engine.web.origins import origin_of

    found = set()
    for text in texts:
        try:
            found.add(origin_of(text))
        except ValueError as error:
            msg = f"--allow-origin: {text!r} is not {error}"
            raise UsageError(msg) from error
    return frozenset(found)


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
