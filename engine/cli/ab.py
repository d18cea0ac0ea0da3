"""`rampwise ab`: product experiments, from how many users it takes to the report.

Data on stdout, talk on stderr. Imports stand inside the functions: `--help` stays fast.
"""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.ab_exporting import export
from engine.cli.ab_planning import plan
from engine.cli.ab_sampling import sample
from engine.cli.options import FileArgument, moment
from engine.cli.session import Session, session_of, the_clock
from engine.cli.teaching import add
from engine.core.outcome import ExitCode

if TYPE_CHECKING:
    from analysis.product.result import Analysis, Answer
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
    typer.Option("--at", metavar="TIME", parser=moment, help="Look as of then, such as 2026-03-16. [now]"),
]


def analyze(
    ctx: typer.Context,
    file: FileArgument,
    form: Annotated[
        Form, typer.Option("--output", "-o", help="How to show it; wide tells it whole.")
    ] = Form.TABLE,
    at_s: AtOption = None,
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
    """
    analysis, origin = _looked(session_of(ctx), file, at_s)
    _show(analysis, origin, form)
    raise typer.Exit(exit_code(analysis.answer))


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
) -> None:
    """Write the report of a product experiment, for people who are no statisticians.

    The page is one file that needs no network. The exit code is 0 whatever the report says.

    Example:
      rampwise ab report experiment.yaml -o report.html
      rampwise ab report experiment.yaml --format markdown
      rampwise ab report experiment.yaml --at 2026-03-16T09:00:00Z -o then.html
    """
    session = session_of(ctx)
    analysis, origin = _looked(session, file, at_s)
    text = _text(analysis, origin, form)
    if output is None:
        sys.stdout.write(text)
        return
    _write(output, text)
    session.say(f"Wrote {output}.")


def exit_code(answer: "Answer") -> ExitCode:
    """What an answer means to a pipeline."""
    from analysis.product.result import Outcome, ProductRule

    match answer.outcome, answer.rule:
        case (_, ProductRule.NO_DATA) | (Outcome.DO_NOT_TRUST, _):
            return ExitCode.NOT_TRUSTED
        case Outcome.SHIP, _:
            return ExitCode.OK
        case Outcome.KEEP_CONTROL, ProductRule.GUARDRAIL_WORSE | ProductRule.OBJECTIVE_WORSE:
            return ExitCode.ROLLED_BACK
        case _:
            return ExitCode.UNDECIDED


def _looked(session: Session, file: Path, at_s: float | None) -> "tuple[Analysis, Origin]":
    from engine.cli.progress import telling
    from engine.product.looking import analysis_of, origin_of, plan_in, totals_of

    plan = plan_in(file)
    # Whole seconds, so that the command in the report makes the same report again.
    now_s = the_clock().now_s() // 1
    if at_s is not None and at_s > now_s:
        msg = "is still to come; leave it out to look now"
        raise typer.BadParameter(msg, param_hint="--at")
    with telling(session, f"Reading {plan.tables.exposures} and {plan.tables.events}"):
        totals = totals_of(plan, file, now_s, at_s)
    counted, when_s = totals.counted, now_s if at_s is None else at_s
    session.say(f"{counted.exposures:,} exposures, and {counted.events:,} events of these {plan.unit}s.")
    return analysis_of(plan, totals, when_s), origin_of(file, when_s)


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
add(app, "export", export)
add(app, "sample", sample)
