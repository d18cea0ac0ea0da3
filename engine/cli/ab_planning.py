"""`rampwise ab plan`: how many units and days a product experiment takes. Data on stdout, talk on stderr.

Imports stand inside the functions: `--help` stays fast.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.options import FileArgument
from engine.cli.session import Session, session_of, the_clock

if TYPE_CHECKING:
    from rich.console import RenderableType

    from analysis.product.planning import Baseline, Need, ProductForecast
    from engine.core.product import Method, ProductMetric, ProductPlan

SCHEMA = "rampwise.dev/ab-plan/v1"


class Form(StrEnum):
    """How the plan is shown; both tell the same."""

    TABLE = "table"
    JSON = "json"


def plan(
    ctx: typer.Context,
    file: FileArgument,
    units_per_day: Annotated[
        float,
        typer.Option("--units-per-day", metavar="N", min=1.0, help="New users a day, in all variants."),
    ],
    baseline: Annotated[
        list[str] | None,
        typer.Option(
            "--baseline",
            metavar="METRIC=VALUE",
            help="As it is now: a share (12%), else mean±deviation (4.2±17). [control's so far]",
        ),
    ] = None,
    form: Annotated[Form, typer.Option("--output", "-o", help="How to show it.")] = Form.TABLE,
) -> None:
    """Tell how long a product experiment takes, and what it would find in a few weeks.

    For every metric and method: how many users until the effect `mde` of the experiment is found (of a
    guardrail: until its margin is excluded), in how many days, and the smallest effect found after 1, 2 and 4
    weeks, all with the experiment's `power`. Without --baseline the metrics are as control's users in the
    tables have them. Where the planned end or the run's horizon is too early, it says what to write.

    Example:
      rampwise ab plan experiment.yaml --units-per-day 7000
      rampwise ab plan experiment.yaml --units-per-day 7000 --baseline ordered=12% --baseline revenue=4.2±17
    """
    from analysis.product.planning import plan_for
    from engine import spec
    from engine.product.fitting import misfits
    from engine.product.looking import plan_in

    session, declared = session_of(ctx), plan_in(file)
    known = _typed(declared, baseline) if baseline else _measured(session, declared, file)
    unknown = [metric.name for metric in declared.metrics if metric.name not in known]
    if unknown:
        session.say(f"Not planned, because nothing is known of them: {', '.join(unknown)}.")
    declared = _with_looks(declared)
    forecast = plan_for(declared, units_per_day, known)
    wrong = tuple(misfits(spec.read_any(file), declared, forecast, the_clock().now_s()))
    if form is Form.JSON:
        from engine.cli.printing import to_json

        typer.echo(to_json(_plain(declared, forecast, known, wrong), indent=2))
        return
    from engine.cli.printing import show

    show(_picture(declared, forecast, known, wrong))


def _with_looks(declared: "ProductPlan") -> "ProductPlan":
    """With as many looks as a group sequential one has that says nothing of them, to compare with."""
    from engine.core.product import Method
    from engine.spec.product import DEFAULT_LOOKS

    return declared if declared.method is Method.GROUP_SEQUENTIAL else replace(declared, looks=DEFAULT_LOOKS)


def _typed(declared: "ProductPlan", texts: list[str]) -> "Mapping[str, Baseline]":
    from engine.product.baselines import baseline_of

    names = [metric.name for metric in declared.metrics]
    known = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or name not in names:
            msg = f"{text!r} names no metric; NAME=VALUE with one of: {', '.join(names)}"
            raise typer.BadParameter(msg, param_hint="--baseline")
        try:
            known[name] = baseline_of(declared.metric(name), value)
        except ValueError as error:
            msg = f"{value!r} is not {error}"
            raise typer.BadParameter(msg, param_hint="--baseline") from error
    return known


def _measured(session: Session, declared: "ProductPlan", file: Path) -> "Mapping[str, Baseline]":
    from engine.cli.progress import telling
    from engine.errors import UsageError
    from engine.product.baselines import baselines_in
    from engine.product.looking import totals_of

    with telling(session, f"Reading how {declared.control} is now"):
        known = baselines_in(declared, totals_of(declared, file, the_clock().now_s()))
    if not known:
        first = declared.metrics[0].name
        msg = (
            f"the tables have no {declared.unit}s of {declared.control} to plan by; "
            f"say how things are now: --baseline {first}=12%"
        )
        raise UsageError(msg)
    return known


def _plain(
    declared: "ProductPlan",
    forecast: "ProductForecast",
    known: "Mapping[str, Baseline]",
    wrong: tuple[str, ...],
) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "experiment": declared.name,
        "units_per_day": forecast.units_per_day,
        "power": declared.power,
        "alpha": declared.alpha,
        "mde": declared.mde,
        "method": str(declared.method),
        "looks": declared.looks,
        "baselines": {name: asdict(each) for name, each in known.items()},
        "needs": [asdict(need) for need in forecast.needs],
        "misfits": wrong,
    }


def _picture(
    declared: "ProductPlan",
    forecast: "ProductForecast",
    known: "Mapping[str, Baseline]",
    wrong: tuple[str, ...],
) -> "RenderableType":
    from rich.console import Group

    from analysis.product.planning import WEEKS
    from engine.cli.printing import table

    weeks = [f">WEEK {weeks}" for weeks in WEEKS]
    drawn = table(
        "METRIC", "ROLE", ">NOW", ">TO FIND", "METHOD", f">{declared.unit.upper()}S", ">DAYS", *weeks
    )
    for need in forecast.needs:
        metric = declared.metric(need.metric)
        drawn.add_row(*_row(declared, metric, need, known[need.metric].mean))
    return Group(drawn, "", *_notes(declared, forecast), *(f"⚠ {each}" for each in wrong))


def _row(declared: "ProductPlan", metric: "ProductMetric", need: "Need", now: float) -> list[str]:
    from engine.core.numbers import percent

    own = need.method is declared.method
    first = need.method is next(iter(type(need.method)))
    sought = _sought(declared, metric, now)
    return [
        *((metric.name, str(metric.role), _level(metric, now), sought) if first else ("", "", "", "")),
        f"{'▸' if own else ' '} {_named(declared, need.method)}",
        "never" if need.units is None else f"{need.units:,}",
        "never" if need.days is None else f"{need.days:,.1f}",
        *("" if each.relative is None else percent(each.relative) for each in need.smallest),
    ]


def _named(declared: "ProductPlan", method: "Method") -> str:
    from engine.core.product import Method

    if method is Method.GROUP_SEQUENTIAL:
        return f"group sequential, {declared.looks} looks"
    return str(method)


def _sought(declared: "ProductPlan", metric: "ProductMetric", now: float) -> str:
    from analysis.product.margins import margin_of
    from engine.core.numbers import percent

    margin = margin_of(metric, now)
    if margin is None:
        return percent(declared.mde)
    return f"inside {percent(abs(margin / now))}" if now else ""


def _level(metric: "ProductMetric", now: float) -> str:
    from engine.core.numbers import amount, percent
    from engine.core.product import Aggregate

    return percent(now) if metric.aggregate is Aggregate.CONVERSION else amount(now, metric.value_unit)


def _notes(declared: "ProductPlan", forecast: "ProductForecast") -> Iterator[str]:
    from engine.core.numbers import percent

    chance, alpha = percent(declared.power), percent(declared.alpha)
    yield (
        f"{forecast.units_per_day:,.0f} new {declared.unit}s a day in all variants. What is to be found is "
        f"found with a chance of {chance}; alpha {alpha}."
    )
    yield "▸ is this experiment's method. Week 1, 2, 4: the smallest effect found by then, relative to now."
