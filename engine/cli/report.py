"""`rampwise report RUN`: what happened, from the event log, for a terminal, machines or a browser.

Data on stdout or in the file, talk on stderr. Imports stand inside the functions: `--help` stays fast.
"""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from engine.cli.options import RunArgument

if TYPE_CHECKING:
    from analysis.report.view import ReportView


class Format(StrEnum):
    """Forms of the report; all tell the same facts."""

    TERMINAL = "terminal"
    JSON = "json"
    HTML = "html"


def report(
    ctx: typer.Context,
    run: RunArgument,
    form: Annotated[
        Format, typer.Option("--format", help="For people, machines or a browser.")
    ] = Format.TERMINAL,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", dir_okay=False, help="Write to this file instead.")
    ] = None,
) -> None:
    """Show a run's verdict, evidence, traffic and decisions.

    The page is one file that needs no network.

    Example:
      rampwise report checkout-v2
      rampwise report checkout-v2 --format html -o report.html
    """
    from engine.cli.lookup import find_run
    from engine.cli.session import session_of, the_store
    from engine.reporting import view_of

    store = the_store()
    view = view_of(store, find_run(store, run).snapshot.run.id)
    if output is None:
        _write(view, form, sys.stdout)
        return
    try:
        with output.open("w", encoding="utf-8") as stream:
            _write(view, form, stream)
    except OSError as error:
        from engine.errors import UsageError

        msg = f"cannot write {output}: {error.strerror}"
        raise UsageError(msg) from error
    session_of(ctx).say(f"Wrote {output}.")


def _write(view: "ReportView", form: Format, stream: TextIO) -> None:
    match form:
        case Format.TERMINAL:
            from analysis.report.terminal import print_report

            print_report(view, stream)
        case Format.JSON:
            from analysis.report.document import to_json

            stream.write(to_json(view))
        case Format.HTML:
            from analysis.report.html import to_html

            stream.write(to_html(view))
