"""One row per unit: when it was first exposed, and its cell: a variant with a value of each dimension.

Units that cannot be compared are left out and counted: excluded ones first, then those seen in two variants,
then those of variants that nobody declared.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import ibis
import ibis.expr.types as ir
from ibis import _

from analysis.warehouse.connecting import Warehouse
from analysis.warehouse.errors import no_exposures
from analysis.warehouse.layout import MICROSECONDS, microseconds
from analysis.warehouse.reading import extra_columns
from engine.core.product import ProductPlan

DAY_US = 86_400 * MICROSECONDS
"""A day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposed:
    """What exposures say.

    Attributes:
        units: `unit`, `first` (microseconds) and `cell` of units that count.
        cells: `cell`, `variant`, the dimensions' columns by our names, `day` (its start) and `units`.
        names: our names of the dimensions' columns, by the dimension.
        exposures, repeated, excluded, crossed, future, unknown: as in `Counted`.
        first, last: time of the first and last exposure that counts, None for none.
        count: how many units count. cell_count: how many cells they are in.
    """

    units: ir.Table
    cells: ir.Table
    names: Mapping[str, str]
    exposures: int
    repeated: int
    excluded: int
    crossed: int
    future: int
    unknown: Mapping[str, int]
    first: int | None
    last: int | None
    count: int
    cell_count: int


def exposed(warehouse: Warehouse, plan: ProductPlan, exposures: ir.Table, now: int) -> Exposed:
    """Reads exposures once, and keeps one row per unit. WarehouseError when there are none at all."""
    counted = exposures.filter(_in_time(exposures, plan, now))
    found = warehouse.row(
        exposures.aggregate(
            rows=_.count(),
            future=_.count(where=_.us > now),
            first=_.us.min(where=_in_time(exposures, plan, now)),
            last=_.us.max(where=_in_time(exposures, plan, now)),
        )
    )
    if not found["rows"]:
        raise no_exposures(plan.tables.exposures, warehouse.where)
    with warehouse.briefly() as brief:
        firsts = brief.keep(_judged(plan, _first_of_each(brief, plan, counted)))
        unknown = _unknown(brief, plan, counted, firsts)
        return _exposed(warehouse, plan, firsts, found, unknown)


def _exposed(
    warehouse: Warehouse,
    plan: ProductPlan,
    firsts: ir.Table,
    found: Mapping[str, Any],
    unknown: Mapping[str, int],
) -> Exposed:
    tally = warehouse.row(
        firsts.aggregate(
            units=_.count(),
            exposures=_.rows.sum().coalesce(0),
            excluded=_.count(where=_.excluded),
            crossed=_.count(where=_.crossed & ~_.excluded),
        )
    )
    names = _dimension_names(plan)
    keys = ["variant", *names.values(), "day"]
    comparable = firsts.filter(~_.excluded & ~_.crossed & _.variant.isin(_declared(plan)))
    cells = warehouse.keep(_numbered(comparable.group_by(keys).agg(units=_.count()), keys))
    units = warehouse.keep(comparable.inner_join(cells, keys).select("unit", "first", "cell"))
    size = warehouse.row(cells.aggregate(units=_.units.sum().coalesce(0), cells=_.count()))
    return Exposed(
        units=units,
        cells=cells,
        names=names,
        exposures=int(tally["exposures"]),
        repeated=int(tally["exposures"]) - tally["units"],
        excluded=int(tally["excluded"] or 0),  # of no rows at all, Spark counts none
        crossed=int(tally["crossed"] or 0),
        future=found["future"],
        unknown=unknown,
        first=found["first"],
        last=found["last"],
        count=int(size["units"]),
        cell_count=size["cells"],
    )


def day_of(start: int) -> str:
    """ISO date of the day that began then, in microseconds."""
    return datetime.fromtimestamp(start // MICROSECONDS, UTC).date().isoformat()


def day_start(time: ir.IntegerColumn) -> ir.IntegerColumn:
    """When the day (UTC) of a time began, both in microseconds."""
    return time - time % DAY_US


def _declared(plan: ProductPlan) -> list[str]:
    return [share.variant for share in plan.shares]


def _dimension_names(plan: ProductPlan) -> dict[str, str]:
    ours = {column: name for name, column in extra_columns(plan).items()}
    return {dimension.column: ours[dimension.column] for dimension in plan.dimensions}


def _in_time(exposures: ir.Table, plan: ProductPlan, now: int) -> ir.BooleanValue:
    holds = exposures.us <= now
    if plan.starts_s is not None:
        holds &= exposures.us >= microseconds(plan.starts_s)
    if plan.ends_s is not None:
        holds &= exposures.us < microseconds(plan.ends_s)
    return holds


def _first_of_each(warehouse: Warehouse, plan: ProductPlan, counted: ir.Table) -> ir.Table:
    """Per unit `first`, `rows`, `variant`, `crossed` and the other columns of its first exposure.

    Of several at the same time it is the one that is first in the order of its columns' text.
    """
    extras = list(extra_columns(plan))
    summed = counted.group_by("unit").agg(
        first=_.us.min(),
        rows=_.count(),
        variant=_.variant.min(),
        highest=_.variant.max(),
        **{name: counted[name].min() for name in extras},
    )
    summed = summed.mutate(crossed=_.variant != _.highest).drop("highest")
    if not extras:
        return summed
    summed = warehouse.keep(summed)
    several = summed.filter(_.rows > 1).select("unit", "first", "rows", "crossed")
    order = ["variant", *extras]
    earliest = (
        counted.inner_join(several, [counted.unit == several.unit, counted.us == several.first])
        .select("unit", "first", "rows", "crossed", *order)
        .mutate(place=ibis.row_number().over(group_by="unit", order_by=order))
        .filter(_.place == 0)
    )
    columns = ["unit", "first", "rows", "crossed", *order]
    return summed.filter(_.rows == 1).select(*columns).union(earliest.select(*columns))


def _judged(plan: ProductPlan, firsts: ir.Table) -> ir.Table:
    ours = {column: name for name, column in extra_columns(plan).items()}
    excluded: ir.BooleanValue = ibis.literal(False)
    for exclusion in plan.exclusions:
        excluded |= firsts[ours[exclusion.column]].isin(list(exclusion.values))
    kept = ["unit", "first", "rows", "variant", "crossed", *_dimension_names(plan).values()]
    return firsts.mutate(excluded=excluded, day=day_start(firsts["first"])).select(*kept, "excluded", "day")


def _numbered(cells: ir.Table, keys: list[str]) -> ir.Table:
    return cells.mutate(cell=ibis.row_number().over(order_by=keys).cast("int32"))


def _unknown(warehouse: Warehouse, plan: ProductPlan, counted: ir.Table, firsts: ir.Table) -> dict[str, int]:
    """Units per variant that nobody declared, also of those that were in another one too."""
    strange = counted.filter(~_.variant.isin(_declared(plan))).select("unit", "variant").distinct()
    strange = warehouse.keep(strange)
    if not warehouse.row(strange.aggregate(rows=_.count()))["rows"]:
        return {}
    included = firsts.filter(~_.excluded).select("unit")
    rows = warehouse.rows(strange.semi_join(included, "unit").group_by("variant").agg(units=_.count()))
    return {row["variant"]: row["units"] for row in sorted(rows, key=lambda row: str(row["variant"]))}
