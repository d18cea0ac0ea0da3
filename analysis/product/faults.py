"""What is wrong with the data of an experiment, named with how much of it. Judges no effect.

Every limit is a constant with its reason. Below what is noted a fault is not listed (its count is in
`Counted` all the same); from what is grave on, no result of the experiment is to be trusted.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median

from analysis.product.result import Fault, FaultKind, SplitFinding
from analysis.product.split import planned_shares
from analysis.product.totals import ALL, Slice, Totals
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
"""Of exposures that are logged late; left out of all variants alike. A few are the order of two logs."""
DUPLICATES = Limit(noted=0.01, grave=None)
"""Retries of a shipper stay below 1 %; each event counts once, however often it came."""
REPEATED = Limit(noted=0.05, grave=None)
"""Everything logged twice is a fault of the logging, but only a unit's first exposure counts."""
MACHINES = Limit(noted=0.0, grave=0.01)
"""A single bot is worth a word; above 1 % of the units, people are left out, by what they did."""
LEAST_GRAVE = 10
"""Fewer rows or units than this are an accident, whatever their share of a small experiment."""
OLD_S = 2 * 86_400.0
"""Tables are loaded nightly: data older than two days have missed a load."""
EXPECTED_DAILY = 20
"""Where so many are expected, a day without any has a chance of exp(-20)."""


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
        *_rows(totals),
        *_missing_days(plan, totals),
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
    yield from _over(FaultKind.MACHINES, MACHINES, counted.machines, exposed + counted.machines)


def _rows(totals: Totals) -> Iterator[Fault]:
    counted = totals.counted
    yield from _over(FaultKind.FUTURE, FUTURE, counted.future, counted.exposures + counted.events)
    yield from _over(FaultKind.EARLY_EVENTS, EARLY_EVENTS, counted.early, counted.events)
    yield from _over(FaultKind.DUPLICATES, DUPLICATES, counted.duplicates, counted.events)
    yield from _over(FaultKind.REPEATED, REPEATED, counted.repeated, counted.exposures)


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
    days = totals.counted.days
    exposed = {day: sum(units.values()) for day, units in days.items()}
    for span in _spans({*_gaps(exposed), *_gaps(totals.counted.events_by_day)}):
        yield Fault(kind=FaultKind.MISSING_DAY, grave=False, what=span)
    for variant, share in planned_shares(plan).items():
        due = [day for day, count in exposed.items() if count * share >= EXPECTED_DAILY]
        for span in _spans(day for day in due if not days[day].get(variant)):
            yield Fault(kind=FaultKind.MISSING_DAY, grave=True, what=f"{span} {variant}")


def _spans(days: Iterable[str]) -> Iterator[str]:
    """Days in a row as `first/last`, one alone as itself, oldest first."""
    spans: list[tuple[date, date]] = []
    for day in sorted(date.fromisoformat(each) for each in days):
        if spans and day - spans[-1][1] == timedelta(days=1):
            spans[-1] = (spans[-1][0], day)
        else:
            spans.append((day, day))
    yield from (f"{first}/{last}" if last > first else f"{first}" for first, last in spans)


def _gaps(by_day: Mapping[str, int]) -> Sequence[str]:
    """Empty days between the first and the last that are not, where days usually have enough."""
    used = sorted(day for day, count in by_day.items() if count)
    if not used or median(by_day[day] for day in used) < EXPECTED_DAILY:
        return ()
    return [day for day, count in by_day.items() if not count and used[0] < day < used[-1]]


def _old(plan: ProductPlan, totals: Totals, at_s: float) -> Iterator[Fault]:
    last_s = totals.counted.last_s
    due_s = at_s if plan.ends_s is None else min(at_s, plan.ends_s)
    if last_s is not None and due_s - last_s > OLD_S:
        yield Fault(kind=FaultKind.OLD, grave=False)


def _exposed(totals: Totals) -> int:
    return sum(units for (_, part), units in totals.units.items() if part == ALL)
