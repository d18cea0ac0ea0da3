"""From an experiment file to an answer: read the document, look at the tables, analyse what they say.

The only place where the parts of a product experiment meet.
"""

from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from shlex import quote

from analysis.product.analyse import analyse
from analysis.product.result import Analysis
from analysis.product.totals import Totals
from analysis.report.product.view import Origin
from analysis.warehouse import look
from engine import spec
from engine.core.product import ProductPlan
from engine.errors import UsageError


def plan_in(file: Path) -> ProductPlan:
    """The product experiment that a file declares.

    Raises:
        SpecError: all problems of the document.
        UsageError: it declares none.
    """
    plan = spec.product_plan(spec.read(file))
    if plan is None:
        msg = (
            f"{file} has no section spec.product, so it is a release and no product experiment. "
            "To see one: rampwise ab sample DIR"
        )
        raise UsageError(msg)
    return plan


def totals_of(plan: ProductPlan, file: Path, now_s: float, at_s: float | None = None) -> Totals:
    """What one pass over the tables brings back.

    Args:
        plan: what is asked.
        file: the experiment's; a directory of tables is looked for from there.
        now_s: the time, Unix seconds; rows with a later one come from a wrong clock.
        at_s: look as of then: rows after it had not come yet, and nothing is wrong with them.

    Raises:
        UsageError: the tables cannot be used as they are, or what reads them is not installed.
        Unreachable: the warehouse gave no answer.
    """
    place = _with_its_place(plan, file)
    if at_s is None or at_s >= now_s:
        return look(place, now_s)
    totals = look(place, at_s)
    return replace(totals, counted=replace(totals.counted, future=0))


def analysis_of(plan: ProductPlan, totals: Totals, at_s: float) -> Analysis:
    """What the totals say at a time, Unix seconds."""
    return analyse(plan, totals, at_s)


def origin_of(file: Path, at_s: float) -> Origin:
    """How to make a report of this look again."""
    at = datetime.fromtimestamp(at_s, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return Origin(version=version("rampwise"), command=f"rampwise ab report {quote(str(file))} --at {at}")


def _with_its_place(plan: ProductPlan, file: Path) -> ProductPlan:
    """A directory of tables as seen from here; addresses of databases as they are."""
    if "://" in plan.tables.warehouse:
        return plan
    place = file.parent / Path(plan.tables.warehouse).expanduser()
    return replace(plan, tables=replace(plan.tables, warehouse=str(place)))
