"""What is wrong with the data of an experiment, named with how much of it. Judges no effect.

Every limit is a constant with its reason. Below what is noted a fault is not listed (its count is in
`Counted` all the same); from what is grave on, no result of the experiment is to be trusted.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import log

from analysis.product.days import DAY_S, EXPECTED_DAILY, earlier, gaps, spans, without_events
from analysis.product.measures import summed_events
from analysis.product.rates import began
from analysis.product.result import Fault, FaultKind, SplitFinding
from analysis.product.split import fuller, planned_shares
from analysis.product.totals import ALL, Slice, Totals
from engine.core.model import Role
from engine.core.product import ProductPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """Shares, as fractions, from which on a fault is noted and grave (None: it harms no comparison)."""

    noted: float
    grave: float | None


UNKNOWN_VARIANT = Limit(noted=0.0, grave=0.005)
"""Units of a renamed variant are missing from one side: half a percent moves an even split."""
CROSSED = Limit(noted=0.001, grave=0.01)
"""Some share a browser or clear cookies. Above 1 % they are left out by what they did, not by chance."""
FUTURE = Limit(noted=0.0, grave=0.001)
"""One in a thousand is a clock that puts events on the wrong side of the exposure."""
EARLY_EVENTS = Limit(noted=0.05, grave=None)
"""Of exposures that are logged late, if in all variants alike. A few are the order of two logs."""
DUPLICATES = Limit(noted=0.01, grave=None)
"""Retries of a shipper stay below 1 %; each event counts once, however often it came."""
REPEATED = Limit(noted=0.05, grave=None)
"""Everything logged twice is a fault of the logging, but only a unit's first exposure counts."""
MACHINES = Limit(noted=0.0, grave=0.01)
"""A single bot is worth a word; above 1 % of the units, people are left out, by what they did."""
VALUELESS = Limit(noted=0.001, grave=0.05)
"""All of one variant's, they take a tenth of its numbers away."""
BEFORE_START = Limit(noted=0.05, grave=None)
"""A few testers were there before; one in twenty is another experiment, or a start that was declared late."""
INCOMPLETE = Limit(noted=0.01, grave=None)
"""Some events are of nobody who is known; which of them would have counted, nobody can tell."""
LEAST_GRAVE = 10
"""Fewer rows or units than this are an accident, whatever their share of a small experiment."""
OLD_S = 2 * DAY_S
"""Tables are loaded nightly: data older than two days have missed a load."""
ENDED_GRAVE_DAYS = 3
"""A weekend is two; after three days without any event nobody is measured any more."""
ENOUGH_UNITS = 100
"""Among fewer a rare event may not have happened yet."""


def faults(
    plan: ProductPlan, totals: Totals, splits: Iterable[SplitFinding], biased: Iterable[str], at_s: float
) -> tuple[Fault, ...]:
    """Everything that is wrong, grave faults first, then in the order of `FaultKind`.

    Args:
        plan: the experiment.
        totals: what was found.
        splits: whether units are split as planned.
        biased: metrics that differed before the exposure.
        at_s: time of the look.
    """
    found = [
        *_split(totals, splits),
        *(Fault(kind=FaultKind.BIASED_BEFORE, grave=True, what=metric) for metric in biased),
        *_units(totals),
        *_uneven(plan, totals),
        *_rows(totals),
        *_events(plan, totals),
        *_missing_days(plan, totals),
        *_ended_events(totals, at_s),
        *_old(plan, totals, at_s),
    ]
    order = list(FaultKind)
    return tuple(sorted(found, key=lambda each: (not each.grave, order.index(each.kind), each.what)))


def named(part: Slice) -> str:
    """A slice as `Fault.what` has it; empty for all units.

    >>> named(Slice(dimension="browser", value="safari"))
    'browser=safari'
    """
    return f"{part.dimension}={part.value}" if part != ALL else ""


def _split(totals: Totals, splits: Iterable[SplitFinding]) -> Iterator[Fault]:
    whole = _exposed(totals)
    for each in splits:
        if each.alarm:
            count = sum(each.units.values())
            yield Fault(
                kind=FaultKind.SPLIT, grave=True, what=named(each.slice), count=count, share=count / whole
            )


def _units(totals: Totals) -> Iterator[Fault]:
    """Units that are left out: shares are of those left out and those that count."""
    counted, exposed = totals.counted, _exposed(totals)
    whole = exposed + sum(counted.unknown.values())
    for variant, units in sorted(counted.unknown.items()):
        yield from _over(FaultKind.UNKNOWN_VARIANT, UNKNOWN_VARIANT, units, whole, variant)
    yield from _over(FaultKind.CROSSED, CROSSED, counted.crossed, exposed + counted.crossed)
    machines = sum(counted.machines.values())
    yield from _over(FaultKind.MACHINES, MACHINES, machines, exposed + machines)
    before = counted.before_start
    yield from _over(FaultKind.BEFORE_START, BEFORE_START, before, exposed + before)


