"""One look at the tables: exposures to units, events to numbers of units, and those to sums brought back."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

import ibis.expr.types as ir
from ibis import _

from analysis.product.totals import ALL, DAY, Counted, Slice, Totals
from analysis.warehouse.adding import with_changes
from analysis.warehouse.connecting import Warehouse, connected
from analysis.warehouse.cuts import buckets_of, caps_of, scale_of
from analysis.warehouse.known import Known, Sums, asked_of
from analysis.warehouse.layout import MICROSECONDS, Layout, layout_of, microseconds
from analysis.warehouse.moments import moments_of, none_of, numbers_of
from analysis.warehouse.reading import events_of, exposures_of, same_units
from analysis.warehouse.slices import sums_by_slice
from analysis.warehouse.sums import Summed, summed
from analysis.warehouse.units import DAY_US, Exposed, day_of, exposed
from engine.core.product import ProductMetric, ProductPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tally:
    """Of units with events: these, how many units are machines, and the largest numbers.

    Attributes:
        early_units, machines: per variant, all declared ones.
    """

    events: int
    early: int
    repeats: int
    early_units: Mapping[str, int]
    machines: Mapping[str, int]
    largest: tuple[int, ...]


def taken(plan: ProductPlan, now_s: float) -> Totals:
    """What `analysis.warehouse.look` returns."""
    with connected(plan.tables.warehouse) as warehouse:
        return whole(warehouse, plan, microseconds(now_s))


def whole(warehouse: Warehouse, plan: ProductPlan, now: int) -> Totals:
    """One whole look, at a time in microseconds."""
    layout = layout_of(plan)
    exposures, events = same_units(exposures_of(warehouse, plan), events_of(warehouse, plan, layout))
    units = exposed(warehouse, plan, exposures, now)
    sums = summed(warehouse, plan, units, events, now)
    totals, _known = totals_from(warehouse, plan, layout, units, sums)
    return totals


def totals_from(
    warehouse: Warehouse, plan: ProductPlan, layout: Layout, units: Exposed, sums: Summed
) -> tuple[Totals, Known]:
    """What units and their events come to, and of it what need not be summed up again."""
    is_machine = _.events > plan.most_events
    tally = _tally(warehouse, plan, units, sums.totals, len(layout.kept), is_machine)
    people = sums.totals.filter(~is_machine)
    if machines := sum(tally.machines.values()):
        units = _without(warehouse, units, sums.totals.filter(is_machine), machines)
    caps = caps_of(warehouse, plan, layout, people, units.count)
    numbers = numbers_of(people, layout, caps, tally.largest)
    counts = _units(warehouse, units)
    asked = {name: asked_of(terms, caps.get(name), plan.most_events) for name, terms in layout.terms.items()}
    known = sums.known_of(asked)
    afresh = {name: made for name, made in numbers.items() if name not in known}
    found = moments_of(warehouse, units, people, afresh)
    if sums.changed is not None and known:
        changed = sums.changed.rows.filter(~is_machine)
        found |= with_changes(warehouse, layout, units, changed, caps, known)
    moments = _counting(layout, found, counts)
    per_variant = {share.variant: counts.get((share.variant, ALL), 0) for share in plan.shares}
    totals = Totals(
        units=counts,
        moments={(*key, name): each for name, sums_of in moments.items() for key, each in sums_of.items()},
        buckets=buckets_of(warehouse, plan, units, people, numbers, per_variant),
        caps={name: cap / scale_of(layout, name) for name, cap in caps.items()},
        counted=_counted(plan, units, sums, tally, counts),
    )
    return totals, {asked[name]: sums_of for name, sums_of in moments.items()}


def _units(warehouse: Warehouse, exposed: Exposed) -> dict[tuple[str, Slice], int]:
    """Per variant and slice with any."""
    found = sums_by_slice(warehouse, exposed, exposed.cells.select("cell", "units"))
    return {key: sums["units"] for key, sums in found.items() if sums["units"]}


def _counting(
    layout: Layout, found: Mapping[str, Sums], counts: Mapping[tuple[str, Slice], int]
) -> dict[str, Sums]:
    """Moments of every slice with units, which are counted now; those without events add nothing else."""
    none = {name: none_of(terms) for name, terms in layout.terms.items()}
    return {
        name: {key: replace(sums.get(key, none[name]), units=units) for key, units in counts.items()}
        for name, sums in found.items()
    }


def _tally(
    warehouse: Warehouse,
    plan: ProductPlan,
    units: Exposed,
    totals: ir.Table,
    kept: int,
    is_machine: ir.BooleanValue,
) -> _Tally:
    largest = {f"kept{index}": _[f"kept{index}"].abs().max() for index in range(kept)}
    found = warehouse.rows(
        totals.inner_join(units.cells.select("cell", "variant"), "cell")
        .group_by("variant")
        .agg(
            events=_.events.sum(),
            early=_.early.sum(),
            repeats=_.repeats.sum(),
            early_units=_.count(where=(_.early > 0) & ~is_machine),
            machines=_.count(where=is_machine),
            **largest,
        )
    )
    per_variant = {row["variant"]: row for row in found}
    none = dict.fromkeys(("early_units", "machines"), 0)
    each = {share.variant: per_variant.get(share.variant, none) for share in plan.shares}
    return _Tally(
        events=sum(int(row["events"]) for row in found),
        early=sum(int(row["early"]) for row in found),
        repeats=sum(int(row["repeats"]) for row in found),
        early_units={variant: int(row["early_units"]) for variant, row in each.items()},
        machines={variant: int(row["machines"]) for variant, row in each.items()},
        largest=tuple(max((int(row[name] or 0) for row in found), default=0) for name in largest),
    )


def _without(warehouse: Warehouse, exposed: Exposed, machines: ir.Table, count: int) -> Exposed:
    """The units less those that are machines, in every cell."""
    per_cell = machines.group_by("cell").agg(machines=_.count())
    cells = exposed.cells.left_join(per_cell, "cell").mutate(units=_.units - _.machines.coalesce(0))
    cells = cells.select(*exposed.cells.columns)
    return replace(exposed, cells=warehouse.keep(cells), count=exposed.count - count)


def _counted(
    plan: ProductPlan, units: Exposed, sums: Summed, tally: _Tally, counts: Mapping[tuple[str, Slice], int]
) -> Counted:
    times = [time / MICROSECONDS for time in (units.first, units.last, sums.rows.last) if time is not None]
    days = sorted({part.value for _variant, part in counts if part.dimension == DAY})
    return Counted(
        exposures=units.exposures,
        repeated=units.repeated,
        events=tally.events + tally.repeats,
        duplicates=tally.repeats,
        early=tally.early,
        early_units=tally.early_units,
        crossed=units.crossed,
        excluded=units.excluded,
        before_start=units.before_start,
        machines=tally.machines,
        unknown=units.unknown,
        future=units.future + sums.rows.future,
        incomplete=units.incomplete + sums.rows.incomplete,
        valueless={
            metric.name: sum(sums.rows.valueless[one] for one in measures)
            for metric in plan.metrics
            if (measures := _summed(metric))
        },
        first_s=None if units.first is None else units.first / MICROSECONDS,
        last_s=max(times, default=None),
        days={
            day: {
                share.variant: counts.get((share.variant, Slice(dimension=DAY, value=day)), 0)
                for share in plan.shares
            }
            for day in _every(days)
        },
        events_by_day=_filled(sums.rows.days),
        events_by_name=sums.rows.names,
    )


def _summed(metric: ProductMetric) -> list[tuple[str, str]]:
    """Which columns of which events a metric sums."""
    measures = (metric.measure,) if metric.per is None else (metric.measure, metric.per)
    return [(one.event, one.value) for one in measures if one.value is not None]


def _every(days: list[str]) -> list[str]:
    """All days from the first to the last of these, ISO dates."""
    if not days:
        return []
    first, last = (date.fromisoformat(day).toordinal() for day in (days[0], days[-1]))
    return [date.fromordinal(day).isoformat() for day in range(first, last + 1)]


def _filled(days: Mapping[int, int]) -> dict[str, int]:
    """Rows per ISO date, with a 0 for days between that have none."""
    every = range(min(days), max(days) + 1, DAY_US) if days else range(0)
    return {day_of(day): days.get(day, 0) for day in every}
