"""The help texts in docs/reference/cli.md are real. `python -m tests.cli.reference` writes them anew.

A help text stands in a block that begins with the command that prints it: `$ rampwise launch --help`.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import typer
from typer.testing import CliRunner

from engine.cli.main import app

DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"
_BLOCK = re.compile(r"```console\n\$ rampwise (?P<command>[^\n]*--help)\n.*?```", re.DOTALL)


def written() -> str:
    """The document as it is."""
    return DOCUMENT.read_text(encoding="utf-8")


def refreshed(text: str) -> str:
    """The document with every help text as the command prints it now."""
    return _BLOCK.sub(lambda block: _help(block["command"]), text)


def documented(text: str) -> dict[str, str]:
    """What the document has as the help of a command, by command."""
    return {block["command"].removesuffix("--help").strip(): block[0] for block in _BLOCK.finditer(text)}


def commands() -> set[str]:
    """All commands there are, the root being the empty one."""
    return {"", *_below(typer.main.get_group(app), "")}


def _below(group: typer.core.TyperGroup, path: str) -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, typer.core.TyperGroup):
            yield from _below(command, f"{path}{name} ")
        else:
            yield f"{path}{name}"


def _help(command: str) -> str:
    env = {"COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"}
    shown = CliRunner().invoke(app, command.split(), prog_name="rampwise", env=env)
    lines = "\n".join(line.rstrip() for line in shown.stdout.strip().splitlines())
    return f"```console\n$ rampwise {command}\n{lines}\n```"


if __name__ == "__main__":
    DOCUMENT.write_text(refreshed(written()), encoding="utf-8")
