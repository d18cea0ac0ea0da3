"""Events of units that count, summed up to one row per unit.

Events with the same unit, name and id are one, whichever copy is met first: its time is the earliest, its
values are the smallest. Events without an id are never duplicates.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
from ibis import _

from analysis.warehouse.connecting import Warehouse
from analysis.warehouse.errors import no_events
from analysis.warehouse.functions import fingerprint
from analysis.warehouse.known import Known, Sums
from analysis.warehouse.layout import GRACE_US, Kept, Layout, layout_of
from analysis.warehouse.reading import is_complete
from analysis.warehouse.units import Exposed, day_start
from engine.core.product import ProductPlan

_UNITS_AT_ONCE = 2_500_000
"""In DuckDB: reading events again for more units is cheaper than totals on disk for want of memory."""
_PRIME = 1009
_PAST, _AHEAD, _FUTURE, _INCOMPLETE = range(4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """What rows of events say, whoever did them.

    Attributes:
        days: rows per day (its start, microseconds). names: rows per event that a metric asks for.
        valueless: of these, rows without a usable number, per event and column that is summed.
        ahead: rows after now, but for those of `future`. future, incomplete: as in `Counted`.
        last: time of the last row before now.
    """

    days: dict[int, int]
    names: dict[str, int]
    valueless: dict[tuple[str, str], int]
    ahead: int
    future: int
    incomplete: int
    last: int | None

    def __add__(self, other: "Rows") -> "Rows":
        """Of both together, at the time of the other."""
        lasts = [last for last in (self.last, other.last) if last is not None]
        return Rows(
            days=dict(Counter(self.days) + Counter(other.days)),
            names={name: rows + other.names[name] for name, rows in self.names.items()},
            valueless={value: rows + other.valueless[value] for value, rows in self.valueless.items()},
            ahead=other.ahead,
            future=other.future,
            incomplete=self.incomplete + other.incomplete,
            last=max(lasts, default=None),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """What became of totals since sums over them were known.

    Attributes:
        rows: of `totals`, as they are now with a `sign` of 1, and as they were with -1. known: the sums.
    """

    rows: ir.Table
    known: Known


@dataclass(frozen=True, slots=True, kw_only=True)
class Summed:
    """What events say.

    Attributes:
        totals: `unit`, `cell`, `events`, `early`, `repeats` (rows that repeat an event of its) and `kept0`,
            `kept1`, ... of units with events. rows: what all rows say. changed: None where nothing is known.
    """

    totals: ir.Table
    rows: Rows
    changed: Changed | None = None

    def known_of(self, asked: Mapping[str, str]) -> dict[str, Sums]:
        """Sums over units as they were, of the metrics of which they are known; `asked` as in `Known`."""
        known = {} if self.changed is None else self.changed.known
        return {name: known[one] for name, one in asked.items() if one in known}


def summed(warehouse: Warehouse, plan: ProductPlan, exposed: Exposed, events: ir.Table, now: int) -> Summed:
    """A pass over events for the totals (of very many units: a few), and one over times and ids alone."""
    layout = layout_of(plan)
    since = counting_from(layout, exposed.first)
    rows = rows_of(warehouse, layout, events, since, now)
    # What applications tell the engine is named by the document: where nothing came, nobody has done it yet.
    if not (rows.days or rows.ahead or rows.future or plan.tables.recorded_as):
        raise no_events(sorted(layout.earlier), plan.tables.events, warehouse.where)
    events = once_each(warehouse, within(events, since, now))
    totals = [
        warehouse.keep(totals_of(layout, units, events))
        for units in _parts(exposed, _UNITS_AT_ONCE if warehouse.is_duckdb else exposed.count)
    ]
    return Summed(
        totals=ibis.union(*totals) if len(totals) > 1 else totals[0],
        rows=rows,
    )


def counting_from(layout: Layout, first: int | None) -> int:
    """From when on events are read, when this is the time of the first exposure; both in microseconds."""
    return (first or 0) - max(layout.earlier.values(), default=0)


def within(events: ir.Table, since: int, now: int) -> ir.Table:
    """Events of somebody between two times, microseconds."""
    return events.filter(is_complete(events) & (_.us >= since) & (_.us <= now))


def rows_of(warehouse: Warehouse, layout: Layout, events: ir.Table, since: int, now: int) -> Rows:
    """Counts rows of events since a time; both in microseconds."""
    kinds = [
        (~is_complete(events), _INCOMPLETE),
        (events.us > now + GRACE_US, _FUTURE),
        (events.us > now, _AHEAD),
    ]
    per_day = (
        events.mutate(kind=ibis.cases(*kinds, else_=_PAST))
        .filter((_.kind == _INCOMPLETE) | (_.us >= since))
        .mutate(day=ibis.ifelse(_.kind == _PAST, day_start(_.us), 0))
        .group_by("kind", "day", "name")
        .agg(
            rows=_.count(),
            last=_.us.max(),
            **{
                f"null{place}": _.count(where=_[f"value{place}"].isnull())
                for place in range(len(layout.values))
            },
        )
    )
    days: dict[int, int] = {}
    names = dict.fromkeys(sorted(layout.earlier), 0)
    valueless = {(kept.event, kept.value): 0 for kept in layout.kept if kept.value is not None}
    others = {_INCOMPLETE: 0, _FUTURE: 0, _AHEAD: 0}
    last = None
    for row in warehouse.rows(per_day):
        if row["kind"] != _PAST:
            others[row["kind"]] += row["rows"]
            continue
        days[row["day"]] = days.get(row["day"], 0) + row["rows"]
        names[row["name"]] += row["rows"]
        for event, value in valueless:
            if event == row["name"]:
                valueless[event, value] += int(row[f"null{layout.values.index(value)}"])
        last = row["last"] if last is None else max(last, row["last"])
    return Rows(
        days=days,
        names=names,
        valueless=valueless,
        ahead=others[_AHEAD],
        future=others[_FUTURE],
        incomplete=others[_INCOMPLETE],
        last=last,
    )


def once_each(warehouse: Warehouse, events: ir.Table) -> ir.Table:
    """Events without their repetitions, which are counted in `repeats`; that column is not there for none."""
    if "id" not in events.columns:
        return events
    is_text = events.id.type().is_string()
    key = fingerprint(events.id) if warehouse.is_duckdb and is_text else events.id
    events = events.mutate(key=key)
    seen = events.filter(_.id.notnull()).group_by("key").agg(rows=_.count()).filter(_.rows > 1)
    often = warehouse.keep(seen.select("key"))
    if not warehouse.row(often.aggregate(keys=_.count()))["keys"]:
        return events.drop("key", "id")
    values = [name for name in events.columns if name.startswith("value")]
    columns = ["unit", "us", "name", *values]
    single = (
        events.semi_join(often, "key")
        .group_by("unit", "name", "id")
        .agg(us=_.us.min(), repeats=_.count() - 1, **{name: _[name].min() for name in values})
    )
    single = warehouse.keep(single)
    alone = events.anti_join(often, "key").select(*columns, repeats=ibis.literal(0, "int64"))
    return alone.union(single.select(*alone.columns))


def _parts(exposed: Exposed, at_once: int) -> list[ir.Table]:
    """Units in parts of about so many, by their time, whatever the clock that told it counts in."""
    parts = max(1, -(-exposed.count // max(at_once, 1)))
    if parts == 1:
        return [exposed.units]
    place = exposed.units["first"] % _PRIME % parts
    return [exposed.units.filter(place == index) for index in range(parts)]


def totals_of(layout: Layout, units: ir.Table, events: ir.Table) -> ir.Table:
    """A row per unit (of `unit`, `first`, `cell`) that has any of these events: see `Summed`."""
    joined = events.inner_join(units, "unit")
    joined = joined.mutate(since=joined.us - joined["first"])
    counts = {"events": joined.count(), "early": joined.count(where=_early(layout, joined))}
    if "repeats" in events.columns:
        counts["repeats"] = joined.repeats.sum().cast("int64")
    sums = {f"kept{index}": _sum(layout, kept, joined) for index, kept in enumerate(layout.kept)}
    found = joined.group_by("unit", "cell").agg(**counts, **sums)
    if "repeats" not in counts:
        found = found.mutate(repeats=ibis.literal(0, "int64"))
    return found.select("unit", "cell", "events", "early", "repeats", *sums)


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
