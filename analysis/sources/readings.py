"""Increments of one window to one metric's reading: which series is whose, and why there may be none.

A window is read when both arms were scraped in it. What one arm counted before the other was scraped is
carried to the next window, at most `stale_after_s` long; older counts are dropped, as only counts of both
arms over the same time are compared. A before/after check compares no such counts: there, an arm without
series has no trials, as long as the other one has some.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from analysis.sources.buckets import TOP
from analysis.sources.counters import Delta
from analysis.sources.measured import Part, measure, parts_of
from analysis.sources.native import BOUNDS_S, COUNT, nearest_bounds_s
from analysis.sources.owners import has_labels, owners_of, shown
from analysis.sources.pods import by_pod, pods_of, telling_label
from analysis.sources.series import PLAIN, Components, Labels
from engine.core.measure import Missing, MissingReason, Reading, Window
from engine.core.model import Arm, Metric, MetricKind, Selector
from engine.core.plan import Stage
from engine.fields import format_duration, format_selector


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Counts of one arm per part, or cumulative counts per bucket bound; only of what was scraped.

    `since_s` is how far back they reach, see `Delta`.
    """

    counts: Components = field(default_factory=dict)
    since_s: float | None = None


NOTHING = Tally()

Pending = Mapping[Arm, Tally]
"""Counts of windows that could not be read yet; empty when there are none."""

Deltas = Mapping[Part, Sequence[Delta]]
Owned = Mapping[Arm, Deltas]
"""What each arm's own series did, by part."""


def read_metric(
    metric: Metric,
    deltas: Deltas,
    window: Window,
    pending: Pending,
    stale_after_s: float,
    others: Sequence[Labels] = (),
) -> tuple[Reading, Pending]:
    """One metric in one window, and what to carry to the next.

    Args:
        metric: whose labels tell the arms apart.
        deltas: per part what each series did in this window.
        window: the window; ages are as of its end.
        pending: counts carried from earlier windows.
        stale_after_s: age from which an arm's last sample is too old, in seconds.
        others: label values of further treatments, whose series are nobody's fault.
    """
    owned = _by_arm(metric, deltas)
    silent = _silent(metric, owned, window, stale_after_s)
    waiting = _unscraped(metric, owned) if metric.stage is Stage.SETTLE and not silent else {}
    silent = {**silent, **waiting}
    gone = (
        _first(_unowned(metric, deltas, others)) or _off_bounds(metric, deltas) or _all_gone(metric, silent)
    )
    if gone:
        return gone, {}
    arms = [arm for arm in Arm if arm not in silent]
    tallies = {arm: _tally(owned[arm], pending.get(arm, NOTHING)) for arm in arms}
    later = _first(_faults(owned, arms)) or _first(_between_scrapes(metric, owned, tallies, window))
    if later:
        return later, tallies if _reach_s(tallies, window) <= stale_after_s else {}
    reading = _first(_uneven(tallies, stale_after_s)) or _reading(metric, owned, deltas, tallies)
    if silent and isinstance(reading, Missing):
        return next(iter(silent.values())), {}
    return reading, {arm: pending[arm] for arm in waiting if arm in pending}


def _all_gone(metric: Metric, silent: Mapping[Arm, Missing]) -> Missing | None:
    """What stands for the whole metric: a silent arm, or in a before/after check two, the treatment first.

    Before and after a switch one arm has no traffic, and may have no series.
    """
    if metric.stage is Stage.SETTLE:
        return silent[Arm.TREATMENT] if len(silent) == len(Arm) else None
    return next(iter(silent.values()), None)


