"""Events of units that count, summed up to one row per unit.

Events with the same unit, name and id are one, whichever copy is met first: its time is the earliest, its
values are the smallest. Events without an id are never duplicates.
"""

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
from ibis import _

from analysis.warehouse.connecting import Warehouse
from analysis.warehouse.errors import no_events
from analysis.warehouse.functions import fingerprint
from analysis.warehouse.layout import Kept, Layout, layout_of
from analysis.warehouse.units import Exposed, day_start
from engine.core.product import ProductPlan

_UNITS_AT_ONCE = 2_500_000
"""In DuckDB: reading events again for more units is cheaper than totals on disk for want of memory."""
_PRIME = 1009


@dataclass(frozen=True, slots=True, kw_only=True)
class Summed:
    """What events say.

    Attributes:
        totals: `unit`, `cell`, `events`, `early` and `kept0`, `kept1`, ... of units with events.
        duplicates: rows that repeat an event of a unit that counts.
        days: rows per day (its start, microseconds). future: rows after now. last: time of the last before.
    """

    totals: ir.Table
    duplicates: int
    days: dict[int, int]
    future: int
    last: int | None


def summed(warehouse: Warehouse, plan: ProductPlan, exposed: Exposed, events: ir.Table, now: int) -> Summed:
    """A pass over events for the totals (of very many units: a few), and one over times and ids alone."""
    layout = layout_of(plan)
    since = (exposed.first or 0) - max(layout.earlier.values(), default=0)
    days, future, last = _when(warehouse, events, since, now)
    if not days and not future:
        raise no_events(sorted(layout.earlier), plan.tables.events, warehouse.where)
    events = events.filter((_.us >= since) & (_.us <= now))
    duplicates = 0
    if "id" in events.columns:
        events, duplicates = _once_each(warehouse, exposed, events)
    totals = [
        warehouse.keep(_totals(layout, units, events))
        for units in _parts(exposed, _UNITS_AT_ONCE if warehouse.is_duckdb else exposed.count)
    ]
    return Summed(
        totals=ibis.union(*totals) if len(totals) > 1 else totals[0],
        duplicates=duplicates,
        days=days,
        future=future,
        last=last,
    )


def _when(
    warehouse: Warehouse, events: ir.Table, since: int, now: int
) -> tuple[dict[int, int], int, int | None]:
    per_day = (
        events.filter(_.us >= since)
        .mutate(future=_.us > now)
        .mutate(day=ibis.ifelse(_.future, -1, day_start(_.us)))
        .group_by("day", "future")
        .agg(rows=_.count(), last=_.us.max())
    )
    rows = warehouse.rows(per_day)
    past = [row for row in rows if not row["future"]]
    future = sum(row["rows"] for row in rows if row["future"])
    return {row["day"]: row["rows"] for row in past}, future, max((row["last"] for row in past), default=None)


def _once_each(warehouse: Warehouse, exposed: Exposed, events: ir.Table) -> tuple[ir.Table, int]:
    """Events without their repetitions, and how many of these units that count have."""
    is_text = events.id.type().is_string()
    key = fingerprint(events.id) if warehouse.is_duckdb and is_text else events.id
    events = events.mutate(key=key)
    seen = events.filter(_.id.notnull()).group_by("key").agg(rows=_.count()).filter(_.rows > 1)
    often = warehouse.keep(seen.select("key"))
    if not warehouse.row(often.aggregate(keys=_.count()))["keys"]:
        return events.drop("key", "id"), 0
    values = [name for name in events.columns if name.startswith("value")]
    columns = ["unit", "us", "name", *values]
    single = (
        events.semi_join(often, "key")
        .group_by("unit", "name", "id")
        .agg(us=_.us.min(), rows=_.count(), **{name: _[name].min() for name in values})
    )
    single = warehouse.keep(single)
    found = warehouse.row(
        single.semi_join(exposed.units, "unit").aggregate(more=(_.rows - 1).sum().coalesce(0))
    )
    alone = events.anti_join(often, "key").select(*columns)
    return alone.union(single.select(*columns)), int(found["more"])


def _parts(exposed: Exposed, at_once: int) -> list[ir.Table]:
    """Units in parts of about so many, by their time, whatever the clock that told it counts in."""
    parts = max(1, -(-exposed.count // max(at_once, 1)))
    if parts == 1:
        return [exposed.units]
    place = exposed.units["first"] % _PRIME % parts
    return [exposed.units.filter(place == index) for index in range(parts)]


def _totals(layout: Layout, units: ir.Table, events: ir.Table) -> ir.Table:
    joined = events.inner_join(units, "unit")
    joined = joined.mutate(since=joined.us - joined["first"])
    return joined.group_by("unit", "cell").agg(
        events=_.count(),
        early=_.count(where=_early(layout, joined)),
        **{f"kept{index}": _sum(layout, kept, joined) for index, kept in enumerate(layout.kept)},
    )


def _early(layout: Layout, joined: ir.Table) -> ir.BooleanValue:
    limits = [(joined.name == event, -before) for event, before in layout.earlier.items() if before]
    return joined.since < (ibis.cases(*limits, else_=0) if limits else 0)


def _sum(layout: Layout, kept: Kept, joined: ir.Table) -> ir.IntegerScalar:
    asked = (joined.name == kept.event) & (joined.since >= kept.span.start)
    if kept.span.end is not None:
        asked &= joined.since < kept.span.end
    if kept.value is None:
        return joined.count(where=asked)
    value = joined[f"value{layout.values.index(kept.value)}"]
    return value.sum(where=asked).coalesce(0).cast("int64")
