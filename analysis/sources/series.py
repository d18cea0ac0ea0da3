"""Raw samples as a source returns them, checked value by value. Differences nothing.

A histogram is one series whose samples have a component per bucket, because its buckets are scraped, reset
and compared together; a plain counter is one series with a single component.
"""

import json
import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from operator import itemgetter
from typing import Any

from analysis.sources.native import parse_native
from engine.core.measure import Missing, MissingReason

PLAIN = ""
"""The only component of a plain counter."""

_WHOLE = 1e-6
_EXACT_DIGITS = 15

Labels = Mapping[str, str]
Components = Mapping[str, int | float]
"""Whole numbers everywhere but in counters of a sum and in levels."""


class Shape(StrEnum):
    """What the samples of a query are, and so how they are checked and put together."""

    TRIALS = "trials"
    """A counter of things, in whole numbers."""
    SUM = "sum"
    """A counter of seconds, bytes or money, in any numbers from 0 upwards."""
    BUCKETS = "buckets"
    """The `_bucket` counters of classic histograms."""
    NATIVE = "native"
    """Native histograms."""
    LEVEL = "level"
    """Values of an expression; no counter, never differenced."""


_WHOLE_SHAPES = frozenset({Shape.TRIALS, Shape.BUCKETS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One scrape of one series: numbers per component (bucket bound or cell), or why they are unusable."""

    at_s: float
    values: Components | Missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One series with its samples in order of time.

    `labels` are without the metric's name and `le`; `key` is the same as one string, for use as a JSON key.
    """

    key: str
    labels: Labels
    samples: tuple[Sample, ...]

    def between(self, after_s: float, end_s: float) -> tuple[Sample, ...]:
        """The samples in (after_s, end_s]."""
        first = bisect_right(self.samples, after_s, key=_time_s)
        return self.samples[first : bisect_right(self.samples, end_s, key=_time_s)]


def _time_s(sample: Sample) -> float:
    return sample.at_s


def key_of(labels: Labels) -> str:
    """The labels as one string that tells series apart."""
    return json.dumps(sorted(labels.items()), separators=(",", ":"))


def labels_of(key: str) -> Labels:
    """The labels that a series' key was made of."""
    return dict(json.loads(key))


def parse_matrix(result: Sequence[Mapping[str, Any]], *, shape: Shape) -> tuple[Series, ...]:
    """The `data.result` of a range selector or range query as series.

    Args:
        result: what Prometheus returned, values as strings.
        shape: what the query asked for; samples of another kind are unusable.

    Raises:
        KeyError, TypeError, ValueError: the answer has another form than Prometheus documents.
    """
    found: dict[tuple[tuple[str, str], ...], _Rows] = {}
    for entry in result:
        labels = dict(entry["metric"])
        labels.pop("__name__", None)
        component = _bound(labels.pop("le")) if shape is Shape.BUCKETS else PLAIN
        identity = tuple(sorted(labels.items()))
        rows = found.get(identity)
        if rows is None:
            rows = found[identity] = _Rows(key=key_of(labels), labels=labels)
        histograms = entry.get("histograms")
        for at_s, text in entry["values"] if histograms is None else entry.get("values", ()):
            rows.put(float(at_s), component, _number(text, shape, rows.key))
        for at_s, histogram in histograms or ():
            rows.put_all(float(at_s), _native(histogram, shape, rows.key))
    return tuple(
        Series(key=rows.key, labels=rows.labels, samples=rows.samples())
        for rows in found.values()
        if rows.at_s
    )


@dataclass(slots=True)
class _Rows:
    """What came of one series, by time: its numbers per component, or the first reason against them."""

    key: str
    labels: dict[str, str]
    at_s: dict[float, dict[str, int | float]] = field(default_factory=dict)
    unusable: dict[float, Missing] = field(default_factory=dict)

    def put(self, at_s: float, component: str, number: int | float | Missing) -> None:
        row = self.at_s.get(at_s)
        if row is None:
            row = self.at_s[at_s] = {}
        if isinstance(number, Missing):
            self.unusable.setdefault(at_s, number)
        else:
            row[component] = number

    def put_all(self, at_s: float, numbers: Mapping[str, int | float | Missing]) -> None:
        for component, number in numbers.items():
            self.put(at_s, component, number)

    def samples(self) -> tuple[Sample, ...]:
        by_time = sorted(self.at_s.items(), key=itemgetter(0))
        if not self.unusable:
            return tuple(Sample(at_s=at_s, values=row) for at_s, row in by_time)
        return tuple(Sample(at_s=at_s, values=self.unusable.get(at_s, row)) for at_s, row in by_time)


@lru_cache(maxsize=4096)
def _bound(text: str) -> str:
    """A bucket's upper bound as the component's name."""
    return repr(float(text))


def _native(histogram: Mapping[str, Any], shape: Shape, series: str) -> Mapping[str, int | float | Missing]:
    if shape is not Shape.NATIVE:
        detail = f"{series} is a native histogram; name it under `histogram`"
        return {PLAIN: Missing(reason=MissingReason.BAD_QUERY, detail=detail)}
    cells = parse_native(histogram, series)
    return {PLAIN: cells} if isinstance(cells, Missing) else cells


def _number(text: object, shape: Shape, series: str) -> int | float | Missing:
    """A value as its shape has it. A small rounding error of a recording rule is forgiven."""
    if shape in _WHOLE_SHAPES and isinstance(text, str) and len(text) <= _EXACT_DIGITS and text.isdecimal():
        return int(text)
    return _odd_number(float(str(text)), str(text), shape, series)


def _odd_number(value: float, text: str, shape: Shape, series: str) -> int | float | Missing:
    if shape is Shape.NATIVE:
        detail = f"{series} is a plain counter and no native histogram; name its `_bucket` under `buckets`"
        return Missing(reason=MissingReason.BAD_QUERY, detail=detail)
    if math.isfinite(value) and _is_of(shape, value):
        return value if shape in {Shape.SUM, Shape.LEVEL} else round(value)
    detail = f"{series} has the value {text}; {_EXPECTED.get(shape, _EXPECTED[Shape.TRIALS])}"
    return Missing(reason=MissingReason.NOT_A_NUMBER, detail=detail)


_EXPECTED = {
    Shape.TRIALS: "a counter of trials is a whole number from 0 upwards",
    Shape.SUM: "a counter of a sum is a number from 0 upwards",
    Shape.LEVEL: "a level is a number",
}


def _is_of(shape: Shape, value: float) -> bool:
    if shape is Shape.LEVEL:
        return True
    return value >= 0 and (shape is Shape.SUM or abs(value - round(value)) <= _WHOLE)


def target_of(labels: Labels) -> str:
    """The scrape target of a series, empty where its labels do not tell."""
    return f"{labels['job']}\n{labels['instance']}" if labels.keys() >= {"job", "instance"} else ""
