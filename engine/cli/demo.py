"""`rampwise demo`: real traffic on this machine, thirteen releases, under six minutes."""

from pathlib import Path
from typing import Annotated

import typer


def demo(
    output_dir: Annotated[
        Path, typer.Option("--output-dir", file_okay=False, help="Where results.json and the reports go.")
    ] = Path("demo"),
) -> None:
    """See good and bad releases on this machine.

    Real traffic goes to real versions of a small shop; good ones are promoted, bad ones rolled back. A
    checkout asks for its flag, and what its visitors buy decides which one stays.

    Needs the extras `local` and `warehouse` (`pip install "rampwise[local,warehouse]"`) and the program
    `prometheus`. Exit 1 when an outcome is not the expected one.

    Example:
      rampwise demo --output-dir demo
    """
    from engine.demo.run import demo as run_demo

    raise typer.Exit(run_demo(output_dir))
