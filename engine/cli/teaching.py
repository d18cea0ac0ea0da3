"""Adds commands whose docstring is their help text; lines under `Example:` stay as they are written."""

import inspect
from collections.abc import Callable

import typer

_AS_WRITTEN = "\b"


def add(app: typer.Typer, name: str, command: Callable[..., None]) -> None:
    """Add a command under a name.

    The paragraph that begins with `Example:` in its docstring is not wrapped.
    """
    text = inspect.getdoc(command) or ""
    app.command(name, help=text.replace("\nExample:", f"\n{_AS_WRITTEN}\nExample:"))(command)
