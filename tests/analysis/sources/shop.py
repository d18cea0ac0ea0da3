"""A shop whose router is scraped into a fake source, with short names for tests of readings."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from analysis.sources.fake import FakeOptions, FakeSource
from engine.core.measure import Missing, MissingReason, Reading, Window
from engine.core.model import Arm, Metric
from engine.ports import QueryRecord

APP = {"job": "app", "instance": "app:1"}
STALE_AFTER_S = 60


class Shop:
    """A fake source with short names; time in seconds, windows of 15 s from 0 on."""

    def __init__(self) -> None:
        self.source = FakeSource(FakeOptions(stale_after_s=STALE_AFTER_S))
        self.cursor: Mapping[str, object] = {}
        self.queries: Sequence[QueryRecord] = ()

    def put(self, name: str, version: str, values: Mapping[float, float], **labels: str) -> None:
        for at_s, value in values.items():
            self.source.scrape(at_s, name, {"version": version} | APP | labels, value)

    def put_both(self, name: str, values: Mapping[float, float], **labels: str) -> None:
        for version in ("v1", "v2"):
            self.put(name, version, values, **labels)

    def put_histogram(
        self, version: str, histograms: Mapping[float, Mapping[str, Any]], **labels: str
    ) -> None:
        for at_s, histogram in histograms.items():
            self.source.scrape_histogram(at_s, "seconds", {"version": version} | APP | labels, histogram)

    def read(self, metric: Metric, last: int, first: int = 0) -> list[Reading]:
        return [readings[metric.name] for readings in self._read([metric], last, first)]

    def read_both(self, *metrics: Metric) -> list[Reading]:
        (readings,) = self._read(metrics, 0, 0)
        return [readings[metric.name] for metric in metrics]

    def _read(self, metrics: Sequence[Metric], last: int, first: int) -> Sequence[Mapping[str, Reading]]:
        asked = [Window(index=i, start_s=i * 15, end_s=i * 15 + 15) for i in range(first, last + 1)]
        batch = self.source.read(metrics, asked, self.cursor)
        assert batch.trouble is None
        self.cursor, self.queries = json.loads(json.dumps(batch.cursor)), batch.queries
        return batch.readings

    def read_one(self, metric: Metric) -> Reading:
        return self.read(metric, 0)[0]


def missing(reading: Reading) -> tuple[MissingReason, Arm | None]:
    assert isinstance(reading, Missing), reading
    return reading.reason, reading.arm
