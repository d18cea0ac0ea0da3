"""Raw samples as a source returns them, checked value by value. Differences nothing.

A histogram is one series whose samples have a component per bucket, because its buckets are scraped, reset
and compared together; a plain counter is one series with a single component.
"""

import json
import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from analysis.sources.native import parse_native
from engine.core.measure import Missing, MissingReason

PLAIN = ""
"""The only component of a plain counter."""

_WHOLE = 1e-6

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
    found: dict[str, dict[float, dict[str, int | float | Missing]]] = defaultdict(lambda: defaultdict(dict))
    for entry in result:
        labels = {name: value for name, value in entry["metric"].items() if name != "__name__"}
        component = repr(float(labels.pop("le"))) if shape is Shape.BUCKETS else PLAIN
        key = key_of(labels)
        histograms = entry.get("histograms")
        for at_s, text in entry["values"] if histograms is None else entry.get("values", ()):
            found[key][float(at_s)][component] = _number(float(text), str(text), shape, key)
        for at_s, histogram in histograms or ():
            found[key][float(at_s)] |= _native(histogram, shape, key)
    return tuple(
        Series(key=key, labels=labels_of(key), samples=_samples(by_time)) for key, by_time in found.items()
    )


def _samples(by_time: Mapping[float, Mapping[str, int | float | Missing]]) -> tuple[Sample, ...]:
    return tuple(Sample(at_s=at_s, values=_usable(by_time[at_s])) for at_s in sorted(by_time))


def _usable(values: Mapping[str, int | float | Missing]) -> Components | Missing:
    usable: dict[str, int | float] = {}
    for component, value in values.items():
        if isinstance(value, Missing):
            return value
        usable[component] = value
    return usable


def _native(histogram: Mapping[str, Any], shape: Shape, series: str) -> Mapping[str, int | float | Missing]:
    if shape is not Shape.NATIVE:
        detail = f"{series} is a native histogram; name it under `histogram`"
        return {PLAIN: Missing(reason=MissingReason.BAD_QUERY, detail=detail)}
    cells = parse_native(histogram, series)
    return {PLAIN: cells} if isinstance(cells, Missing) else cells


def _number(value: float, text: str, shape: Shape, series: str) -> int | float | Missing:
    """A value as its shape has it. A small rounding error of a recording rule is forgiven."""
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
