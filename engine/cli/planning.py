"""`rampwise plan`: what a release would take and risk, before it is launched. Data on stdout, talk on stderr.

Imports stand inside the functions: `--help` stays fast.
"""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.options import FileArgument, seconds
from engine.cli.session import session_of, the_clock

if TYPE_CHECKING:
    from rich.console import RenderableType

    from analysis.planning import PlanReport
    from analysis.planning.tables import Table
    from engine.planned import Given


class Form(StrEnum):
    """How the plan is shown; all forms tell the same."""

    TABLE = "table"
    JSON = "json"
    HTML = "html"


def plan(
    ctx: typer.Context,
    file: FileArgument,
    rate: Annotated[
        list[str] | None,
        typer.Option(
            "--rate",
            metavar="RATE",
            help="Trials of all variants together, such as 50/s; NAME=RATE for one metric.",
        ),
    ] = None,
    base: Annotated[
        list[str] | None,
        typer.Option(
            "--base",
            metavar="SHARE",
            help="Control's share of bad trials, such as 1%; NAME=SHARE for one metric.",
        ),
    ] = None,
    prometheus: Annotated[
        str | None,
        typer.Option("--prometheus", metavar="URL", help="Where the past is. [the experiment's source]"),
    ] = None,
    since: Annotated[
        str, typer.Option("--since", metavar="DURATION", help="How much of the past to read.")
    ] = "7d",
    effect: Annotated[
        str | None,
        typer.Option("--effect", metavar="SHARE", help="The worsening to plan for. [each metric's effect]"),
    ] = None,
    releases: Annotated[
        float, typer.Option("--releases-per-year", min=1.0, help="How often you release.")
    ] = 250.0,
    form: Annotated[Form, typer.Option("--output", "-o", help="How to show it.")] = Form.TABLE,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", dir_okay=False, help="Write to this file instead.")
    ] = None,
) -> None:
    """Tell requests, hours and chances of an experiment before it is launched.

    Per step: what it takes to find the declared effect, and to show that a good release is one. Per release,
    good or harmful: how it ends, when, and how many users it harms until then. All of it is computed, not
    sampled. Traffic comes from --rate and --base, else from the past in Prometheus.

    Example:
      rampwise plan experiment.yaml --rate 50/s --base 1%
      rampwise plan experiment.yaml --prometheus http://prometheus:9090 --since 7d
      rampwise plan experiment.yaml --rate 50/s --base http_errors=1% --base http_latency=5%
      rampwise plan experiment.yaml --rate 50/s --base 1% -o html --out plan.html
    """
    given = _given(rate or [], base or [])
    report = _report(file, given, prometheus, seconds(since), effect, releases)
    if out is None:
        _show(report, form)
        return
    _write(out, _text(report, form))
    session_of(ctx).say(f"Wrote {out}.")


def _report(
    file: Path, given: "Given", url: str | None, since_s: float, effect: str | None, releases: float
) -> "PlanReport":
    from analysis.planning import plan as planned
    from engine import spec
    from engine.errors import UsageError
    from engine.fields import parse_percent
    from engine.planned import flows
    from engine.replaying import experiment_of

    worse = None if effect is None else _parsed(effect, "--effect", parse_percent)
    experiment = experiment_of(spec.read(file))
    try:
        found = flows(experiment, given, url=url, since_s=since_s, now_s=the_clock().now_s())
        return planned(experiment, found, effect=worse, releases_per_year=releases)
    except ValueError as error:
        msg = f"nothing can be planned; expected {error}"
        raise UsageError(msg) from error


def _given(rates: list[str], bases: list[str]) -> "Given":
    from engine.fields import parse_percent
    from engine.planned import Given

    return Given(
        rates_per_s=dict(_named(each, "--rate", _per_second) for each in rates),
        base_rates=dict(_named(each, "--base", parse_percent) for each in bases),
    )


def _named(text: str, option: str, parse: Callable[[str], float]) -> tuple[str, float]:
    """`NAME=VALUE`, or a value under no name."""
    name, _, value = text.rpartition("=")
    return name, _parsed(value, option, parse)


def _parsed(text: str, option: str, parse: Callable[[str], float]) -> float:
    try:
        return parse(text)
    except ValueError as error:
        msg = f"{text!r} is not {error}"
        raise typer.BadParameter(msg, param_hint=option) from error


def _per_second(text: str) -> float:
    """Trials per second of a rate such as `50/s` or `2000/h`. ValueError says what would be right."""
    number, _, unit = text.partition("/")
    lengths_s = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
    try:
        rate = float(number) / lengths_s[unit.strip()]
    except (KeyError, ValueError) as error:
        msg = "a rate such as 50/s, 3000/min or 2000/h"
        raise ValueError(msg) from error
    if not 0.0 < rate < 1e9:
        msg = "a rate above 0, such as 50/s"
        raise ValueError(msg)
    return rate


def _show(report: "PlanReport", form: Form) -> None:
    """On stdout; a table heeds the screen."""
    if form is Form.TABLE:
        from engine.cli.printing import show

        show(_picture(report))
    else:
        typer.echo(_text(report, form), nl=False)


def _text(report: "PlanReport", form: Form) -> str:
    match form:
        case Form.TABLE:
            from engine.cli.printing import as_text

            return f"{as_text(_picture(report))}\n"
        case Form.JSON:
            from analysis.planning.document import to_plain
            from engine.cli.printing import to_json

            return f"{to_json(to_plain(report), indent=2)}\n"
        case Form.HTML:
            from analysis.planning.page import to_html

            return to_html(report)


def _picture(report: "PlanReport") -> "RenderableType":
    from rich.console import Group

    from analysis.planning.tables import assumptions, summary, tables

    parts: list[RenderableType] = []
    for metric in report.metrics:
        parts += [metric.metric.name, *(f"  {line}" for line in assumptions(metric)), ""]
        for each in tables(metric):
            parts += [each.title, _drawn(each), ""]
    return Group(*parts, *summary(report))


def _drawn(each: "Table") -> "RenderableType":
    from engine.cli.printing import table

    first, *others = each.headings
    drawn = table(first, *(f">{heading}" for heading in others))
    for row in each.rows:
        drawn.add_row(*row)
    return drawn


def _write(path: Path, text: str) -> None:
    from analysis.report.output import write_whole
    from engine.errors import UsageError

    try:
        write_whole(path, text)
    except OSError as error:
        msg = f"cannot write {path}: {error.strerror}"
        raise UsageError(msg) from error
