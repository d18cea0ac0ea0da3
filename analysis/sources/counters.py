"""Raw counter samples to increments per window, whole where the counter is. Knows no arms and no metrics.

An increment belongs to the window in which its later sample lies. A drop is a reset: the new value counts.
A native histogram leaves out what is empty; it is reset when its count drops, and unusable in a window in
which only a bucket does (the client merged buckets beyond the resolution that is kept).
All that must survive a restart is the last usable sample of each series, so nothing is counted twice or lost.

A series that appears later counts from 0 only if it is really new: its scrape target (`job`, `instance`) must
have answered an earlier scrape, at most an hour before, that we looked at and that did not contain it.
Otherwise (Prometheus has just started, the target was unreachable or has just been found, the labels name no
target) its first sample is only a baseline: losing one scrape's increments is harmless, counting a service's
whole past is not.
"""

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from analysis.sources.native import COUNT, SUM
from analysis.sources.series import Components, Labels, Sample, Series, labels_of, target_of
from engine.core.measure import Missing, MissingReason, Window

MEMORY_S = 3600.0
"""How long a silent series is remembered, and how far back an answered scrape proves a later birth."""

Scrapes = Mapping[str, Sequence[float]]
"""Per scrape target the times (epoch seconds, ascending) at which it answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """The last usable sample of one series, from which its next increment is counted.

    `values` are empty while the series has had none; then its first usable sample is only a baseline.
    """

    at_s: float
    values: Components


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracks:
    """All series of one query, by key; `since_s` is when we began to look at it without a break."""

    since_s: float
    series: Mapping[str, Track]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """What one series did in one window.

    Attributes:
        counts: increments per component.
        since_s: how far back they reach, None without an earlier sample to count from.
        last_s: time of the series' last sample. sampled: whether it was scraped in this window.
        fault: why a sample in this window is unusable, or None.
    """

    labels: Labels
    counts: Components
    since_s: float | None
    last_s: float
    sampled: bool
    fault: Missing | None


def start(series: Sequence[Series], first: Window, lookback_s: float) -> Tracks:
    """Baselines for a query that is read for the first time: the last samples before the first window."""
    known: dict[str, Track] = {}
    for one in series:
        for sample in one.between(-math.inf, first.start_s):
            if not isinstance(sample.values, Missing):
                known[one.key] = Track(at_s=sample.at_s, values=sample.values)
            elif one.key not in known:
                known[one.key] = Track(at_s=sample.at_s, values={})
    return Tracks(since_s=first.start_s - lookback_s, series=known)


def count_window(
    tracks: Tracks, series: Sequence[Series], window: Window, scrapes: Scrapes
) -> tuple[tuple[Delta, ...], Tracks]:
    """The increments of every series of one query in one window, and where to go on."""
    known = dict(tracks.series)
    deltas: list[Delta] = []
    for one in series:
        track = known.get(one.key)
        after_s = track.at_s if track else tracks.since_s
        samples = [each for each in one.between(after_s, window.end_s) if _is_due(each, window)]
        born = track is None and _is_born(one, tracks.since_s, scrapes)
        delta, moved = _count(one, track, samples, born=born)
        if moved:
            known[one.key] = moved
        if delta:
            deltas.append(delta)
    returned = {one.key for one in series}
    deltas += [_silent(labels_of(key), track) for key, track in known.items() if key not in returned]
    return tuple(deltas), replace(tracks, series=known)


def forget(tracks: Tracks, now_s: float) -> Tracks:
    """Without the series that have not been seen for an hour."""
    recent = {key: track for key, track in tracks.series.items() if track.at_s >= now_s - MEMORY_S}
    return replace(tracks, series=recent or tracks.series)


def births(tracks: Tracks, series: Sequence[Series], scrapes: Scrapes) -> tuple[Series, ...]:
    """New series whose scrape target is not yet known to have answered earlier."""
    unknown = [one for one in series if one.key not in tracks.series and target_of(one.labels)]
    return tuple(one for one in unknown if not _is_born(one, tracks.since_s, scrapes))


def _is_born(one: Series, since_s: float, scrapes: Scrapes) -> bool:
    first_s = one.samples[0].at_s
    times = scrapes.get(target_of(one.labels), ())
    earlier = bisect_left(times, first_s) - 1
    return earlier >= 0 and times[earlier] >= max(since_s, first_s - MEMORY_S)


def _is_due(sample: Sample, window: Window) -> bool:
    """Usable samples count even when they were stored late; unusable ones spoil only their own window."""
    return sample.at_s > window.start_s or not isinstance(sample.values, Missing)


def _silent(labels: Labels, track: Track) -> Delta:
    nothing = dict.fromkeys(track.values, 0)
    return Delta(labels=labels, counts=nothing, since_s=None, last_s=track.at_s, sampled=False, fault=None)


def _count(
    one: Series, track: Track | None, samples: Sequence[Sample], *, born: bool
) -> tuple[Delta | None, Track | None]:
    if not samples:
        return (_silent(one.labels, track) if track else None), track
    since_s, fault = (track.at_s if track and track.values else None), None
    counts: dict[str, int | float] = {}
    for sample in samples:
        if isinstance(sample.values, Missing):
            fault = sample.values
            track = track or Track(at_s=sample.at_s, values={})
            continue
        if track and (changed := _new_layout(one, track.values, sample.values)):
            fault, counts = changed, {}
            track = Track(at_s=sample.at_s, values=sample.values)
        for component, gain in _gained(track, sample.values, born=born).items():
            counts[component] = counts.get(component, 0) + gain
        track = Track(at_s=sample.at_s, values=sample.values)
    last_s = samples[-1].at_s
    delta = Delta(labels=one.labels, counts=counts, since_s=since_s, last_s=last_s, sampled=True, fault=fault)
    return delta, track


def _gained(track: Track | None, values: Components, *, born: bool) -> Components:
    if track is None or not track.values:
        return values if born and track is None else dict.fromkeys(values, 0)
    if _fell(track.values, values):
        return values
    return {component: value - track.values.get(component, 0) for component, value in values.items()}


def _fell(before: Components, values: Components) -> bool:
    """Whether any count is smaller than before; a native histogram's sum may fall by itself."""
    return any(values.get(component, 0) < count for component, count in before.items() if component != SUM)


def _new_layout(one: Series, before: Components, values: Components) -> Missing | None:
    if not before:
        return None
    if COUNT in before and COUNT in values:
        if values[COUNT] < before[COUNT] or not _fell(before, values):
            return None
        detail = f"{one.key}: a bucket of the native histogram fell while its count did not"
        return Missing(reason=MissingReason.RESET, detail=detail)
    if before.keys() == values.keys():
        return None
    detail = f"{one.key} changed its buckets from {', '.join(before)} to {', '.join(values)}"
    return Missing(reason=MissingReason.BAD_QUERY, detail=detail)
