"""What is asked of a store and what comes back, as values; and the log of it. Asks nobody.

A counter is asked for its raw samples, a level for its value at the end of every window.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import overload

from analysis.sources.measured import Part, parts_of
from analysis.sources.promql import range_text
from analysis.sources.remembered import once_per_object
from analysis.sources.series import Series, Shape
from engine.core.measure import Missing, Window
from engine.core.model import Arm, Metric, MetricKind, Selector
from engine.core.numbers import duration
from engine.fields import format_selector
from engine.ports import QueryRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """All raw samples of a selector in [start_s, end_s]; `shape` says what they are."""

    selector: Selector
    shape: Shape
    start_s: float
    end_s: float

    @property
    def key(self) -> str:
        """What tells queries of one read apart, and finds their place in the cursor."""
        return key_of_query(self.selector, self.shape)


def text_of(query: Query) -> str:
    """The query as a server takes it, for evaluation at its end."""
    return range_text(query.selector, query.end_s - query.start_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The value of an expression at `first_s`, `first_s + step_s` and so on up to `end_s`."""

    expression: str
    first_s: float
    step_s: float
    end_s: float

    @property
    def key(self) -> str:
        """What tells evaluations of one read apart."""
        return self.expression


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a query returned. BAD_QUERY concerns this query only, any other trouble the whole source."""

    text: str
    took_ms: float
    series: tuple[Series, ...] | Missing


Fetch = Callable[[Query], Answer]
Gather = Callable[[Sequence[Query]], None]
Evaluate = Callable[[Evaluation], Answer]
Asked = Mapping[str, tuple[Query | Evaluation, Answer]]
"""Per query key what was asked and answered."""
Totals = Mapping[tuple[str, Part], Mapping[Arm, int | float]]
"""Increments per metric, part and arm over all windows of a read."""


class Records(Sequence[QueryRecord]):
    """The log of a read, written when somebody looks at it: mostly nobody does."""

    def __init__(self, write: Callable[[], tuple[QueryRecord, ...]]) -> None:
        self._write = write

    @cached_property
    def _written(self) -> tuple[QueryRecord, ...]:
        return self._write()

    @overload
    def __getitem__(self, place: int) -> QueryRecord: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[QueryRecord]: ...

    def __getitem__(self, place: int | slice) -> QueryRecord | Sequence[QueryRecord]:
        return self._written[place]

    def __len__(self) -> int:
        return len(self._written)


def key_of_query(selector: Selector, shape: Shape) -> str:
    """A selector with what is expected of its samples; a counter of trials is the ordinary case."""
    return format_selector(selector) if shape is Shape.TRIALS else f"{shape} {format_selector(selector)}"


@once_per_object
def keys_of(metric: Metric) -> Mapping[Part, str]:
    """The query of each of a metric's parts."""
    return {
        part: key_of_query(selector, shape_of(metric, part)) for part, selector in parts_of(metric).items()
    }


def shape_of(metric: Metric, part: Part) -> Shape:
    """What the samples of a metric's part are."""
    match part:
        case Part.BUCKETS:
            return Shape.BUCKETS
        case Part.HISTOGRAM:
            return Shape.NATIVE
        case Part.SQUARES:
            return Shape.SUM
        case Part.BAD if metric.kind is MetricKind.MEAN:
            return Shape.SUM
    return Shape.SUM if metric.kind is MetricKind.RATIO else Shape.TRIALS


def records(
    asked: Asked, metrics: Iterable[Metric], windows: Sequence[Window], totals: Totals
) -> tuple[QueryRecord, ...]:
    """What was asked for which metric, and what came back; what was asked for no metric comes last."""
    span = duration(windows[-1].end_s - windows[0].start_s)
    found: list[QueryRecord] = []
    left = dict(asked)
    for metric in metrics:
        for part, key in keys_of(metric).items():
            left.pop(key, None)
            if key in asked:
                gained = _gained(totals.get((metric.name, part)), span)
                found.append(_record(metric.name, *asked[key], gained))
        if metric.expression is not None and metric.expression in asked:
            left.pop(metric.expression, None)
            found.append(_record(metric.name, *asked[metric.expression], ""))
    found += [_record("scrape targets", query, answer, "") for query, answer in left.values()]
    return tuple(found)


def _gained(counts: Mapping[Arm, int | float] | None, span: str) -> str:
    """What both arms counted, and over which time."""
    if counts is None:
        return ""
    return "".join(f", {arm} {_shown(count)}" for arm, count in counts.items()) + f" in the last {span}"


def _shown(count: int | float) -> str:
    return f"{count:,}" if isinstance(count, int) else f"{count:,.6g}"


def _record(metric: str, query: Query | Evaluation, answer: Answer, gained: str) -> QueryRecord:
    return QueryRecord(
        metric=metric,
        query=answer.text,
        at_s=query.end_s,
        took_ms=answer.took_ms,
        outcome=_outcome(answer.series, gained),
    )


def _outcome(series: tuple[Series, ...] | Missing, gained: str) -> str:
    if isinstance(series, Missing):
        return series.detail
    samples = sum(len(one.samples) for one in series)
    return f"{len(series)} series, {samples:,} samples{gained}"
