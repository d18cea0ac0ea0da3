"""Increments of one window to one metric's reading: which series is whose, and why there may be none.

A window is read when both arms were scraped in it. What one arm counted before the other was scraped is
carried to the next window, at most `stale_after_s` long; older counts are dropped, as only counts of both
arms over the same time are compared. A before/after check compares no such counts: there, an arm without
series has no trials, as long as the other one has some.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from analysis.sources.counters import Delta
from analysis.sources.measured import TOP, Part, histogram_reading, trials_reading
from analysis.sources.series import PLAIN, Components, Labels
from engine.core.measure import Missing, MissingReason, Reading, Window
from engine.core.model import Arm, Metric, Selector
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


def parts_of(metric: Metric) -> Mapping[Part, Selector]:
    """The selectors of a metric."""
    parts = {Part.BAD: metric.bad, Part.TOTAL: metric.total, Part.BUCKETS: metric.buckets}
    return {part: selector for part, selector in parts.items() if selector is not None}


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
    silent = _silent(metric, deltas, window, stale_after_s)
    gone = (
        _first(_unowned(metric, deltas, others)) or _off_bounds(metric, deltas) or _all_gone(metric, silent)
    )
    if gone:
        return gone, {}
    arms = [arm for arm in Arm if arm not in silent]
    tallies = {arm: _tally(metric, deltas, arm, pending.get(arm, NOTHING)) for arm in arms}
    later = _first(_faults(metric, deltas, arms)) or _first(_between_scrapes(metric, deltas, tallies, window))
    if later:
        return later, tallies if _reach_s(tallies, window) <= stale_after_s else {}
    reading = _first(_uneven(tallies, stale_after_s)) or _reading(metric, deltas, tallies)
    if silent and isinstance(reading, Missing):
        return next(iter(silent.values())), {}
    return reading, {}


def _all_gone(metric: Metric, silent: Mapping[Arm, Missing]) -> Missing | None:
    """What stands for the whole metric: a silent arm, or in a before/after check two, the treatment first.

    Before and after a switch one arm has no traffic, and may have no series.
    """
    if metric.stage is Stage.SETTLE:
        return silent[Arm.TREATMENT] if len(silent) == len(Arm) else None
    return next(iter(silent.values()), None)


def _reading(metric: Metric, deltas: Deltas, tallies: Pending) -> Reading:
    """What was counted; an arm without series has no trials, in the other's buckets."""
    (known, *_) = tallies.values()
    idle = Tally(counts=dict.fromkeys(known.counts, 0))
    control, treatment = (tallies.get(arm, idle).counts for arm in (Arm.CONTROL, Arm.TREATMENT))
    if metric.buckets:
        sampled = [delta.counts for delta in deltas[Part.BUCKETS] if delta.sampled]
        return histogram_reading(metric, control, treatment, sampled)
    return trials_reading(metric, control, treatment)


def arm_counts(metric: Metric, deltas: Iterable[Delta]) -> Mapping[Arm, int]:
    """All increments per arm, for people to look at."""
    counts = dict.fromkeys(Arm, 0)
    for delta in deltas:
        for arm in _owners(metric, delta.labels):
            counts[arm] += delta.counts.get(PLAIN, delta.counts.get(TOP, 0))
    return counts


def _first(found: Iterable[Missing | None]) -> Missing | None:
    return next((missing for missing in found if missing), None)


def _owners(metric: Metric, labels: Labels) -> list[Arm]:
    return [arm for arm, wanted in metric.arm_labels.items() if _has(labels, wanted)]


def _has(labels: Labels, wanted: Labels) -> bool:
    return all(labels.get(label, "") == value for label, value in wanted.items())


def _of_arm(metric: Metric, part: Sequence[Delta], arm: Arm) -> list[Delta]:
    return [delta for delta in part if arm in _owners(metric, delta.labels)]


