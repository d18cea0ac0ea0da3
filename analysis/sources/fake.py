"""A metric source in memory, for tests of the engine and of experiments. Counts like the real one."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from analysis.sources.series import parse_matrix
from analysis.sources.windows import Answer, Query, read_windows
from engine.core.measure import Missing, Window
from engine.core.model import Matcher, Metric, Selector
from engine.fields import format_selector
from engine.ports import Batch, Json


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
        self._samples: dict[tuple[str, tuple[tuple[str, str], ...]], dict[float, float]] = defaultdict(dict)
        self.trouble: Missing | None = None

    def scrape(self, at_s: float, name: str, labels: Mapping[str, str], value: float) -> None:
        """Store one sample of the series `name{labels}`."""
        self._samples[name, tuple(sorted(labels.items()))][at_s] = value

    @property
    def watermark_s(self) -> float:
        """How long after its end a window may be read."""
        return self._options.watermark_s

    def read(self, metrics: Sequence[Metric], windows: Sequence[Window], cursor: Json) -> Batch:
        """Readings for these windows, or `trouble`."""
        return read_windows(self._fetch, metrics, windows, cursor, self._options.stale_after_s)

    def _fetch(self, query: Query) -> Answer:
        text = format_selector(query.selector)
        if self.trouble:
            return Answer(text=text, took_ms=0.0, series=self.trouble)
        matrix = [
            {"metric": dict(labels), "values": _between(samples, query.start_s, query.end_s)}
            for (name, labels), samples in self._samples.items()
            if name == query.selector.name and _matches(query.selector, dict(labels))
        ]
        return Answer(text=text, took_ms=0.0, series=parse_matrix(matrix, bucketed=query.bucketed))


def _between(samples: Mapping[float, float], start_s: float, end_s: float) -> list[tuple[float, float]]:
    return sorted((at_s, value) for at_s, value in samples.items() if start_s <= at_s <= end_s)


def _matches(selector: Selector, labels: Mapping[str, str]) -> bool:
    return all(_holds(matcher, labels.get(matcher.label, "")) for matcher in selector.matchers)


def _holds(matcher: Matcher, value: str) -> bool:
    if matcher.op in {"=", "!="}:
        return (value == matcher.value) is (matcher.op == "=")
    return (re.fullmatch(matcher.value, value) is not None) is (matcher.op == "=~")
