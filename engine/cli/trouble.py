"""Every error as one clear message with the right exit code; no traceback unless asked for."""

import os
import traceback
from typing import Any

import typer
from typer.core import TyperGroup

from engine.core.outcome import ExitCode
from engine.core.printable import printable
from engine.errors import PluginError, RampwiseError, SpecError, UsageError

DEBUG_VARIABLE = "RAMPWISE_DEBUG"


class Commands(TyperGroup):
    """The root of all commands; turns Rampwise's errors into a message and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except RampwiseError as error:
            _show_details(error)
            _tell(error)
            raise typer.Exit(code_of(error)) from error


def complain(message: str) -> None:
    """An error, on stderr even with --quiet."""
    typer.echo(printable(f"rampwise: {message}"), err=True)


def _tell(error: RampwiseError) -> None:
    """Problems of a file begin their lines with its place, so that editors and terminals can go there."""
    if not isinstance(error, SpecError):
        complain(str(error))
        return
    count = len(error.problems)
    typer.echo(str(error), err=True)
    complain(f"{count} problem{'' if count == 1 else 's'}, nothing was done")


def code_of(error: RampwiseError) -> ExitCode:
    """The exit code of an error."""
    return ExitCode.USAGE if isinstance(error, SpecError | UsageError | PluginError) else ExitCode.ERROR


def unexpected(error: Exception) -> int:
    """Say that this is a defect of Rampwise or of a plugin, and where the details are."""
    _show_details(error)
    complain(
        f"unexpected {type(error).__name__}: {error}. This is a defect of Rampwise or of a plugin; "
        f"{DEBUG_VARIABLE}=1 in front of the same command shows where it happened."
    )
    return ExitCode.ERROR


def _show_details(error: Exception) -> None:
    if os.environ.get(DEBUG_VARIABLE):
        traceback.print_exception(error)
