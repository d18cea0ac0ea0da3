"""Says on stderr that something takes its time: a running clock on a terminal, one line elsewhere."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from engine.cli.session import Session


@contextmanager
def telling(session: Session, what: str) -> Iterator[None]:
    """While the block runs, say what is done; nothing with --quiet."""
    if session.quiet or not sys.stderr.isatty():
        session.say(f"{what} ...")
        yield
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        shown.add_task(what, total=None)
        yield
