"""`rampwise ab`: product experiments, from how many users it takes to the report.

Data on stdout, talk on stderr. Imports stand inside the functions: `--help` stays fast.
"""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.ab_concluding import conclude, exit_code
from engine.cli.ab_exporting import export
from engine.cli.ab_forgetting import forget
from engine.cli.ab_looking import KeepOption, look
from engine.cli.ab_planning import plan
from engine.cli.ab_sampling import sample
from engine.cli.options import FileArgument, moment
from engine.cli.session import session_of
from engine.cli.teaching import add

if TYPE_CHECKING:
    from analysis.product.result import Analysis
    from analysis.report.product.view import Origin

app = typer.Typer(help="Ask users' events which variant is better.", no_args_is_help=True)


class Form(StrEnum):
    """How an answer is shown; `wide` has parts of the users, methods and what was left out."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"


class Format(StrEnum):
    """Forms of the report."""

    HTML = "html"
    MARKDOWN = "markdown"
    JSON = "json"
    CSV = "csv"


AtOption = Annotated[
    float | None,
    typer.Option(
        "--at",
        metavar="TIME",
        parser=moment,
        help="Look as of then, such as 2026-03-16. [now, or when its release ended]",
    ),
]


def analyze(
    ctx: typer.Context,
    file: FileArgument,
    form: Annotated[
        Form, typer.Option("--output", "-o", help="How to show it; wide tells it whole.")
    ] = Form.TABLE,
    at_s: AtOption = None,
    keep: KeepOption = None,
) -> None:
    """Look at a product experiment: what to do, how sure it is, and why.

    One pass over the tables of `spec.product`, in the engine that holds them; only sums come back. With the
    method `anytime` look as often as you like: it is right however often you do.

    The exit code says what to do: 0 ship, 3 keep control because the variant is worse, 4 keep running (or
    ended undecided), 5 do not trust the data, or there are none.

    Example:
      rampwise ab analyze experiment.yaml
      rampwise ab analyze experiment.yaml -o wide
      rampwise ab analyze experiment.yaml -o json
      rampwise ab analyze experiment.yaml --keep totals
    """
    found = look(session_of(ctx), file, at_s, keep)
    _show(found.analysis, found.origin, form)
    raise typer.Exit(exit_code(found.analysis.answer))


def report(
    ctx: typer.Context,
    file: FileArgument,
    form: Annotated[
        Format, typer.Option("--format", help="For a browser, comments, machines or spreadsheets.")
    ] = Format.HTML,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", dir_okay=False, help="Write to this file instead.")
    ] = None,
    at_s: AtOption = None,
    keep: KeepOption = None,
) -> None:
    """Write the report of a product experiment, for people who are no statisticians.

    The page is one file that needs no network. The exit code is 0 whatever the report says.

    Example:
      rampwise ab report experiment.yaml -o report.html
      rampwise ab report experiment.yaml --format markdown
      rampwise ab report experiment.yaml --at 2026-03-16T09:00:00Z -o then.html
    """
    session = session_of(ctx)
    found = look(session, file, at_s, keep)
    text = _text(found.analysis, found.origin, form)
    if output is None:
        sys.stdout.write(text)
        return
    _write(output, text)
    session.say(f"Wrote {output}.")


def _show(analysis: "Analysis", origin: "Origin", form: Form) -> None:
    from analysis.report.product.document import document
    from analysis.report.product.terminal import terminal

    match form:
        case Form.TABLE | Form.WIDE:
            terminal(analysis, sys.stdout, origin, whole=form is Form.WIDE)
        case Form.JSON:
            sys.stdout.write(document(analysis, origin))
        case Form.YAML:
            import json

            import yaml

            plain = json.loads(document(analysis, origin))
            sys.stdout.write(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True))


def _text(analysis: "Analysis", origin: "Origin", form: Format) -> str:
    match form:
        case Format.HTML:
            from analysis.report.product.page import page

            return page(analysis, origin)
        case Format.MARKDOWN:
            from analysis.report.product.markdown import markdown

            return markdown(analysis, origin)
        case Format.JSON:
            from analysis.report.product.document import document

            return document(analysis, origin)
        case Format.CSV:
            from analysis.report.product.table_csv import table_csv

            return table_csv(analysis)


def _write(path: Path, text: str) -> None:
    from analysis.report.output import write_whole
    from engine.errors import UsageError

    try:
        write_whole(path, text)
    except OSError as error:
        msg = f"cannot write {path}: {error.strerror}"
        raise UsageError(msg) from error


add(app, "plan", plan)
add(app, "analyze", analyze)
add(app, "report", report)
add(app, "conclude", conclude)
add(app, "export", export)
add(app, "forget", forget)
add(app, "sample", sample)
