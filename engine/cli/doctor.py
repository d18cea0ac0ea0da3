"""`rampwise doctor`: looks at everything Rampwise needs on this machine, and says what to type."""

import typer

from engine.cli.options import Output, OutputOption
from engine.core.outcome import ExitCode

SCHEMA = "rampwise.dev/doctor/v1"


def doctor(output: OutputOption = Output.TABLE) -> None:
    """Check what Rampwise needs on this machine.

    Database, files, clock, plugins, programs and the local platform, each with what to type.

    Exit 1 when something is wrong. What only `local` and `demo` need is optional and wrong for nobody else.

    Example:
      rampwise doctor
    """
    from engine.cli.examining import Examined, State, examine
    from engine.cli.printing import put, table
    from engine.codec import to_plain

    found = examine()
    drawn = table("CHECK", "STATE", "FOUND", "WHAT TO DO")
    for one in found:
        drawn.add_row(one.what, f"{one.state.icon} {one.state}", one.found, one.advice or "–")
    put(
        output,
        names=[one.what for one in found if one.state is State.WRONG],
        plain={"schema": SCHEMA, "checks": [to_plain(Examined, one) for one in found]},
        picture=lambda _: drawn,
    )
    if any(one.state is State.WRONG for one in found):
        raise typer.Exit(ExitCode.ERROR)
