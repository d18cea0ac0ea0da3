"""Prints data on stdout: tables for people, JSON and YAML for programs, names for shells. Decides nothing.

Every JSON object has a `schema` field. Off a terminal there is no colour and nothing is cut or wrapped.
"""

import json
import math
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import typer

from engine.cli.options import Output

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

_UNLIMITED = 10_000


def put(
    output: Output,
    *,
    names: Iterable[str],
    plain: Mapping[str, Any],
    picture: Callable[[bool], "RenderableType"],
) -> None:
    """Print one answer in the form asked for.

    Args:
        output: the form.
        names: what `-o name` prints, one a line.
        plain: the answer as plain JSON values, with its `schema`.
        picture: makes what people see; it is given whether they want the wide form.
    """
    match output:
        case Output.TABLE | Output.WIDE:
            show(picture(output is Output.WIDE))
        case Output.JSON:
            typer.echo(to_json(plain, indent=2))
        case Output.YAML:
            import yaml

            typer.echo(yaml.safe_dump(_strict(plain), sort_keys=False, allow_unicode=True).rstrip())
        case Output.NAME:
            for name in names:
                typer.echo(name)


def to_json(plain: Mapping[str, Any], indent: int | None = None) -> str:
    """Strictly valid JSON: a number that JSON does not know is null."""
    return json.dumps(_strict(plain), indent=indent, ensure_ascii=False, allow_nan=False)


def show(picture: "RenderableType") -> None:
    """Print for people; as plain text where stdout is not a terminal."""
    if sys.stdout.isatty():
        console().print(picture)
    else:
        typer.echo(as_text(picture))


def as_text(picture: "RenderableType") -> str:
    """The same facts as plain text, one line per row however long it is."""
    plain = console(width=_UNLIMITED)
    with plain.capture() as captured:
        plain.print(picture)
    return "\n".join(line.rstrip() for line in captured.get().rstrip("\n").split("\n"))


def console(width: int | None = None) -> "Console":
    """A console on stdout; rich itself heeds NO_COLOR and TERM. With a width, one without any colour."""
    from rich.console import Console

    if width is None:
        return Console(highlight=False, markup=False, emoji=False)
    return Console(
        highlight=False, markup=False, emoji=False, width=width, color_system=None, force_terminal=False
    )


def table(*headings: str) -> "Table":
    """An empty table in the one style of all commands; headings of numbers begin with `>`."""
    from rich.table import Table

    made = Table(box=None, pad_edge=False, show_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for heading in headings:
        made.add_column(heading.removeprefix(">"), justify="right" if heading.startswith(">") else "left")
    return made


def _strict(value: Any) -> Any:
    match value:
        case Mapping():
            return {str(key): _strict(each) for key, each in value.items()}
        case list() | tuple():
            return [_strict(each) for each in value]
        case str():
            return str(value)
        case float() if not math.isfinite(value):
            return None
        case _:
            return value
