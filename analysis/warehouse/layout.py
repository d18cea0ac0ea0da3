"""Which numbers the query engine keeps per unit, and how a metric's variables are made of them.

Pure: a plan in, columns out. Two metrics that take the same of the same time share a column.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from analysis.product.totals import SCALE, Variable
from engine.core.product import Aggregate, Measure, ProductMetric, ProductPlan

MICROSECONDS = 1_000_000
"""Per second; times are compared in whole ones."""
GRACE_US = 600 * MICROSECONDS
"""So much later than a look a row may be without any fault: tables are written while they are read, and the
clocks of servers differ by seconds. Time zones differ by a quarter of an hour or more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A part of a unit's time, in microseconds after its first exposure: from `start` until before `end`.

    Attributes:
        end: None for as long as there are events.
    """

    start: int
    end: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One number per unit: how many of its events are in the span, or the sum of a column of theirs.

    Attributes:
        value: name of the column that is summed (in whole 1 / SCALE); None counts.
    """

    event: str
    value: str | None
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A metric's variable, made of a kept number.

    Attributes:
        kept: its index in `Layout.kept`. scale: what a 1 of the variable is in the engine: 1 for counts.
        factor: what the kept number is multiplied by to get there. whether: 1 if there is any, else 0.
        capped: whether the metric's cap cuts it.
    """

    variable: Variable
    kept: int
    scale: int
    factor: int = 1
    whether: bool = False
    capped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What is kept, and what it is kept for.

    Attributes:
        terms: per metric, in the order of `Variable`. earlier: per event, how long before a unit's first
            exposure metrics ask for it, in microseconds.
    """

    kept: tuple[Kept, ...]
    terms: Mapping[str, tuple[Term, ...]]
    earlier: Mapping[str, int]

    @property
    def values(self) -> tuple[str, ...]:
        """Columns of events that are summed."""
        return tuple(sorted({kept.value for kept in self.kept if kept.value is not None}))


def layout_of(plan: ProductPlan) -> Layout:
    """The numbers that a plan's metrics need, each once."""
    places: dict[Kept, int] = {}
    terms = {metric.name: _terms(metric, places) for metric in plan.metrics}
    earlier = {kept.event: 0 for kept in places}
    for metric in plan.metrics:
        for measure in _measures(metric):
            earlier[measure.event] = max(earlier[measure.event], microseconds(metric.before_s or 0.0))
    return Layout(kept=tuple(places), terms=terms, earlier=earlier)


def microseconds(seconds: float) -> int:
    """Whole ones, the nearest."""
    return round(seconds * MICROSECONDS)


def _measures(metric: ProductMetric) -> tuple[Measure, ...]:
    return (metric.measure,) if metric.per is None else (metric.measure, metric.per)


def _terms(metric: ProductMetric, places: dict[Kept, int]) -> tuple[Term, ...]:
    within = None if metric.within_s is None else microseconds(metric.within_s)
    spans = [(Span(start=microseconds(metric.from_s), end=within), Variable.Y, Variable.D)]
    if metric.before_s is not None:
        spans.append((Span(start=-microseconds(metric.before_s), end=0), Variable.X, Variable.W))
    terms = [
        _term(metric, measure, variable, _place(measure, span, places))
        for span, *variables in spans
        for measure, variable in zip(_measures(metric), variables, strict=False)
    ]
    order = list(Variable)
    return tuple(sorted(terms, key=lambda term: order.index(term.variable)))


def _place(measure: Measure, span: Span, places: dict[Kept, int]) -> int:
    return places.setdefault(Kept(event=measure.event, value=measure.value, span=span), len(places))


def _term(metric: ProductMetric, measure: Measure, variable: Variable, kept: int) -> Term:
    if metric.aggregate is Aggregate.CONVERSION:
        return Term(variable=variable, kept=kept, scale=1, whether=True)
    capped = variable in {Variable.Y, Variable.X}
    if measure.value is not None:
        return Term(variable=variable, kept=kept, scale=SCALE, capped=capped)
    split = capped and metric.cap is not None and metric.cap != int(metric.cap)
    scale = SCALE if split else 1
    return Term(variable=variable, kept=kept, scale=scale, factor=scale, capped=capped)
