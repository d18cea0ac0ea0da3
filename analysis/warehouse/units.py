"""One row per unit: when it was first exposed, and its cell: a variant with a value of each dimension.

Units that cannot be compared are left out and counted: those exposed before the experiment starts first, then
excluded ones, then those seen in two variants, then those of variants that nobody declared.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import ibis
import ibis.expr.types as ir
from ibis import _

from analysis.warehouse.connecting import Warehouse
from analysis.warehouse.errors import no_exposures
from analysis.warehouse.layout import GRACE_US, MICROSECONDS, microseconds
from analysis.warehouse.reading import extra_columns, is_complete
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
        exposures, repeated, before_start, excluded, crossed, future, incomplete, unknown: as in `Counted`.
        first, last: time of the first and last exposure that counts, None for none.
        count: how many units count. cell_count: how many cells they are in.
    """

    units: ir.Table
    cells: ir.Table
    names: Mapping[str, str]
    exposures: int
    repeated: int
    before_start: int
    excluded: int
    crossed: int
    future: int
    incomplete: int
    unknown: Mapping[str, int]
    first: int | None
    last: int | None
    count: int
    cell_count: int


Note = Callable[[Exposed, ir.Table, ir.Table], None]
"""Is told what was found and, while they are there, the tables of `firsts_of` and `strangers`."""


def exposed(
    warehouse: Warehouse, plan: ProductPlan, exposures: ir.Table, now: int, note: Note | None = None
) -> Exposed:
    """Reads exposures once, and keeps one row per unit. WarehouseError when there are none at all."""
    found = met(warehouse, plan, exposures, now)
    if not (found["rows"] or plan.tables.recorded_as):
        raise no_exposures(plan.tables.exposures, warehouse.where)
    with warehouse.briefly() as brief:
        seen = seen_of(plan, exposures, now)
        firsts = brief.keep(firsts_of(brief, plan, seen))
        unknown = _unknown(brief, plan, seen, firsts)
        made = _exposed(warehouse, plan, firsts, found, unknown)
        if note is not None:
            note(made, firsts, brief.keep(strangers(plan, seen)))
        return made


def met(warehouse: Warehouse, plan: ProductPlan, exposures: ir.Table, now: int) -> dict[str, Any]:
    """What rows of exposures say, whoever was exposed: `rows`, `incomplete`, `future`, `first` and `last`."""
    complete = is_complete(exposures)
    counts = complete & _started(plan, exposures.us) & _until(exposures, plan, now)
    return warehouse.row(
        exposures.aggregate(
            rows=_.count(where=complete),
            incomplete=_.count(where=~complete),
            future=_.count(where=complete & (_.us > now + GRACE_US)),
            first=_.us.min(where=counts),
            last=_.us.max(where=counts),
        )
    )


def seen_of(plan: ProductPlan, exposures: ir.Table, now: int) -> ir.Table:
    """The rows that say who was exposed, before the start too."""
    return exposures.filter(is_complete(exposures) & _until(exposures, plan, now))


def firsts_of(warehouse: Warehouse, plan: ProductPlan, seen: ir.Table) -> ir.Table:
    """Per unit its first exposure, and what tells whether it counts.

    Columns `unit`, `first`, `rows`, `variant`, dimensions, `day`, `crossed`, `started` and `excluded`.
    """
    return _judged(plan, _first_of_each(warehouse, plan, seen))


def comparable(plan: ProductPlan, firsts: ir.Table) -> ir.Table:
    """Those of `firsts_of` that count."""
    return firsts.filter(_.started & ~_.excluded & ~_.crossed & _.variant.isin(declared(plan)))


def strangers(plan: ProductPlan, seen: ir.Table) -> ir.Table:
    """Each `unit` with each `variant` that it was in and nobody declared."""
    return seen.filter(~_.variant.isin(declared(plan))).select("unit", "variant").distinct()