def _unowned(metric: Metric, deltas: Deltas, others: Sequence[Labels]) -> Iterator[Missing]:
    """Live series of no variant or of both arms."""
    for part, selector in parts_of(metric).items():
        for delta in deltas[part]:
            owners = _owners(metric, delta.labels)
            if len(owners) == 1 or not delta.sampled:
                continue
            if not owners and any(_has(delta.labels, wanted) for wanted in others):
                continue
            whose = "to neither variant" if not owners else "to both variants"
            detail = (
                f"{format_selector(selector)} returned a series that belongs {whose}: {_shown(delta.labels)}"
            )
            reason = MissingReason.AMBIGUOUS_SERIES if owners else MissingReason.FOREIGN_SERIES
            yield Missing(reason=reason, detail=detail)


def _off_bounds(metric: Metric, deltas: Deltas) -> Missing | None:
    """An slo that no bucket ends at; the series of one arm are enough to tell."""
    named = {bound for delta in deltas.get(Part.BUCKETS, ()) for bound in delta.counts}
    bounds_s = sorted(float(bound) for bound in named - {TOP})
    if metric.slo_s is None or not bounds_s or metric.slo_s in bounds_s:
        return None
    usable = ", ".join(format_duration(bound_s) for bound_s in bounds_s)
    detail = f"no bucket ends at slo {format_duration(metric.slo_s)}; use one of {usable}"
    return Missing(reason=MissingReason.BAD_QUERY, detail=detail)


def _needed(metric: Metric) -> Iterator[tuple[Part, Selector, Arm]]:
    """The parts that an arm must have. Bad trials need no series where they are a subset of the total's."""
    for arm in Arm:
        for part, selector in parts_of(metric).items():
            if part is not Part.BAD or metric.total is None or metric.total.name != selector.name:
                yield part, selector, arm


def _silent(metric: Metric, deltas: Deltas, window: Window, stale_after_s: float) -> Mapping[Arm, Missing]:
    """Per arm without usable series the first reason."""
    found: dict[Arm, Missing] = {}
    for part, selector, arm in _needed(metric):
        series = _of_arm(metric, deltas[part], arm)
        wanted = f"{format_selector(selector)} with {_shown(metric.arm_labels[arm])} ({arm})"
        if not series:
            gone = Missing(reason=MissingReason.NO_SERIES, detail=f"no series: {wanted}", arm=arm)
            found.setdefault(arm, gone)
            continue
        age_s = window.end_s - max(delta.last_s for delta in series)
        if age_s > stale_after_s:
            detail = f"last sample {age_s:.0f} s old: {wanted}"
            found.setdefault(arm, Missing(reason=MissingReason.STALE, detail=detail, arm=arm))
    return found


def _faults(metric: Metric, deltas: Deltas, arms: Iterable[Arm]) -> Iterator[Missing]:
    for arm in arms:
        for part in deltas.values():
            for delta in _of_arm(metric, part, arm):
                if delta.fault:
                    yield replace(delta.fault, arm=arm)


def _between_scrapes(metric: Metric, deltas: Deltas, tallies: Pending, window: Window) -> Iterator[Missing]:
    for part, selector, arm in _needed(metric):
        counts = tallies[arm].counts if arm in tallies else {part: 0}
        if part in counts or (part is Part.BUCKETS and counts):
            continue
        age_s = window.end_s - max(delta.last_s for delta in _of_arm(metric, deltas[part], arm))
        scraped = f"no scrape in this window, the last {age_s:.0f} s before its end"
        detail = f"{scraped}: {format_selector(selector)} ({arm})"
        yield Missing(reason=MissingReason.STALE, detail=detail)


def _tally(metric: Metric, deltas: Deltas, arm: Arm, carried: Tally) -> Tally:
    counts: Counter[str] = Counter()
    reach = []
    for part, series in deltas.items():
        for delta in _of_arm(metric, series, arm):
            if delta.sampled:
                counts.update({component or part: count for component, count in delta.counts.items()})
                reach.append(delta.since_s)
    same_buckets = not counts or not carried.counts or counts.keys() == carried.counts.keys()
    if Part.BUCKETS not in deltas or same_buckets:
        counts.update(carried.counts)
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


def _shown(labels: Labels) -> str:
    return ", ".join(f'{label}="{value}"' for label, value in labels.items())
