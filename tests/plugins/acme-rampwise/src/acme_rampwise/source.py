"""The source `sample_file`: counters from a file of JSON lines, each one sample of one series.

`{"at_s": 1700000000.5, "name": "requests_total", "labels": {"version": "v1"}, "value": 42}`. This module only
finds samples; `read_windows` turns them into counts, with resets, gaps and late samples taken care of.
"""

import json
import re
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from analysis.sources.queries import Answer, Query
from analysis.sources.series import Series, parse_matrix
from analysis.sources.windows import read_windows
from engine.core.measure import Missing, MissingReason, Window
from engine.core.model import Matcher, Metric
from engine.fields import Duration, format_selector
from engine.ports import Batch, Json


class SampleFileOptions(BaseModel):
    """What stands under `source: {sample_file: ...}`."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    path: str
    watermark: Duration = 0.0
    stale_after: Duration = 60.0


class SampleFile:
    """Reads the whole file for every query: good for a small one."""

    Options: ClassVar[type[SampleFileOptions]] = SampleFileOptions

    def __init__(self, options: SampleFileOptions) -> None:
        self._options = options

    @property
    def watermark_s(self) -> float:
        """How long after its end a window may be read."""
        return self._options.watermark

    def read(self, metrics: Sequence[Metric], windows: Sequence[Window], cursor: Json) -> Batch:
        """Readings for these windows."""
        return read_windows(self._fetch, metrics, windows, cursor, self._options.stale_after)

    def _fetch(self, query: Query) -> Answer:
        began_s = time.monotonic()
        series = self._series(query)
        took_ms = (time.monotonic() - began_s) * 1000
        return Answer(text=format_selector(query.selector), took_ms=took_ms, series=series)

    def _series(self, query: Query) -> tuple[Series, ...] | Missing:
        found: dict[str, list[tuple[float, float]]] = defaultdict(list)
        try:
            for sample in self._samples(query):
                found[json.dumps(sample["labels"], sort_keys=True)].append((sample["at_s"], sample["value"]))
            matrix = [{"metric": json.loads(labels), "values": values} for labels, values in found.items()]
            return parse_matrix(matrix, shape=query.shape)
        except OSError as error:
            detail = f"{self._options.path} cannot be read: {error.strerror}"
            return Missing(reason=MissingReason.SOURCE_DOWN, detail=detail)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            detail = f"{self._options.path} is no file of samples: {type(error).__name__}: {error}"
            return Missing(reason=MissingReason.SOURCE_ERROR, detail=detail)

    def _samples(self, query: Query) -> Iterator[Mapping[str, Any]]:
        with Path(self._options.path).open(encoding="utf-8") as lines:
            for line in lines:
                if not line.endswith("\n"):
                    return  # somebody is still writing it
                sample = json.loads(line)
                if (
                    sample["name"] == query.selector.name
                    and query.start_s <= sample["at_s"] <= query.end_s
                    and all(_holds(matcher, sample["labels"]) for matcher in query.selector.matchers)
                ):
                    yield sample


def _holds(matcher: Matcher, labels: Mapping[str, str]) -> bool:
    value = labels.get(matcher.label, "")
    if matcher.op in {"=", "!="}:
        return (value == matcher.value) is (matcher.op == "=")
    return (re.fullmatch(matcher.value, value) is not None) is (matcher.op == "=~")
