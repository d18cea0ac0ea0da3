"""The same look in plain Python over all rows at once: slow, and written without a query engine in mind."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from fractions import Fraction
from itertools import combinations_with_replacement
from math import ceil, floor, isfinite

from analysis.product.totals import ALL, DAY, SCALE, Bucket, Counted, Moments, Slice, Totals, Variable
from engine.core.product import Aggregate, Measure, ProductMetric, ProductPlan
from tests.analysis.warehouse.data import NO_TIME, START_US, Event, Exposure

GRACE_US = 10 * 60 * 1_000_000
"""Rows so much later than a look are no fault."""


def look(plan: ProductPlan, exposures: Sequence[Exposure], events: Sequence[Event], now_s: float) -> Totals:
    """What a look must bring back."""
    return _Look(plan, exposures, events, round(now_s * 1e6) - START_US).totals()


class _Look:
    def __init__(
        self, plan: ProductPlan, exposures: Sequence[Exposure], events: Sequence[Event], now: int
    ) -> None:
        self.plan, self.now = plan, now
        self.declared = [share.variant for share in plan.shares]
        usable = [row for row in exposures if row.unit is not None and row.us != NO_TIME]
        self.incomplete = len(exposures) - len(usable)
        self.future = sum(row.us > now + GRACE_US for row in usable)
        before = {row.unit for row in usable if self._until(row.us) and not self._started(row.us)}
        in_time = [row for row in usable if self._started(row.us) and self._until(row.us)]
        self.times = [row.us for row in in_time]
        self.exposures = [row for row in in_time if row.unit not in before]
        self.before_start = len(before)
        self.rows: dict[str, list[Exposure]] = defaultdict(list)
        for row in self.exposures:
            self.rows[str(row.unit)].append(row)
        self.first = {unit: min(rows, key=self._order) for unit, rows in self.rows.items()}
        self.excluded = {
            unit
            for unit, row in self.first.items()
            for rule in plan.exclusions
            if (getattr(row, rule.column) or "") in rule.values
        }
        self.crossed = {
            unit
            for unit, rows in self.rows.items()
            if unit not in self.excluded and len({row.variant or "" for row in rows}) > 1
        }
        self.known = {
            unit: row
            for unit, row in self.first.items()
            if unit not in self.excluded | self.crossed and row.variant in self.declared
        }
        self.before = self._before()
        since = min(self.times, default=-START_US) - max(self.before.values(), default=0)
        named = [row for row in events if row.name in self.before]
        complete = [row for row in named if row.unit is not None and row.us != NO_TIME]
        self.incomplete += len(named) - len(complete)
        asked = [_usable(row) for row in complete if row.us >= since]
        self.future += sum(row.us > now + GRACE_US for row in asked)
        self.all_events = [row for row in asked if row.us <= now]
        self.of_known = [row for row in self.all_events if row.unit in self.known]
        self.events = self._once()
        many = Counter(row.unit for row in self.events)
        self.machines = {unit for unit in self.known if many[unit] > plan.most_events}
        self.people = [unit for unit in self.known if unit not in self.machines]
        self.mine: dict[str, list[Event]] = defaultdict(list)
        for row in self.events:
            self.mine[str(row.unit)].append(row)

    def _started(self, us: int) -> bool:
        return self.plan.starts_s is None or START_US + us >= self.plan.starts_s * 1e6

    def _until(self, us: int) -> bool:
        return us <= self.now and (self.plan.ends_s is None or START_US + us < self.plan.ends_s * 1e6)

    def _order(self, row: Exposure) -> tuple[object, ...]:
        columns = [part.column for part in self.plan.dimensions] + [
            part.column for part in self.plan.exclusions
        ]
        return row.us, row.variant or "", *(getattr(row, column) or "" for column in columns)

    def _before(self) -> dict[str, int]:
        longest: dict[str, int] = {}
        for metric in self.plan.metrics:
            for measure in filter(None, (metric.measure, metric.per)):
                us = round((metric.before_s or 0) * 1e6)
                longest[measure.event] = max(longest.get(measure.event, 0), us)
        return longest

    def _once(self) -> list[Event]:
        groups: dict[tuple[object, ...], list[Event]] = defaultdict(list)
        for index, row in enumerate(self.of_known):
            groups[(row.unit, row.name, row.id) if row.id is not None else (index,)].append(row)
        return [
            Event(
                unit=rows[0].unit,
                us=min(row.us for row in rows),
                name=rows[0].name,
                id=rows[0].id,
                amount=min((row.amount for row in rows if row.amount is not None), default=None),
            )
            for rows in groups.values()
        ]

    def number(self, unit: str, measure: Measure, start: int, end: int | None) -> int:
        """In 1 / SCALE."""
        first = self.known[unit].us
        inside = [
            row
            for row in self.mine[unit]
            if row.name == measure.event and row.us - first >= start and (end is None or row.us - first < end)
        ]
        if measure.value is None:
            return len(inside) * SCALE
        return sum(floor(row.amount * 1e6 + 0.5) for row in inside if row.amount is not None)

    def raw(self, metric: ProductMetric, unit: str) -> dict[Variable, int]:
        """Variables of a unit before they are cut."""
        within = None if metric.within_s is None else round(metric.within_s * 1e6)
        spans = [(round(metric.from_s * 1e6), within, Variable.Y, Variable.D)]
        if metric.before_s is not None:
            spans.append((-round(metric.before_s * 1e6), 0, Variable.X, Variable.W))
        found = {}
        for start, end, top, bottom in spans:
            value = self.number(unit, metric.measure, start, end)
            if metric.aggregate is Aggregate.CONVERSION:
                value = SCALE if value > 0 else 0
            found[top] = value
            if metric.per is not None:
                found[bottom] = self.number(unit, metric.per, start, end)
        return {variable: found[variable] for variable in Variable if variable in found}

    def cap(self, metric: ProductMetric, raw: dict[str, dict[Variable, int]]) -> int | None:
        """In 1 / SCALE."""
        if metric.aggregate is Aggregate.CONVERSION:
            return None
        caps = [] if metric.cap is None else [round(metric.cap * SCALE)]
        if metric.winsorize is not None and raw:
            ordered = sorted(values[Variable.Y] for values in raw.values())
            rank = ceil(Fraction(str(metric.winsorize)) * len(ordered))
            if ordered[rank - 1] > 0:
                caps.append(ordered[rank - 1])
        return min(caps, default=None)

    def slices(self, unit: str) -> list[Slice]:
        row = self.known[unit]
        parts = [
            Slice(dimension=part.column, value=getattr(row, part.column) or "")
            for part in self.plan.dimensions
        ]
        return [ALL, *parts, Slice(dimension=DAY, value=_day(row.us))]

    def totals(self) -> Totals:
        cells: dict[tuple[str, Slice], list[str]] = defaultdict(list)
        for unit in self.people:
            for part in self.slices(unit):
                cells[str(self.known[unit].variant), part].append(unit)
        moments, buckets, caps = {}, {}, {}
        for metric in self.plan.metrics:
            raw = {unit: self.raw(metric, unit) for unit in self.people}
            cap = self.cap(metric, raw)
            if cap is not None:
                caps[metric.name] = cap / SCALE
            cut = {
                unit: {
                    key: value if cap is None or key in {Variable.D, Variable.W} else min(value, cap)
                    for key, value in values.items()
                }
                for unit, values in raw.items()
            }
            for (variant, part), units in cells.items():
                moments[variant, part, metric.name] = _moments([cut[unit] for unit in units])
            if metric.aggregate is Aggregate.QUANTILE:
                factor = 1 if metric.measure.value is not None else SCALE
                for variant in self.declared:
                    values = [
                        cut[unit][Variable.Y] for unit in self.people if self.known[unit].variant == variant
                    ]
                    buckets[variant, metric.name] = _buckets(values, factor)
        return Totals(
            units={key: len(units) for key, units in cells.items()},
            moments=moments,
            buckets=buckets,
            caps=caps,
            counted=self.counted(cells),
        )

    def counted(self, cells: dict[tuple[str, Slice], list[str]]) -> Counted:
        strange = {
            (row.unit, row.variant or "")
            for row in self.exposures
            if (row.variant or "") not in self.declared and row.unit not in self.excluded
        }
        days = [part.value for _variant, part in cells if part.dimension == DAY]
        times = self.times
        ends = times + [row.us for row in self.all_events]
        early = [row for row in self.events if row.us - self.known[str(row.unit)].us < -self.before[row.name]]
        summed = {
            metric.name: [
                measure.event
                for measure in (metric.measure, metric.per)
                if measure is not None and measure.value is not None
            ]
            for metric in self.plan.metrics
        }
        return Counted(
            exposures=len(self.exposures),
            repeated=len(self.exposures) - len(self.rows),
            events=len(self.of_known),
            duplicates=len(self.of_known) - len(self.events),
            early=len(early),
            early_units=self.per_variant({str(row.unit) for row in early} - self.machines),
            crossed=len(self.crossed),
            excluded=len(self.excluded),
            before_start=self.before_start,
            machines=self.per_variant(self.machines),
            unknown=dict(Counter(variant for _unit, variant in strange)),
            future=self.future,
            incomplete=self.incomplete,
            valueless={
                metric: sum(row.name in names and row.amount is None for row in self.all_events)
                for metric, names in summed.items()
                if names
            },
            first_s=(START_US + min(times)) / 1e6 if times else None,
            last_s=(START_US + max(ends)) / 1e6 if ends else None,
            days={
                day: {
                    variant: len(cells.get((variant, Slice(dimension=DAY, value=day)), []))
                    for variant in self.declared
                }
                for day in _range(days)
            },
            events_by_day={
                day: sum(_day(row.us) == day for row in self.all_events)
                for day in _range([_day(row.us) for row in self.all_events])
            },
            events_by_name={name: sum(row.name == name for row in self.all_events) for name in self.before},
        )

    def per_variant(self, units: set[str]) -> dict[str, int]:
        return {
            variant: sum(self.known[unit].variant == variant for unit in units) for variant in self.declared
        }


def _usable(row: Event) -> Event:
    """Without an amount that is none or does not fit, and without an id that says nothing."""
    fits = row.amount is not None and isfinite(row.amount) and -1e12 <= row.amount <= 1e12
    return replace(row, amount=row.amount if fits else None, id=row.id or None)


def _day(us: int) -> str:
    return datetime.fromtimestamp((START_US + us) // 1_000_000, UTC).date().isoformat()


def _range(days: list[str]) -> list[str]:
    if not days:
        return []
    ends = [date.fromisoformat(day).toordinal() for day in (min(days), max(days))]
    return [date.fromordinal(day).isoformat() for day in range(ends[0], ends[1] + 1)]


def _moments(units: list[dict[Variable, int]]) -> Moments:
    names = list(units[0])
    return Moments(
        units=len(units),
        sums={name: sum(unit[name] for unit in units) for name in names},
        products={
            (one, other): sum(unit[one] * unit[other] for unit in units)
            for one, other in combinations_with_replacement(names, 2)
        },
    )


def _buckets(values: list[int], factor: int) -> tuple[Bucket, ...]:
    tallies: Counter[tuple[int, int]] = Counter()
    for value in values:
        size = abs(value) // factor
        width = 1
        while size >= 256 * width:
            width *= 2
        least = size - size % width
        most = least + width - 1
        bounds = (-most - 1, -least) if value < 0 else (least - 1, most)
        tallies[bounds[0] * factor, bounds[1] * factor] += 1
    return tuple(Bucket(low=low, high=high, units=units) for (low, high), units in sorted(tallies.items()))
