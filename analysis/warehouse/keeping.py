"""A look that keeps its totals of units, so that the next one only reads files that came since.

What is not plainly added is counted anew by what counts it in a whole look, for the units concerned alone;
and where that is not enough, for all. The answer is the same as without, whatever is kept.
"""

from collections.abc import Callable
from pathlib import Path

import duckdb

from analysis.product.totals import Totals
from analysis.warehouse.connecting import Warehouse, connected
from analysis.warehouse.errors import WarehouseError, told
from analysis.warehouse.layout import layout_of, microseconds
from analysis.warehouse.looking import totals_from, whole
from analysis.warehouse.recording import recorded
from analysis.warehouse.refresh import Found
from analysis.warehouse.refreshing import refreshed
from analysis.warehouse.state import Files, NotKeptError, State, digest_of, files_of, opened, place_of
from engine.core.product import ProductPlan

Say = Callable[[str], None]


def taken_again(plan: ProductPlan, now_s: float, folder: Path, say: Say) -> Totals:
    """What `analysis.warehouse.look` returns, with `keep` given."""
    now = microseconds(now_s)
    with connected(plan.tables.warehouse) as warehouse:
        try:
            files = files_of(plan)
            with told(warehouse.where), opened(warehouse, place_of(plan, folder)) as state:
                return _looked(warehouse, plan, state, files, now, say)
        except NotKeptError as reason:
            say(f"{reason}: reading everything, and keeping nothing.")
            return whole(warehouse, plan, now)


def _looked(
    warehouse: Warehouse, plan: ProductPlan, state: State, files: Files, now: int, say: Say
) -> Totals:
    if state.about is not None and now < state.about.now:
        raise NotKeptError("what is kept is of a later time than asked")
    try:
        found = _refreshed(warehouse, plan, state, files, now)
    except (NotKeptError, WarehouseError, duckdb.Error) as reason:
        say(f"{str(reason).splitlines()[0]}: reading everything.")
        state.again()
        found = recorded(warehouse, plan, files, now)
    totals, known = totals_from(warehouse, plan, layout_of(plan), found.units, found.sums)
    state.describe(found.about, known)
    return totals


def _refreshed(warehouse: Warehouse, plan: ProductPlan, state: State, files: Files, now: int) -> Found:
    about = state.about
    if about is None:
        raise NotKeptError(state.lacks)
    if about.digest != digest_of(plan):
        raise NotKeptError("What is asked, or the version of DuckDB, is another than when totals were kept")
    return refreshed(warehouse, plan, about, state.known(), files, now)
