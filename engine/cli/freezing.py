"""`rampwise freeze`: no run gives the treatment more traffic while it lasts. Taking it away goes on."""

import typer

from engine.cli.options import Output, OutputOption, ReasonOption
from engine.cli.session import session_of, the_clock, the_store
from engine.cli.teaching import add

SCHEMA = "rampwise.dev/freeze/v1"

app = typer.Typer(help="Let no run give more traffic for a while. Rollbacks go on.", no_args_is_help=True)


def on(ctx: typer.Context, reason: ReasonOption) -> None:
    """Freeze all releases.

    Example:
      rampwise freeze on --reason "Black Friday"
    """
    from engine.adapters.identity import person
    from engine.core import talk
    from engine.core.events import Freeze
    from engine.core.printable import printable

    freeze = Freeze(reason=printable(reason), actor=person(), since_s=the_clock().now_s())
    the_store().set_freeze(freeze)
    session_of(ctx).say(talk.frozen_now(freeze))


def off(ctx: typer.Context) -> None:
    """End the freeze.

    Example:
      rampwise freeze off
    """
    from engine.core import talk

    the_store().set_freeze(None)
    session_of(ctx).say(talk.frozen_now(None))


def status(output: OutputOption = Output.TABLE) -> None:
    """Show whether releases are frozen, by whom and why.

    Example:
      rampwise freeze status -o json
    """
    from engine.cli.printing import put
    from engine.codec import to_plain
    from engine.core import talk
    from engine.core.events import Freeze

    freeze = the_store().freeze()
    put(
        output,
        names=["off" if freeze is None else "on"],
        plain={"schema": SCHEMA, "freeze": None if freeze is None else to_plain(Freeze, freeze)},
        picture=lambda _: talk.frozen_now(freeze),
    )


add(app, "on", on)
add(app, "off", off)
add(app, "status", status)