def _reading(metric: Metric, owned: Owned, deltas: Deltas, tallies: Pending) -> Reading:
    """What was counted; an arm without series has no trials, in the other's buckets."""
    (known, *_) = tallies.values()
    idle = Tally(counts=dict.fromkeys(known.counts, 0))
    control, treatment = (tallies.get(arm, idle).counts for arm in (Arm.CONTROL, Arm.TREATMENT))
    sampled = [delta.counts for delta in deltas.get(Part.BUCKETS, ()) if delta.sampled]
    reading = measure(metric, control, treatment, sampled)
    if isinstance(reading, Missing):
        return reading
    arms = owned[Arm.CONTROL], owned[Arm.TREATMENT]
    labels = _scraped(arms[0]), _scraped(arms[1])
    label = telling_label(*labels)
    single = None if label is None else by_pod(metric, label, *arms, reading)
    return replace(reading, pods=pods_of(*labels), by_pod=single)


def _scraped(deltas: Deltas) -> list[Labels]:
    """The labels of the series that were scraped in this window."""
    return [delta.labels for part in deltas.values() for delta in part if delta.sampled]


def arm_counts(metric: Metric, deltas: Iterable[Delta]) -> Mapping[Arm, int | float]:
    """All increments per arm, for people to look at."""
    counts: dict[Arm, int | float] = dict.fromkeys(Arm, 0)
    for delta in deltas:
        told = next((delta.counts[each] for each in (PLAIN, TOP, COUNT) if each in delta.counts), 0)
        for arm in owners_of(metric, delta.labels):
            counts[arm] += told
    return counts


def _first(found: Iterable[Missing | None]) -> Missing | None:
    return next((missing for missing in found if missing), None)


def _by_arm(metric: Metric, deltas: Deltas) -> Owned:
    owned: dict[Arm, dict[Part, list[Delta]]] = {arm: {part: [] for part in deltas} for arm in Arm}
    for part, series in deltas.items():
        for delta in series:
            for arm in owners_of(metric, delta.labels):
                owned[arm][part].append(delta)
    return owned


def _unowned(metric: Metric, deltas: Deltas, others: Sequence[Labels]) -> Iterator[Missing]:
    """Live series of no variant or of both arms."""
    for part, selector in parts_of(metric).items():
        for delta in deltas[part]:
            owners = owners_of(metric, delta.labels)
            if len(owners) == 1 or not delta.sampled:
                continue
            if not owners and any(has_labels(delta.labels, wanted) for wanted in others):
                continue
            whose = "to neither variant" if not owners else "to both variants"
            detail = (
                f"{format_selector(selector)} returned a series that belongs {whose}: {shown(delta.labels)}"
            )
            reason = MissingReason.AMBIGUOUS_SERIES if owners else MissingReason.FOREIGN_SERIES
            yield Missing(reason=reason, detail=detail)


def _off_bounds(metric: Metric, deltas: Deltas) -> Missing | None:
    """An slo that no bucket ends at; the series of one arm are enough to tell."""
    bounds_s = _bounds_s(deltas)
    if metric.slo_s is None or metric.kind is MetricKind.MEAN or not bounds_s or metric.slo_s in bounds_s:
        return None
    usable = nearest_bounds_s(metric.slo_s) if metric.histogram else bounds_s
    named = ", ".join(format_duration(bound_s) for bound_s in usable)
    detail = f"no bucket ends at slo {format_duration(metric.slo_s)}; use one of {named}"
    return Missing(reason=MissingReason.BAD_QUERY, detail=detail)


def _bounds_s(deltas: Deltas) -> Sequence[float]:
    """The finite bounds of a histogram's buckets, ascending; none without series."""
    if deltas.get(Part.HISTOGRAM):
        return BOUNDS_S
    named = {bound for delta in deltas.get(Part.BUCKETS, ()) for bound in delta.counts}
    return sorted(float(bound) for bound in named - {TOP})


def _needed(metric: Metric) -> Iterator[tuple[Part, Selector, Arm]]:
    """The parts that an arm must have. Bad trials need no series where they are a subset of the total's."""
    for arm in Arm:
        for part, selector in parts_of(metric).items():
            if part is not Part.BAD or metric.total is None or metric.total.name != selector.name:
                yield part, selector, arm


