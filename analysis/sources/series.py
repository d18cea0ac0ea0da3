"""Raw samples as a source returns them, checked value by value. Differences nothing.

A classic histogram is one series whose samples have a component per bucket, because its buckets are scraped,
reset and compared together; a plain counter is one series with a single component.
"""

import json
import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.core.measure import Missing, MissingReason

PLAIN = ""
"""The only component of a plain counter."""

_WHOLE = 1e-6

Labels = Mapping[str, str]
Components = Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One scrape of one series: whole numbers per component (bucket bound), or why they are unusable."""

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


def parse_matrix(result: Sequence[Mapping[str, Any]], *, bucketed: bool) -> tuple[Series, ...]:
    """The `data.result` of a range selector as series.

    Args:
        result: what Prometheus returned, values as strings.
        bucketed: whether the series are the buckets of classic histograms.

    Raises:
        KeyError, TypeError, ValueError: the answer has another form than Prometheus documents.
    """
    found: dict[str, dict[float, dict[str, int | Missing]]] = defaultdict(lambda: defaultdict(dict))
    for entry in result:
        labels = {name: value for name, value in entry["metric"].items() if name != "__name__"}
        component = repr(float(labels.pop("le"))) if bucketed else PLAIN
        key = key_of(labels)
        for at_s, text in entry["values"]:
            found[key][float(at_s)][component] = _whole(float(text), str(text), key)
    return tuple(
        Series(key=key, labels=labels_of(key), samples=_samples(by_time)) for key, by_time in found.items()
    )


def _samples(by_time: Mapping[float, Mapping[str, int | Missing]]) -> tuple[Sample, ...]:
    return tuple(Sample(at_s=at_s, values=_usable(by_time[at_s])) for at_s in sorted(by_time))


def _usable(values: Mapping[str, int | Missing]) -> Components | Missing:
    whole: dict[str, int] = {}
    for component, value in values.items():
        if isinstance(value, Missing):
            return value
        whole[component] = value
    return whole


def _whole(value: float, text: str, series: str) -> int | Missing:
    if not math.isfinite(value) or value < 0 or abs(value - round(value)) > _WHOLE:
        detail = f"{series} has the value {text}; a counter of trials is a whole number from 0 upwards"
        return Missing(reason=MissingReason.NOT_A_NUMBER, detail=detail)
    return round(value)


def target_of(labels: Labels) -> str:
    """The scrape target of a series, empty where its labels do not tell."""
    return f"{labels['job']}\n{labels['instance']}" if labels.keys() >= {"job", "instance"} else ""
