"""One look at a product experiment for the commands of `rampwise ab`. Talk on stderr.

Imports stand inside the functions: `--help` stays fast.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.session import Session, the_clock

if TYPE_CHECKING:
    from analysis.product.result import Analysis
    from analysis.report.product.view import Origin
    from engine.core.product import ProductPlan
    from engine.product.releasing import Release


KeepOption = Annotated[
    Path | None,
    typer.Option(
        "--keep",
        metavar="DIR",
        file_okay=False,
        help="Keep totals of users here, so that the next look only reads Parquet files that came since.",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was found, and where it comes from."""

    analysis: "Analysis"
    origin: "Origin"


def look(session: Session, file: Path, at_s: float | None, keep: Path | None = None) -> Look:
    """The experiment of a file as of a time; by default now, or when its release ended.

    With `keep`, totals of users are kept in that directory for the next look.

    Raises:
        typer.BadParameter: the time is still to come.
        RampwiseError: the document, the tables or what reads them.
    """
    from engine.product.looking import plan_in

    plan = plan_in(file)
    return look_at(session, plan, file, at_s, _release(session, plan), keep)


def look_at(
    session: Session,
    plan: "ProductPlan",
    file: Path,
    at_s: float | None,
    release: "Release | None",
    keep: Path | None = None,
) -> Look:
    """The same for a plan and the release that carries it; see `look`."""
    from analysis.warehouse import Keep
    from engine.cli.progress import telling
    from engine.product.looking import analysed, origin_of
    from engine.product.releasing import course_of
    from engine.product.scope import scope_of

    # Whole seconds, so that the command in the report makes the same report again.
    now_s = the_clock().now_s() // 1
    if at_s is not None and at_s > now_s:
        msg = "is still to come; leave it out to look now"
        raise typer.BadParameter(msg, param_hint="--at")
    scope = scope_of(plan, release, now_s, at_s)
    if scope.said:
        session.say(scope.said)
    with telling(session, f"Reading {_place(plan)}"):
        kept = None if keep is None else Keep(folder=keep, say=session.say)
        analysis = analysed(scope, file, now_s, kept)
    counted = analysis.counted
    session.say(f"{counted.exposures:,} exposures, and {counted.events:,} events of these {plan.unit}s.")
    course = None if release is None else course_of(release)
    return Look(analysis=analysis, origin=origin_of(file, scope.at_s, course))


def _place(plan: "ProductPlan") -> str:
    if plan.tables.recorded_as is not None:
        return f"what was recorded of {plan.tables.recorded_as}"
    return f"{plan.tables.exposures} and {plan.tables.events}"


def _release(session: Session, plan: "ProductPlan") -> "Release | None":
    """The release, if there is one that can be told; a look at tables does not fail for want of it."""
    from engine.errors import StoreError, UsageError
    from engine.product.releasing import release_in_store

    try:
        return release_in_store(plan)
    except (StoreError, UsageError) as error:
        session.say(f"How it was released is not shown: {error}")
        return None
