"""A metric source in memory, for tests of the engine and of experiments. Counts like the real one."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from analysis.sources.queries import Answer, Evaluation, Query
from analysis.sources.series import Shape, parse_matrix
from analysis.sources.windows import LOOKBACK_S, read_windows
from engine.core.measure import Missing, Window
from engine.core.model import Matcher, Metric, Selector
from engine.fields import format_selector, parse_selector
from engine.ports import Batch, Json

Stored = dict[tuple[str, tuple[tuple[str, str], ...]], dict[float, Any]]
"""Samples by time, per name and labels."""


class FakeOptions(BaseModel):
    """How old an arm's last sample may be, and how late a window is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    watermark_s: float = 0.0
    stale_after_s: float = 60.0


class FakeSource:
    """Scrapes put in by hand.

    Attributes:
        trouble: what the source answers instead of samples while it is set.
    """

    Options: ClassVar[type] = FakeOptions

    def __init__(self, options: FakeOptions) -> None:
        self._options = options
        self._samples: Stored = defaultdict(dict)
        self._histograms: Stored = defaultdict(dict)
        self.trouble: Missing | None = None

    def scrape(self, at_s: float, name: str, labels: Mapping[str, str], value: float) -> None:
        """Store one sample of the series `name{labels}`."""
        self._samples[name, tuple(sorted(labels.items()))][at_s] = value

    def scrape_histogram(
        self, at_s: float, name: str, labels: Mapping[str, str], histogram: Mapping[str, Any]
    ) -> None:
        """Store one sample of a native histogram, as Prometheus' HTTP API writes it."""
        self._histograms[name, tuple(sorted(labels.items()))][at_s] = histogram

    @property
    def watermark_s(self) -> float:
        """How long after its end a window may be read."""
        return self._options.watermark_s

    def read(self, metrics: Sequence[Metric], windows: Sequence[Window], cursor: Json) -> Batch:
        """Readings for these windows, or `trouble`."""
        stale_after_s = self._options.stale_after_s
        return read_windows(self._fetch, metrics, windows, cursor, stale_after_s, self._evaluate)

    def _fetch(self, query: Query) -> Answer:
        text = format_selector(query.selector)
        if self.trouble:
            return Answer(text=text, took_ms=0.0, series=self.trouble)
        return Answer(text=text, took_ms=0.0, series=parse_matrix(self.matrix(query), shape=query.shape))

    def matrix(self, query: Query) -> list[dict[str, Any]]:
        """The raw samples that a query names, as Prometheus writes them and in its order."""
        every = [
            {"metric": dict(labels), kind: _between(samples, query.start_s, query.end_s)}
            for kind, stored in (("values", self._samples), ("histograms", self._histograms))
            for (name, labels), samples in sorted(stored.items(), key=itemgetter(0))
            if name == query.selector.name and _matches(query.selector, dict(labels))
        ]
        return [one for one in every if one.get("values") or one.get("histograms")]

    def _evaluate(self, query: Evaluation) -> Answer:
        """The last samples of the series, like Prometheus; the only expression it knows is a selector."""
        if self.trouble:
            return Answer(text=query.expression, took_ms=0.0, series=self.trouble)
        selector = parse_selector(query.expression)
        steps = round((query.end_s - query.first_s) / query.step_s) + 1
        times = [query.first_s + number * query.step_s for number in range(steps)]
        matrix = [
            {"metric": dict(labels), "values": _last_values(samples, times)}
            for (name, labels), samples in self._samples.items()
            if name == selector.name and _matches(selector, dict(labels))
        ]
        series = parse_matrix(matrix, shape=Shape.LEVEL)
        return Answer(text=query.expression, took_ms=0.0, series=series)


def _last_values(samples: Mapping[float, float], times: Sequence[float]) -> list[tuple[float, float]]:
    found = [(at_s, _between(samples, at_s - LOOKBACK_S, at_s)) for at_s in times]
    return [(at_s, recent[-1][1]) for at_s, recent in found if recent]


def _between(samples: Mapping[float, Any], start_s: float, end_s: float) -> list[tuple[float, Any]]:
    found = ((at_s, value) for at_s, value in samples.items() if start_s <= at_s <= end_s)
    return sorted(found, key=itemgetter(0))


def _matches(selector: Selector, labels: Mapping[str, str]) -> bool:
    return all(_holds(matcher, labels.get(matcher.label, "")) for matcher in selector.matchers)


def _holds(matcher: Matcher, value: str) -> bool:
    if matcher.op in {"=", "!="}:
        return (value == matcher.value) is (matcher.op == "=")
    return (re.fullmatch(matcher.value, value) is not None) is (matcher.op == "=~")
