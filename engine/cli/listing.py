"""`rampwise list`: all runs, trouble first."""

from typing import Annotated

import typer

from engine.cli.options import Output, OutputOption
from engine.cli.session import session_of, the_clock, the_store

SCHEMA = "rampwise.dev/runs/v1"


def list_runs(
    ctx: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Finished runs too.")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show runs, those that need somebody first.

    First come runs that cannot be read, that nobody drives, that are blind or blocked.

    Example:
      rampwise list
      rampwise list --all -o json
    """
    from engine.cli.pictures import draw_runs
    from engine.cli.printing import put
    from engine.cli.summary import Summary, summaries
    from engine.codec import to_plain

    store = the_store()
    found = summaries(store, now_s=the_clock().now_s(), ended_too=everything)
    unreadable = [str(error) for error in store.unreadable()]
    put(
        output,
        names=[one.id for one in found],
        plain={"schema": SCHEMA, "runs": [to_plain(Summary, one) for one in found], "unreadable": unreadable},
        picture=lambda wide: draw_runs(found, wide=wide),
    )
    if not found and not unreadable:
        session_of(ctx).say(
            "No runs. `rampwise launch FILE` begins one; `rampwise list --all` shows finished ones."
        )
