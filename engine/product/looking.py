"""From an experiment file to an answer: read the document, look at the tables, analyse what they say.

The only place where the parts of a product experiment meet.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from shlex import quote

from analysis.product.analyse import analyse
from analysis.product.result import Analysis
from analysis.product.totals import Totals
from analysis.report.product.course import Course
from analysis.report.product.view import Origin
from analysis.warehouse import Keep, look
from engine import spec
from engine.adapters.clock import SystemClock
from engine.core.product import ProductPlan
from engine.errors import UsageError
from engine.product.recorded import nobody_exposed, recorded
from engine.product.releasing import the_store_if_any
from engine.product.scope import Scope


def plan_in(file: Path) -> ProductPlan:
    """The product experiment that a file declares.

    Raises:
        SpecError: all problems of the document.
        UsageError: it declares none.
    """
    plan = spec.product_plan(spec.read_any(file))
    if plan is None:
        msg = (
            f"{file} has no section spec.product, so it is a release and no product experiment. "
            "To see one: rampwise ab sample DIR"
        )
        raise UsageError(msg)
    return plan


def totals_of(
    plan: ProductPlan,
    file: Path,
    now_s: float,
    at_s: float | None = None,
    keep: Keep | None = None,
    since_s: float | None = None,
) -> Totals:
    """What one pass over the tables brings back.

    Args:
        plan: what is asked.
        file: the experiment's; a directory of tables is looked for from there.
        now_s: the time, Unix seconds; rows with a later one come from a wrong clock.
        at_s: look as of then: rows after it had not come yet, and nothing is wrong with them.
        keep: where totals of users are kept between looks.
        since_s: exposures that were recorded before it are of an earlier release, and nobody's first.

    Raises:
        UsageError: the tables cannot be used as they are, or what reads them is not installed.
        StoreError: what was recorded cannot be read.
        Unreachable: the warehouse gave no answer.
    """
    if keep is not None and plan.tables.recorded_as is not None:
        keep.say("What Rampwise recorded itself is read whole at every look, and nothing is kept.")
        keep = None
    take = look if keep is None else partial(look, keep=keep)
    with _at_hand(plan, file, now_s, since_s) as place:
        if at_s is None or at_s >= now_s:
            return take(place, now_s)
        totals = take(place, at_s)
        return replace(totals, counted=replace(totals.counted, future=0))


def analysed(scope: Scope, file: Path, now_s: float, keep: Keep | None = None) -> Analysis:
    """One look: what the tables of a file's experiment say of a scope. Raises what `totals_of` raises."""
    totals = totals_of(scope.plan, file, now_s, scope.at_s, keep, scope.since_s)
    return analyse(scope.plan, totals, scope.at_s, scope.left)


def origin_of(file: Path, at_s: float, course: Course | None = None) -> Origin:
    """How to make a report of this look again, and how the experiment was released."""
    at = datetime.fromtimestamp(at_s, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    command = f"rampwise ab report {quote(str(file))} --at {at}"
    return Origin(version=version("rampwise"), command=command, course=course)


@contextmanager
def _at_hand(plan: ProductPlan, file: Path, now_s: float, since_s: float | None) -> Iterator[ProductPlan]:
    """The plan with its tables where they can be read, for as long as a look takes."""
    experiment = plan.tables.recorded_as
    if experiment is None:
        yield _with_its_place(plan, file)
        return
    store = the_store_if_any()
    if store is None:
        raise UsageError(nobody_exposed(experiment))
    with closing(store), recorded(plan, experiment, store.intake, SystemClock(), now_s, since_s) as place:
        yield place


def _with_its_place(plan: ProductPlan, file: Path) -> ProductPlan:
    """A directory of tables as seen from here; addresses of databases as they are."""
    if "://" in plan.tables.warehouse:
        return plan
    place = file.parent / Path(plan.tables.warehouse).expanduser()
    return replace(plan, tables=replace(plan.tables, warehouse=str(place)))
