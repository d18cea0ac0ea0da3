"""`rampwise events`: the log of a run."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.options import Output, OutputOption, RunArgument
from engine.cli.session import Session, session_of, the_store

if TYPE_CHECKING:
    from rich.table import Table

    from engine.core.events import Event
    from engine.ports import Store

SCHEMA = "rampwise.dev/events/v1"
LINE_SCHEMA = "rampwise.dev/event/v1"
LOOK_EVERY_S = 1.0


def events(
    ctx: typer.Context,
    run: RunArgument,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the run ends, one line per event.")
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show what happened in a run, in order.

    Readings, decisions, acts before and after they are done, and people's commands.

    The table leaves readings out; `-o wide` and all other forms have them. With -f, JSON is
    one object a line.

    Example:
      rampwise events checkout-v2
      rampwise events checkout-v2 -f -o json
    """
    from engine.cli.lookup import find_run

    store = the_store()
    run_id = find_run(store, run).snapshot.run.id
    if follow:
        _follow(store, run_id, output)
    else:
        _put(session_of(ctx), run_id, store.events(run_id), output)


def event_to_plain(event: "Event") -> dict[str, Any]:
    """One event as plain JSON values; `kind` says what `payload` is."""
    from engine.codec import to_plain
    from engine.core import talk

    return {
        "seq": event.seq,
        "at_s": event.at_s,
        "actor": str(event.actor),
        "source": event.source,
        "rule": None if event.rule is None else event.rule.value,
        "reason": event.reason,
        "kind": talk.kind_of(event.payload),
        "payload": to_plain(type(event.payload), event.payload),
    }


def _put(session: Session, run_id: str, found: Sequence["Event"], output: Output) -> None:
    from engine.cli.printing import put

    put(
        output,
        names=[f"{run_id}/{event.seq}" for event in found],
        plain={"schema": SCHEMA, "run": run_id, "events": [event_to_plain(event) for event in found]},
        picture=lambda wide: _draw(_shown(found, wide=wide), wide=wide),
    )
    left_out = len(found) - len(_shown(found, wide=False))
    if output is Output.TABLE and left_out:
        session.say(f"{left_out} events with readings are left out; `-o wide` shows them.")


def _follow(store: "Store", run_id: str, output: Output) -> None:
    seq = 0
    while True:
        ended = store.load(run_id).snapshot.run.phase.ended
        found = store.events(run_id, seq)
        for event in _shown(found, wide=output is not Output.TABLE):
            typer.echo(_line(event, output))
        seq = found[-1].seq if found else seq
        if ended:
            return
        time.sleep(LOOK_EVERY_S)


def _shown(found: Sequence["Event"], *, wide: bool) -> list["Event"]:
    from engine.core.events import Observed

    return [event for event in found if wide or not isinstance(event.payload, Observed)]


def _line(event: "Event", output: Output) -> str:
    match output:
        case Output.TABLE | Output.WIDE:
            return "  ".join(_cells(event, wide=output is Output.WIDE))
        case Output.JSON | Output.YAML:
            from engine.cli.printing import to_json

            # A JSON object is a YAML document too.
            start = "--- " if output is Output.YAML else ""
            return start + to_json({"schema": LINE_SCHEMA, "run": event.run_id, **event_to_plain(event)})
        case Output.NAME:
            return f"{event.run_id}/{event.seq}"


def _draw(found: Sequence["Event"], *, wide: bool) -> "Table":
    from engine.cli.printing import table

    drawn = table(">SEQ", "TIME", "ACTOR", "EVENT", "WHAT", "RULE", "REASON", *(("SOURCE",) if wide else ()))
    for event in found:
        drawn.add_row(*_cells(event, wide=wide))
    return drawn


def _cells(event: "Event", *, wide: bool) -> tuple[str, ...]:
    from engine.core import talk
    from engine.core.numbers import clock_time

    return (
        str(event.seq),
        clock_time(event.at_s),
        str(event.actor),
        talk.kind_of(event.payload),
        talk.event(event.payload),
        "–" if event.rule is None else event.rule.value,
        event.reason or "–",
        *((event.source,) if wide else ()),
    )