def _uneven(plan: ProductPlan, totals: Totals) -> Iterator[Fault]:
    """What befalls units for no reason that has to do with their variant falls on variants as units do.

    Events before an exposure come from before it; machines were there without any experiment. Where more of
    them are in one variant than chance lets be, its exposures are logged in another way, or it makes people
    look like machines: then those that count are no longer alike. Both tests share the level of a split.
    """
    counted = totals.counted
    for kind, found, left_out in (
        (FaultKind.EARLY_UNEVEN, counted.early_units, {}),
        (FaultKind.MACHINES_UNEVEN, counted.machines, counted.machines),
    ):
        most = fuller(plan, found, price=log(2.0))
        if most is not None:
            count, whole = found[most], totals.units.get((most, ALL), 0) + left_out.get(most, 0)
            yield Fault(kind=kind, grave=True, what=most, count=count, share=count / max(whole, count))


def _rows(totals: Totals) -> Iterator[Fault]:
    counted = totals.counted
    whole = counted.exposures + counted.events
    yield from _over(FaultKind.FUTURE, FUTURE, counted.future, whole)
    yield from _over(FaultKind.EARLY_EVENTS, EARLY_EVENTS, counted.early, counted.events)
    yield from _over(FaultKind.DUPLICATES, DUPLICATES, counted.duplicates, counted.events)
    yield from _over(FaultKind.REPEATED, REPEATED, counted.repeated, counted.exposures)
    yield from _over(FaultKind.INCOMPLETE, INCOMPLETE, counted.incomplete, whole + counted.incomplete)


def _events(plan: ProductPlan, totals: Totals) -> Iterator[Fault]:
    """Events that never occur, and those without the number that is summed, grave where that decides."""
    counted = totals.counted
    for metric in plan.metrics:
        limit = replace(VALUELESS, grave=None) if metric.role is Role.QUALITY else VALUELESS
        valueless = counted.valueless.get(metric.name, 0)
        yield from _over(FaultKind.VALUELESS, limit, valueless, summed_events(metric, counted), metric.name)
    if _exposed(totals) >= ENOUGH_UNITS:
        for event, rows in sorted(counted.events_by_name.items()):
            if not rows:
                yield Fault(kind=FaultKind.NO_EVENTS, grave=False, what=event)


def _over(kind: FaultKind, limit: Limit, count: int, whole: int, what: str = "") -> Iterator[Fault]:
    if count <= 0:
        return
    share = count / max(whole, count)
    if share >= limit.noted:
        grave = limit.grave is not None and share >= limit.grave and count >= LEAST_GRAVE
        yield Fault(kind=kind, grave=grave, what=what, count=count, share=share)


def _missing_days(plan: ProductPlan, totals: Totals) -> Iterator[Fault]:
    """Days without data between days with some. Grave where it is one variant's alone: that is no chance.

    Days in a row are one fault, named by the first and the last.
    """
    days, exposed = totals.counted.days, _exposed_by_day(totals)
    for span in spans({*gaps(exposed), *gaps(_events_by_day(plan, totals))}):
        yield Fault(kind=FaultKind.MISSING_DAY, grave=False, what=span)
    for variant, share in planned_shares(plan).items():
        due = [day for day, count in exposed.items() if count * share >= EXPECTED_DAILY]
        for span in spans(day for day in due if not days[day].get(variant)):
            yield Fault(kind=FaultKind.MISSING_DAY, grave=True, what=f"{span} {variant}")


def _ended_events(totals: Totals, at_s: float) -> Iterator[Fault]:
    """Units go on being exposed, and nobody does anything any more."""
    exposed = _exposed_by_day(totals)
    if days := without_events(exposed, totals.counted.events_by_day, at_s):
        first, last = days[0], days[-1]
        yield Fault(
            kind=FaultKind.EVENTS_ENDED,
            grave=len(days) >= ENDED_GRAVE_DAYS,
            what=f"{first}/{last}" if last > first else first,
            count=sum(exposed[day] for day in days),
            share=sum(exposed[day] for day in days) / sum(exposed.values()),
        )


def _exposed_by_day(totals: Totals) -> Mapping[str, int]:
    """Units first exposed, of all variants, on every day since it began."""
    start = began(totals.counted) or ""
    return {day: sum(units.values()) for day, units in totals.counted.days.items() if day >= start}


def _events_by_day(plan: ProductPlan, totals: Totals) -> Mapping[str, int]:
    """Rows of events on every day that some metric looks at."""
    start = began(totals.counted)
    before_s = max((metric.before_s or 0.0 for metric in plan.metrics), default=0.0)
    first = "" if start is None else earlier(start, before_s)
    return {day: rows for day, rows in totals.counted.events_by_day.items() if day >= first}


def _old(plan: ProductPlan, totals: Totals, at_s: float) -> Iterator[Fault]:
    last_s = totals.counted.last_s
    due_s = at_s if plan.ends_s is None else min(at_s, plan.ends_s)
    if last_s is not None and due_s - last_s > OLD_S:
        yield Fault(kind=FaultKind.OLD, grave=False)


def _exposed(totals: Totals) -> int:
    return sum(units for (_, part), units in totals.units.items() if part == ALL)