def _exposed(
    warehouse: Warehouse,
    plan: ProductPlan,
    firsts: ir.Table,
    found: Mapping[str, Any],
    unknown: Mapping[str, int],
) -> Exposed:
    tally = warehouse.row(
        firsts.aggregate(
            units=_.count(where=_.started),
            before_start=_.count(where=~_.started),
            exposures=_.rows.sum(where=_.started).coalesce(0),
            excluded=_.count(where=_.started & _.excluded),
            crossed=_.count(where=_.started & _.crossed & ~_.excluded),
        )
    )
    names = dimension_names(plan)
    keys = ["variant", *names.values(), "day"]
    fit = comparable(plan, firsts)
    cells = warehouse.keep(_numbered(fit.group_by(keys).agg(units=_.count()), keys))
    units = warehouse.keep(fit.inner_join(cells, keys).select("unit", "first", "cell"))
    size = warehouse.row(cells.aggregate(units=_.units.sum().coalesce(0), cells=_.count()))
    return Exposed(
        units=units,
        cells=cells,
        names=names,
        exposures=int(tally["exposures"]),
        repeated=int(tally["exposures"]) - int(tally["units"] or 0),  # of no rows at all, Spark counts none
        before_start=int(tally["before_start"] or 0),
        excluded=int(tally["excluded"] or 0),
        crossed=int(tally["crossed"] or 0),
        future=found["future"],
        incomplete=found["incomplete"],
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


def declared(plan: ProductPlan) -> list[str]:
    """Variants that the plan names."""
    return [share.variant for share in plan.shares]


def dimension_names(plan: ProductPlan) -> dict[str, str]:
    """Our names of the dimensions' columns, by the dimension."""
    ours = {column: name for name, column in extra_columns(plan).items()}
    return {dimension.column: ours[dimension.column] for dimension in plan.dimensions}


def _until(exposures: ir.Table, plan: ProductPlan, now: int) -> ir.BooleanValue:
    holds = exposures.us <= now
    return holds if plan.ends_s is None else holds & (exposures.us < microseconds(plan.ends_s))


def _started(plan: ProductPlan, time: ir.IntegerColumn) -> ir.BooleanValue:
    """Who was exposed before the start was treated before: a later exposure of theirs is not their first."""
    if plan.starts_s is None:
        return time.notnull()
    return time >= microseconds(plan.starts_s)


def _first_of_each(warehouse: Warehouse, plan: ProductPlan, seen: ir.Table) -> ir.Table:
    """Per unit `first`, `rows`, `variant`, `crossed` and the other columns of its first exposure.

    Of several at the same time it is the one that is first in the order of its columns' text.
    """
    extras = list(extra_columns(plan))
    summed = seen.group_by("unit").agg(
        first=_.us.min(),
        rows=_.count(),
        variant=_.variant.min(),
        highest=_.variant.max(),
        **{name: seen[name].min() for name in extras},
    )
    summed = summed.mutate(crossed=_.variant != _.highest).drop("highest")
    if not extras:
        return summed
    summed = warehouse.keep(summed)
    several = summed.filter(_.rows > 1).select("unit", "first", "rows", "crossed")
    order = ["variant", *extras]
    earliest = (
        seen.inner_join(several, [seen.unit == several.unit, seen.us == several.first])
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
    kept = ["unit", "first", "rows", "variant", "crossed", *dimension_names(plan).values()]
    judged = firsts.mutate(
        started=_started(plan, firsts["first"]), excluded=excluded, day=day_start(firsts["first"])
    )
    return judged.select(*kept, "started", "excluded", "day")


def _numbered(cells: ir.Table, keys: list[str]) -> ir.Table:
    return cells.mutate(cell=ibis.row_number().over(order_by=keys).cast("int32"))


def _unknown(warehouse: Warehouse, plan: ProductPlan, seen: ir.Table, firsts: ir.Table) -> dict[str, int]:
    """Units per variant that nobody declared, also of those that were in another one too."""
    strange = warehouse.keep(strangers(plan, seen))
    if not warehouse.row(strange.aggregate(rows=_.count()))["rows"]:
        return {}
    included = firsts.filter(_.started & ~_.excluded).select("unit")
    rows = warehouse.rows(strange.semi_join(included, "unit").group_by("variant").agg(units=_.count()))
    return {row["variant"]: row["units"] for row in sorted(rows, key=lambda row: str(row["variant"]))}
