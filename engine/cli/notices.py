"""`rampwise notices`: what somebody was told about a run, and what has not arrived yet."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.options import Output, OutputOption, RunArgument
from engine.cli.session import session_of, the_store

if TYPE_CHECKING:
    from rich.table import Table

    from engine.core.letter import Letter

SCHEMA = "rampwise.dev/notices/v1"


def notices(
    ctx: typer.Context,
    run: RunArgument,
    undelivered: Annotated[
        bool, typer.Option("--undelivered", help="Only those that wait, or were given up.")
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show who was told what about a run, and whether it arrived.

    One line per notice and sink of the experiment's `notify:`. What waits is tried again with growing pauses
    while an engine runs, for a day; then it is given up.

    Example:
      rampwise notices checkout-v2
      rampwise notices checkout-v2 --undelivered -o json
    """
    from engine.cli.lookup import find_run
    from engine.cli.printing import put

    store = the_store()
    run_id = find_run(store, run).snapshot.run.id
    found = [each for each in store.letters(run_id) if not undelivered or not _arrived(each)]
    put(
        output,
        names=[f"{each.notice.id} {each.sink}" for each in found],
        plain={"schema": SCHEMA, "run": run_id, "notices": [letter_to_plain(each) for each in found]},
        picture=lambda wide: _draw(found, wide=wide),
    )
    if not found:
        session_of(ctx).say("Nothing. `notify:` in the experiment says who is told of what.")


def letter_to_plain(letter: "Letter") -> dict[str, Any]:
    """One letter as plain JSON values; `notice` is what its sink is given."""
    from engine.core.notice import to_plain

    return {
        "sink": letter.sink,
        "state": letter.state.value,
        "attempts": letter.attempts,
        "due_s": None if letter.settled_s is not None else letter.due_s,
        "settled_s": letter.settled_s,
        "detail": letter.detail,
        "notice": to_plain(letter.notice),
    }


def _arrived(letter: "Letter") -> bool:
    return letter.state.value == "delivered"


def _draw(found: Sequence["Letter"], *, wide: bool) -> "Table":
    from rich.text import Text

    from engine.cli.printing import table
    from engine.core import talk
    from engine.core.numbers import clock_time
    from engine.core.wording import NOTICE_WORDS

    drawn = table(">SEQ", "TIME", "KIND", "SINK", "STATE", ">TRIES", "WHAT", *(("SENTENCE",) if wide else ()))
    for letter in found:
        notice = letter.notice
        drawn.add_row(
            str(notice.seq),
            clock_time(notice.at_s),
            " ".join(NOTICE_WORDS[notice.kind]),
            letter.sink,
            Text(talk.letter_state(letter)),
            str(letter.attempts),
            Text(notice.title),
            *((Text(notice.sentence),) if wide else ()),
        )
    return drawn
