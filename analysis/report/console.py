"""How reports are written to a terminal or to what is none. Knows nothing of what they say."""

from typing import IO

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

PLAIN_WIDTH = 100_000
"""Columns where there is no terminal to ask: a line is never broken, least of all within a word."""


def write(body: RenderableType, stream: IO[str]) -> None:
    """Colours and the terminal's width only on a TTY (rich honours NO_COLOR and TERM)."""
    width = None if stream.isatty() else PLAIN_WIDTH
    console = Console(file=stream, width=width, highlight=False, markup=False, emoji=False)
    if stream.isatty():
        console.print(body)
        return
    with console.capture() as plain:
        console.print(body)
    stream.writelines(f"{line.rstrip()}\n" for line in plain.get().splitlines())


def section(title: str, body: RenderableType) -> RenderableType:
    """A part of a report with its title above."""
    return Group(Text(), Text(title, style="bold"), Padding(body, (0, 0, 0, 2), expand=False))


def empty_table(*columns: str) -> Table:
    """An empty table without lines, whose long cells fold."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
