"""Consecutive windows of many metrics from raw samples: one query per selector, all at one evaluation time.

Where samples come from is the caller's `fetch`; the rest is a fold over windows, so reading late, at once or
after a restart gives the same readings. Never clamps, guesses or fills.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import ValidationError

from analysis.sources.counters import (
    MEMORY_S,
    Delta,
    Scrapes,
    Tracks,
    births,
    count_window,
    forget,
    start,
)
from analysis.sources.measured import Part
from analysis.sources.promql import any_of
from analysis.sources.readings import Pending, arm_counts, parts_of, read_metric
from analysis.sources.series import PLAIN, Labels, Series, labels_of, target_of
from engine.codec import from_plain, to_plain
from engine.core.measure import Missing, MissingReason, Reading, Window
from engine.core.model import Arm, Metric, Selector
from engine.core.numbers import duration
from engine.fields import format_selector
from engine.ports import Batch, Json, QueryRecord

LOOKBACK_S = 300.0
"""How far before the first window a baseline may lie; Prometheus itself looks back as far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """All raw samples of a selector in [start_s, end_s]; `bucketed` groups classic histogram buckets."""

    selector: Selector
    bucketed: bool
    start_s: float
    end_s: float

    @property
    def key(self) -> str:
        """What tells queries of one read apart, and finds their place in the cursor."""
        return _key(self.selector, bucketed=self.bucketed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a query returned. BAD_QUERY concerns this query only, any other trouble the whole source."""

    text: str
    took_ms: float
    series: tuple[Series, ...] | Missing


Fetch = Callable[[Query], Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Where to go on: tracks per query and counts carried per metric."""

    tracks: Mapping[str, Tracks] = field(default_factory=dict)
    pending: Mapping[str, Pending] = field(default_factory=dict)


def read_windows(
    fetch: Fetch, metrics: Sequence[Metric], windows: Sequence[Window], cursor: Json, stale_after_s: float
) -> Batch:
    """Readings of all metrics for consecutive windows, and where to go on.

    Args:
        fetch: asks the store; reports trouble as `Missing` and never raises.
        metrics: what to read.
        windows: consecutive, oldest first.
        cursor: the cursor of the batch before these windows, empty at first.
        stale_after_s: age from which an arm's last sample is too old, in seconds.
    """
    if not windows:
        return Batch(readings=(), cursor=cursor, queries=())
    try:
        known = from_plain(Cursor, cursor)
    except ValidationError as error:
        detail = f"the run's place in the counters cannot be read: {error.errors()[0]['msg']}"
        trouble = Missing(reason=MissingReason.SOURCE_ERROR, detail=detail)
        return Batch(readings=(), cursor=cursor, queries=(), trouble=trouble)
    asked = _ask(fetch, _queries(metrics, windows, known))
    tracks = _tracks(asked, known, windows[0])
    if not _trouble(asked):
        asked |= _ask(fetch, _uptime(asked, tracks, windows[-1].end_s))
    trouble_found = _trouble(asked)
    if trouble_found:
        return Batch(
            readings=(), cursor=cursor, queries=_records(asked, metrics, windows, {}), trouble=trouble_found
        )
    fold = _Fold(asked=asked, scrapes=_scrapes(asked, tracks), stale_after_s=stale_after_s)
    readings, moved = fold.run(metrics, windows, Cursor(tracks=tracks, pending=known.pending))
    queries = _records(asked, metrics, windows, fold.totals)
    return Batch(readings=readings, cursor=to_plain(Cursor, moved), queries=queries)


Asked = dict[str, tuple[Query, Answer]]
"""Per query key what was asked and answered."""


def _queries(metrics: Iterable[Metric], windows: Sequence[Window], known: Cursor) -> list[Query]:
    """One per selector. What is known needs no look back: the next sample includes what was stored late."""
    queries: dict[str, Query] = {}
    for metric in metrics:
        for part, selector in parts_of(metric).items():
            bucketed = part is Part.BUCKETS
            key = _key(selector, bucketed=bucketed)
            start_s = windows[0].start_s - (0 if key in known.tracks else LOOKBACK_S)
            end_s = windows[-1].end_s
            queries[key] = Query(selector=selector, bucketed=bucketed, start_s=start_s, end_s=end_s)
    return list(queries.values())


def _ask(fetch: Fetch, queries: Iterable[Query]) -> Asked:
    asked: Asked = {}
    for query in queries:
        asked[query.key] = query, fetch(query)
        if _trouble(asked):
            break
    return asked


def _trouble(asked: Asked) -> Missing | None:
    failures = (answer.series for _, answer in asked.values() if isinstance(answer.series, Missing))
    return next((missing for missing in failures if missing.reason is not MissingReason.BAD_QUERY), None)


def _series(asked: Asked) -> Iterable[tuple[str, tuple[Series, ...]]]:
    return (
        (key, answer.series) for key, (_, answer) in asked.items() if not isinstance(answer.series, Missing)
    )


def _tracks(asked: Asked, known: Cursor, first: Window) -> dict[str, Tracks]:
    return {key: known.tracks.get(key) or start(series, first, LOOKBACK_S) for key, series in _series(asked)}


def _uptime(asked: Asked, tracks: Mapping[str, Tracks], end_s: float) -> list[Query]:
    """Whether the targets of new series answered scrapes before; asked only where no other series tells."""
    scrapes = _scrapes(asked, tracks)
    new = [series for key, found in _series(asked) for series in births(tracks[key], found, scrapes)]
    if not new:
        return []
    jobs = frozenset(series.labels["job"] for series in new)
    instances = frozenset(series.labels["instance"] for series in new)
    selector = Selector(name="up", matchers=(any_of("job", jobs), any_of("instance", instances)))
    start_s = min(series.samples[0].at_s for series in new) - MEMORY_S
    return [Query(selector=selector, bucketed=False, start_s=start_s, end_s=end_s)]


def _scrapes(asked: Asked, tracks: Mapping[str, Tracks]) -> Scrapes:
    times: dict[str, set[float]] = defaultdict(set)
    for key, found in _series(asked):
        for series in found:
            times[target_of(series.labels)].update(
                sample.at_s for sample in series.samples if key in tracks or sample.values == {PLAIN: 1}
            )
    for known in tracks.values():
        for key, track in known.series.items():
            times[target_of(labels_of(key))].add(track.at_s)
    times.pop("", None)
    return {target: sorted(seen) for target, seen in times.items()}


Totals = dict[tuple[str, Part], Mapping[Arm, int]]
"""Increments per metric, part and arm over all windows of a read."""


@dataclass(slots=True, kw_only=True)
class _Fold:
    """One pass over the windows of a read."""

    asked: Asked
    scrapes: Scrapes
    stale_after_s: float
    totals: Totals = field(default_factory=dict)

    def run(
        self, metrics: Sequence[Metric], windows: Sequence[Window], cursor: Cursor
    ) -> tuple[tuple[Mapping[str, Reading], ...], Cursor]:
        readings: list[Mapping[str, Reading]] = []
        variants = _variants(metrics)
        for window in windows:
            deltas, tracks = self._count(cursor.tracks, window)
            found = {metric.name: self._read(metric, deltas, window, cursor, variants) for metric in metrics}
            readings.append({name: reading for name, (reading, _) in found.items()})
            pending = {name: carried for name, (_, carried) in found.items() if carried}
            cursor = Cursor(tracks=tracks, pending=pending)
        return tuple(readings), cursor

    def _count(
        self, tracks: Mapping[str, Tracks], window: Window
    ) -> tuple[dict[str, tuple[Delta, ...]], dict[str, Tracks]]:
        deltas: dict[str, tuple[Delta, ...]] = {}
        moved: dict[str, Tracks] = {}
        found = dict(_series(self.asked))
        for key, known in tracks.items():
            deltas[key], counted = count_window(known, found[key], window, self.scrapes)
            moved[key] = forget(counted, window.end_s)
        return deltas, moved

    def _read(
        self,
        metric: Metric,
        deltas: Mapping[str, tuple[Delta, ...]],
        window: Window,
        cursor: Cursor,
        variants: Mapping[str, Sequence[Labels]],
    ) -> tuple[Reading, Pending]:
        parts: dict[Part, tuple[Delta, ...]] = {}
        for part, key in _keys(metric).items():
            series = self.asked[key][1].series
            if isinstance(series, Missing):
                return series, {}
            parts[part] = deltas[key]
            gained = arm_counts(metric, deltas[key])
            before = self.totals.get((metric.name, part), {})
            self.totals[metric.name, part] = {arm: gained[arm] + before.get(arm, 0) for arm in Arm}
        carried = cursor.pending.get(metric.name, {})
        others = [labels for key in _keys(metric).values() for labels in variants[key]]
        return read_metric(metric, parts, window, carried, self.stale_after_s, others)


def _variants(metrics: Iterable[Metric]) -> Mapping[str, Sequence[Labels]]:
    """Per query the label values of every variant that some metric reads from it."""
    found: dict[str, list[Labels]] = defaultdict(list)
    for metric in metrics:
        for key in _keys(metric).values():
            found[key] += [labels for labels in metric.arm_labels.values() if labels not in found[key]]
    return found


def _key(selector: Selector, *, bucketed: bool) -> str:
    return f"{'buckets ' if bucketed else ''}{format_selector(selector)}"


def _keys(metric: Metric) -> Mapping[Part, str]:
    return {
        part: _key(selector, bucketed=part is Part.BUCKETS) for part, selector in parts_of(metric).items()
    }


def _records(
    asked: Asked, metrics: Iterable[Metric], windows: Sequence[Window], totals: Totals
) -> tuple[QueryRecord, ...]:
    span = duration(windows[-1].end_s - windows[0].start_s)
    records: list[QueryRecord] = []
    left = dict(asked)
    for metric in metrics:
        for part, key in _keys(metric).items():
            left.pop(key, None)
            if key in asked:
                gained = _gained(totals.get((metric.name, part)), span)
                records.append(_record(metric.name, *asked[key], gained))
    records += [_record("scrape targets", query, answer, "") for query, answer in left.values()]
    return tuple(records)


def _gained(counts: Mapping[Arm, int] | None, span: str) -> str:
    """What both arms counted, and over which time."""
    if counts is None:
        return ""
    return "".join(f", {arm} {count:,}" for arm, count in counts.items()) + f" in the last {span}"


def _record(metric: str, query: Query, answer: Answer, gained: str) -> QueryRecord:
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
