"""Consecutive windows of many metrics from raw samples: one query per selector, all at one evaluation time.

Where samples come from is the caller's `fetch`, and the values of expressions its `evaluate`; the rest is a
fold over windows, so reading late, at once or after a restart gives the same readings. Never clamps, guesses
or fills.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

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
from analysis.sources.levels import read_level
from analysis.sources.measured import Part, parts_of
from analysis.sources.place import Cursor, Places
from analysis.sources.promql import any_of
from analysis.sources.queries import (
    Answer,
    Asked,
    Evaluate,
    Evaluation,
    Fetch,
    Gather,
    Query,
    Records,
    Totals,
    keys_of,
    records,
    shape_of,
)
from analysis.sources.readings import Pending, arm_counts, read_metric
from analysis.sources.series import PLAIN, Labels, Series, Shape, labels_of, target_of
from engine.core.measure import Missing, MissingReason, Reading, Window
from engine.core.model import Arm, Metric, Selector
from engine.ports import Batch, Json

Q = TypeVar("Q", Query, Evaluation)
Counters = Mapping[str, tuple[Query, Answer]]
"""The raw samples of every selector."""

LOOKBACK_S = 300.0
"""How far before the first window a baseline may lie; Prometheus itself looks back as far."""


def read_windows(
    fetch: Fetch,
    metrics: Sequence[Metric],
    windows: Sequence[Window],
    cursor: Json,
    stale_after_s: float,
    evaluate: Evaluate | None = None,
    gather: Gather | None = None,
    places: Places | None = None,
) -> Batch:
    """Readings of all metrics for consecutive windows, and where to go on.

    Args:
        fetch: asks the store; reports trouble as `Missing` and never raises.
        metrics: what to read.
        windows: consecutive and of one length, oldest first.
        cursor: the cursor of the batch before these windows, empty at first.
        stale_after_s: age from which an arm's last sample is too old, in seconds.
        evaluate: asks for the values of expressions, likewise; None where the store has none, and then gauges
            are a bad query.
        gather: told of the next queries before they are fetched one after the other, for a store that can ask
            several at once.
        places: of this run, kept by the caller from read to read; None where a read is the only one.
    """
    if not windows:
        return Batch(readings=(), cursor=cursor, queries=())
    try:
        known = (places or Places()).at(cursor)
    except ValidationError as error:
        detail = f"the run's place in the counters cannot be read: {error.errors()[0]['msg']}"
        trouble = Missing(reason=MissingReason.SOURCE_ERROR, detail=detail)
        return Batch(readings=(), cursor=cursor, queries=(), trouble=trouble)
    gather = gather or _one_by_one
    asked = _fetched(
        fetch, gather, _queries([metric for metric in metrics if not metric.family], windows, known)
    )
    tracks = _tracks(asked, known, windows[0])
    if not _trouble(asked) and _has_new(asked, tracks):
        asked |= _fetched(fetch, gather, _uptime(asked, tracks, windows[-1].end_s))
    levels: dict[str, tuple[Evaluation, Answer]] = {}
    if evaluate and not _trouble(asked):
        levels = _ask(evaluate, _evaluations(metrics, windows))
    if trouble_found := _trouble({**asked, **levels}):
        everything: Asked = {**asked, **levels}
        queries = Records(lambda: records(everything, metrics, windows, {}))
        return Batch(readings=(), cursor=cursor, queries=queries, trouble=trouble_found)
    shown = _shown(fetch, gather, _queries(metrics, windows, known), asked)
    asked |= shown
    tracks |= _tracks(shown, known, windows[0])
    scrapes = _scrapes(asked, tracks) if _has_new(asked, tracks) else {}
    fold = _Fold(asked=asked, levels=levels, scrapes=scrapes, stale_after_s=stale_after_s)
    readings, moved = fold.run(metrics, windows, Cursor(tracks=tracks, pending=known.pending))
    queries = Records(lambda: records({**asked, **levels}, metrics, windows, fold.totals()))
    return Batch(readings=readings, cursor=(places or Places()).leave(moved), queries=queries)


def _queries(metrics: Iterable[Metric], windows: Sequence[Window], known: Cursor) -> list[Query]:
    """One per selector. What is known needs no look back: the next sample includes what was stored late."""
    queries: dict[str, Query] = {}
    for metric in metrics:
        for part, key in keys_of(metric).items():
            start_s = windows[0].start_s - (0 if key in known.tracks else LOOKBACK_S)
            queries[key] = Query(
                selector=parts_of(metric)[part],
                shape=shape_of(metric, part),
                start_s=start_s,
                end_s=windows[-1].end_s,
            )
    return list(queries.values())


def _evaluations(metrics: Iterable[Metric], windows: Sequence[Window]) -> list[Evaluation]:
    """One per expression, at the end of every window."""
    first, last = windows[0], windows[-1]
    return [
        Evaluation(
            expression=expression, first_s=first.end_s, step_s=first.end_s - first.start_s, end_s=last.end_s
        )
        for expression in dict.fromkeys(metric.expression for metric in metrics)
        if expression is not None
    ]


def _ask(ask: Callable[[Q], Answer], queries: Iterable[Q]) -> dict[str, tuple[Q, Answer]]:
    asked: dict[str, tuple[Q, Answer]] = {}
    for query in queries:
        asked[query.key] = query, ask(query)
        if _trouble(asked):
            break
    return asked


def _fetched(fetch: Fetch, gather: Gather, queries: Sequence[Query]) -> dict[str, tuple[Query, Answer]]:
    if queries:
        gather(queries)
    return _ask(fetch, queries)


def _one_by_one(queries: Sequence[Query]) -> None:
    """For stores that are asked nothing at once."""


def _shown(
    fetch: Fetch, gather: Gather, queries: Iterable[Query], asked: Asked
) -> dict[str, tuple[Query, Answer]]:
    """What only parts of metrics read: asked for last, and whatever its trouble, they alone lack data."""
    more = [query for query in queries if query.key not in asked]
    if more:
        gather(more)
    return {query.key: (query, fetch(query)) for query in more}


def _trouble(asked: Asked) -> Missing | None:
    failures = (answer.series for _, answer in asked.values() if isinstance(answer.series, Missing))
    return next((missing for missing in failures if missing.reason is not MissingReason.BAD_QUERY), None)


def _series(asked: Counters) -> Iterable[tuple[str, tuple[Series, ...]]]:
    return (
        (key, answer.series) for key, (_, answer) in asked.items() if not isinstance(answer.series, Missing)
    )


def _tracks(asked: Counters, known: Cursor, first: Window) -> dict[str, Tracks]:
    return {key: known.tracks.get(key) or start(series, first, LOOKBACK_S) for key, series in _series(asked)}


def _has_new(asked: Counters, tracks: Mapping[str, Tracks]) -> bool:
    """Whether there are series that were not there before; only they ask when targets answered."""
    return any(
        one.key not in tracks[key].series for key, series in _series(asked) if key in tracks for one in series
    )


def _uptime(asked: Counters, tracks: Mapping[str, Tracks], end_s: float) -> list[Query]:
    """Whether the targets of new series answered scrapes before; asked only where no other series tells."""
    scrapes = _scrapes(asked, tracks)
    new = [series for key, found in _series(asked) for series in births(tracks[key], found, scrapes)]
    if not new:
        return []
    jobs = frozenset(series.labels["job"] for series in new)
    instances = frozenset(series.labels["instance"] for series in new)
    selector = Selector(name="up", matchers=(any_of("job", jobs), any_of("instance", instances)))
    start_s = min(series.samples[0].at_s for series in new) - MEMORY_S
    return [Query(selector=selector, shape=Shape.TRIALS, start_s=start_s, end_s=end_s)]


def _scrapes(asked: Counters, tracks: Mapping[str, Tracks]) -> Scrapes:
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


@dataclass(slots=True, kw_only=True)
class _Fold:
    """One pass over the windows of a read."""

    asked: Counters
    levels: Asked
    scrapes: Scrapes
    stale_after_s: float
    counted: list[tuple[Metric, Part, Sequence[Delta]]] = field(default_factory=list)

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
        if metric.expression is not None:
            return self._level(metric, metric.expression, window, variants[metric.expression]), {}
        parts: dict[Part, tuple[Delta, ...]] = {}
        for part, key in keys_of(metric).items():
            series = self.asked[key][1].series
            if isinstance(series, Missing):
                return series, {}
            parts[part] = deltas[key]
            self.counted.append((metric, part, deltas[key]))
        carried = cursor.pending.get(metric.name, {})
        others = [labels for key in keys_of(metric).values() for labels in variants[key]]
        return read_metric(metric, parts, window, carried, self.stale_after_s, others)

    def totals(self) -> Totals:
        """What both arms counted in all windows."""
        found: dict[tuple[str, Part], dict[Arm, int | float]] = {}
        for metric, part, deltas in self.counted:
            total = found.setdefault((metric.name, part), dict.fromkeys(Arm, 0))
            for arm, gained in arm_counts(metric, deltas).items():
                total[arm] += gained
        return found

    def _level(self, metric: Metric, expression: str, window: Window, others: Sequence[Labels]) -> Reading:
        if expression not in self.levels:
            detail = f"{metric.name}: this source evaluates no expressions"
            return Missing(reason=MissingReason.BAD_QUERY, detail=detail)
        series = self.levels[expression][1].series
        return series if isinstance(series, Missing) else read_level(metric, series, window, others)


def _variants(metrics: Iterable[Metric]) -> Mapping[str, Sequence[Labels]]:
    """Per query the label values of every variant that some metric reads from it."""
    found: dict[str, list[Labels]] = defaultdict(list)
    for metric in metrics:
        for key in (*keys_of(metric).values(), metric.expression or ""):
            found[key] += [labels for labels in metric.arm_labels.values() if labels not in found[key]]
    return found