def _silent(metric: Metric, owned: Owned, window: Window, stale_after_s: float) -> Mapping[Arm, Missing]:
    """Per arm without usable series the first reason."""
    found: dict[Arm, Missing] = {}
    for part, selector, arm in _needed(metric):
        series = owned[arm][part]
        if not series:
            detail = f"no series: {_wanted(metric, selector, arm)}"
            found.setdefault(arm, Missing(reason=MissingReason.NO_SERIES, detail=detail, arm=arm))
            continue
        age_s = window.end_s - max(delta.last_s for delta in series)
        if age_s > stale_after_s:
            detail = f"last sample {age_s:.0f} s old: {_wanted(metric, selector, arm)}"
            found.setdefault(arm, Missing(reason=MissingReason.STALE, detail=detail, arm=arm))
    return found


def _wanted(metric: Metric, selector: Selector, arm: Arm) -> str:
    return f"{format_selector(selector)} with {shown(metric.arm_labels[arm])} ({arm})"


def _unscraped(metric: Metric, owned: Owned) -> Mapping[Arm, Missing]:
    """The arm that this window did not scrape while it did the other; none where both wait for a scrape.

    A router may forget the series of a version that it sends nothing to. Before and after a switch the arms
    are counted each for itself, so that one keeps nobody waiting for the other.
    """
    found: dict[Arm, Missing] = {}
    for part, selector, arm in _needed(metric):
        if not any(delta.sampled for delta in owned[arm][part]):
            detail = f"no scrape in this window: {format_selector(selector)} ({arm})"
            found.setdefault(arm, Missing(reason=MissingReason.STALE, detail=detail, arm=arm))
    return found if len(found) == 1 else {}


def _faults(owned: Owned, arms: Iterable[Arm]) -> Iterator[Missing]:
    for arm in arms:
        for part in owned[arm].values():
            for delta in part:
                if delta.fault:
                    yield replace(delta.fault, arm=arm)


def _between_scrapes(metric: Metric, owned: Owned, tallies: Pending, window: Window) -> Iterator[Missing]:
    for part, selector, arm in _needed(metric):
        counts = tallies[arm].counts if arm in tallies else {part: 0}
        if part in counts or (part in {Part.BUCKETS, Part.HISTOGRAM} and counts):
            continue
        age_s = window.end_s - max(delta.last_s for delta in owned[arm][part])
        scraped = f"no scrape in this window, the last {age_s:.0f} s before its end"
        detail = f"{scraped}: {format_selector(selector)} ({arm})"
        yield Missing(reason=MissingReason.STALE, detail=detail)


def _tally(deltas: Deltas, carried: Tally) -> Tally:
    counts: dict[str, int | float] = defaultdict(int)
    reach = []
    for part, series in deltas.items():
        for delta in series:
            if delta.sampled:
                for component, count in delta.counts.items():
                    counts[component or part] += count
                reach.append(delta.since_s)
    same_buckets = not counts or not carried.counts or counts.keys() == carried.counts.keys()
    if Part.BUCKETS not in deltas or same_buckets:
        for component, count in carried.counts.items():
            counts[component] += count
        reach.append(carried.since_s)
    starts = [since_s for since_s in reach if since_s is not None]
    return Tally(counts=dict(counts), since_s=min(starts, default=None))


def _reach_s(tallies: Pending, window: Window) -> float:
    starts = [tally.since_s for tally in tallies.values() if tally.since_s is not None]
    return window.end_s - min(starts, default=window.end_s)


def _uneven(tallies: Pending, stale_after_s: float) -> Iterator[Missing]:
    control, treatment = (tallies.get(arm, NOTHING).since_s for arm in (Arm.CONTROL, Arm.TREATMENT))
    if control is not None and treatment is not None and abs(control - treatment) > stale_after_s:
        arm = Arm.CONTROL if control < treatment else Arm.TREATMENT
        longer_s = abs(control - treatment)
        detail = f"{arm} was not scraped for a while; its counts reach {longer_s:.0f} s further back"
        yield Missing(reason=MissingReason.STALE, detail=detail)
