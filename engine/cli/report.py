"""`rampwise report RUN`: what happened, from the event log, for a terminal, a chat, machines or a browser.

Data on stdout or in the file, talk on stderr. Imports stand inside the functions: `--help` stays fast.
"""

import io
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from analysis.report.view import ReportView


class Format(StrEnum):
    """Forms of the report; all tell the same facts."""

    TERMINAL = "terminal"
    MARKDOWN = "markdown"
    CSV = "csv"
    JSON = "json"
    HTML = "html"


def report(
    ctx: typer.Context,
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="A run's id, an experiment's name for its newest run, or a frozen report's address.",
        ),
    ],
    form: Annotated[
        Format, typer.Option("--format", help="For people, comments, spreadsheets, machines or a browser.")
    ] = Format.TERMINAL,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", dir_okay=False, help="Write to this file instead.")
    ] = None,
    freeze: Annotated[
        bool, typer.Option("--freeze", help="Keep the report as it is now and print its address.")
    ] = False,
) -> None:
    """Show a run's verdict, evidence, traffic and decisions.

    The page is one file that needs no network. A frozen report has an address, sha256:..., and is shown from
    its own file, whatever becomes of the run; with --freeze the report itself is written only to --output.

    Example:
      rampwise report checkout-v2
      rampwise report checkout-v2 --format html -o report.html
      rampwise report checkout-v2 --freeze
      rampwise report sha256:1f0c --format markdown
    """
    from analysis.report.snapshot import freeze as frozen
    from engine.cli.session import session_of

    _check(run, form, output, freeze=freeze)
    view = _view(run)
    if freeze:
        view = frozen(view, _frozen_reports())
        typer.echo(view.snapshot)
    if output is not None:
        _write(output, _text(view, form))
        session_of(ctx).say(f"Wrote {output}.")
    elif not freeze:
        _show(view, form)


def _check(run: str, form: Format, output: Path | None, *, freeze: bool) -> None:
    from analysis.report.snapshot import is_address
    from engine.errors import UsageError

    if freeze and is_address(run):
        msg = f"{run} is frozen already; to see it: rampwise report {run}"
        raise UsageError(msg)
    if freeze and output is None and form is not Format.TERMINAL:
        msg = f"--freeze prints the address; for the report as {form} say --output FILE too"
        raise UsageError(msg)


def _view(run: str) -> "ReportView":
    from analysis.report.snapshot import is_address, thaw

    if is_address(run):
        return thaw(run, _frozen_reports())
    from engine.cli.lookup import find_run
    from engine.cli.session import the_store
    from engine.reporting import view_of

    store = the_store()
    return view_of(store, find_run(store, run).snapshot.run.id)


def _frozen_reports() -> Path:
    from engine.home import home

    return home() / "reports"


def _show(view: "ReportView", form: Format) -> None:
    """On stdout; the terminal's form looks for itself whether that is a screen."""
    if form is Format.TERMINAL:
        from analysis.report.terminal import print_report

        print_report(view, sys.stdout)
        return
    sys.stdout.write(_text(view, form))


def _write(output: Path, text: str) -> None:
    from analysis.report.output import write_whole
    from engine.errors import UsageError

    try:
        write_whole(output, text)
    except OSError as error:
        msg = f"cannot write {output}: {error.strerror}"
        raise UsageError(msg) from error


def _text(view: "ReportView", form: Format) -> str:
    match form:
        case Format.TERMINAL:
            from analysis.report.terminal import print_report

            stream = io.StringIO()
            print_report(view, stream)
            return stream.getvalue()
        case Format.MARKDOWN:
            from analysis.report.markdown import to_markdown

            return to_markdown(view)
        case Format.CSV:
            from analysis.report.table_csv import to_csv

            return to_csv(view)
        case Format.JSON:
            from analysis.report.document import to_json

            return to_json(view)
        case Format.HTML:
            from analysis.report.html import to_html

            return to_html(view)
