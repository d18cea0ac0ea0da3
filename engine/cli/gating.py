"""`rampwise gate`: the built-in flags, in a file on this machine."""

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.options import Output, OutputOption
from engine.cli.session import session_of
from engine.cli.teaching import add

SCHEMA = "rampwise.dev/gate/v1"

app = typer.Typer(
    help="Open or close a built-in flag. Closing stops the run it gates within one tick.",
    no_args_is_help=True,
)

FlagArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="The flag; by default it has the experiment's name.")
]
FileOption = Annotated[
    Path | None, typer.Option("--file", metavar="PATH", help="A flagd file other than Rampwise's own.")
]


def open_flag(ctx: typer.Context, name: FlagArgument, file: FileOption = None) -> None:
    """Open a flag: the run it gates may give traffic. A stopped run does not begin again.

    Example:
      rampwise gate open checkout-v2
    """
    from engine.adapters.gates import write_flag

    path = write_flag(name, is_open=True, path=file)
    session_of(ctx).say(f"Flag {name} is open ({path}).")


def close(ctx: typer.Context, name: FlagArgument, file: FileOption = None) -> None:
    """Close a flag: the run it gates gives all traffic back to control within one tick and stops.

    Example:
      rampwise gate close checkout-v2
    """
    from engine.adapters.gates import write_flag

    path = write_flag(name, is_open=False, path=file)
    session_of(ctx).say(f"Flag {name} is closed ({path}).")


def status(name: FlagArgument, file: FileOption = None, output: OutputOption = Output.TABLE) -> None:
    """Show whether a flag is open.

    Example:
      rampwise gate status checkout-v2 -o name
    """
    from engine.adapters.gates import read_flag
    from engine.cli.printing import put
    from engine.errors import UsageError
    from engine.home import flag_file

    path = file or flag_file()
    is_open = read_flag(name, path)
    if is_open is None:
        msg = f"there is no flag {name!r} in {path}; `rampwise gate open {name}` makes it"
        raise UsageError(msg)
    word = "open" if is_open else "closed"
    put(
        output,
        names=[word],
        plain={"schema": SCHEMA, "flag": name, "status": word, "file": str(path)},
        picture=lambda _: f"{name} is {word} ({path})",
    )


add(app, "open", open_flag)
add(app, "close", close)
add(app, "status", status)
