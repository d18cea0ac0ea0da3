"""Increments of one window to one metric's reading: which series is whose, and why there may be none.

A window is read when both arms were scraped in it. What one arm counted before the other was scraped is
carried to the next window, at most `stale_after_s` long; older counts are dropped, as only counts of both
arms over the same time are compared.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import pairwise

from analysis.sources.counters import Delta
from analysis.sources.series import PLAIN, Components, Labels
from engine.core.measure import (
    Histogram,
    HistogramReading,
    Missing,
    MissingReason,
    Reading,
    Trials,
    TrialsReading,
    Window,
)
from engine.core.model import Arm, Metric, Selector
from engine.fields import format_duration, format_selector


class Part(StrEnum):
    """What a selector of a metric counts."""

    BAD = "bad"
    TOTAL = "total"
    BUCKETS = "buckets"


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

TOP = "inf"
"""The component of the `+Inf` bucket."""


def parts_of(metric: Metric) -> Mapping[Part, Selector]:
    """The selectors of a metric."""
    parts = {Part.BAD: metric.bad, Part.TOTAL: metric.total, Part.BUCKETS: metric.buckets}
    return {part: selector for part, selector in parts.items() if selector is not None}


def read_metric(
    metric: Metric, deltas: Deltas, window: Window, pending: Pending, stale_after_s: float
) -> tuple[Reading, Pending]:
    """One metric in one window, and what to carry to the next.

    Args:
        metric: whose labels tell the arms apart.
        deltas: per part what each series did in this window.
        window: the window; ages are as of its end.
        pending: counts carried from earlier windows.
        stale_after_s: age from which an arm's last sample is too old, in seconds.
    """
    gone = (
        _first(_unowned(metric, deltas))
        or _off_bounds(metric, deltas)
        or _first(_silent(metric, deltas, window, stale_after_s))
    )
    if gone:
        return gone, {}
    tallies = {arm: _tally(metric, deltas, arm, pending.get(arm, NOTHING)) for arm in Arm}
    later = _first(_faults(metric, deltas)) or _first(_between_scrapes(metric, deltas, tallies, window))
    if later:
        return later, tallies if _reach_s(tallies, window) <= stale_after_s else {}
    return _first(_uneven(tallies, stale_after_s)) or _reading(metric, deltas, tallies), {}


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
    return [
        arm
        for arm, wanted in metric.arm_labels.items()
        if all(labels.get(label, "") == value for label, value in wanted.items())
    ]


def _of_arm(metric: Metric, part: Sequence[Delta], arm: Arm) -> list[Delta]:
    return [delta for delta in part if arm in _owners(metric, delta.labels)]


def _unowned(metric: Metric, deltas: Deltas) -> Iterator[Missing]:
    """Live series of no arm or of both."""
    for part, selector in parts_of(metric).items():
        for delta in deltas[part]:
            owners = _owners(metric, delta.labels)
            if len(owners) == 1 or not delta.sampled:
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


def _silent(metric: Metric, deltas: Deltas, window: Window, stale_after_s: float) -> Iterator[Missing]:
    for part, selector, arm in _needed(metric):
        series = _of_arm(metric, deltas[part], arm)
        wanted = f"{format_selector(selector)} with {_shown(metric.arm_labels[arm])} ({arm})"
        if not series:
            yield Missing(reason=MissingReason.NO_SERIES, detail=f"no series: {wanted}", arm=arm)
            continue
        age_s = window.end_s - max(delta.last_s for delta in series)
        if age_s > stale_after_s:
            detail = f"last sample {age_s:.0f} s old: {wanted}"
            yield Missing(reason=MissingReason.STALE, detail=detail, arm=arm)


def _faults(metric: Metric, deltas: Deltas) -> Iterator[Missing]:
    for arm in Arm:
        for part in deltas.values():
            for delta in _of_arm(metric, part, arm):
                if delta.fault:
                    yield replace(delta.fault, arm=arm)


def _between_scrapes(metric: Metric, deltas: Deltas, tallies: Pending, window: Window) -> Iterator[Missing]:
    for part, selector, arm in _needed(metric):
        counts = tallies[arm].counts
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
    control, treatment = tallies[Arm.CONTROL].since_s, tallies[Arm.TREATMENT].since_s
    if control is not None and treatment is not None and abs(control - treatment) > stale_after_s:
        arm = Arm.CONTROL if control < treatment else Arm.TREATMENT
        longer_s = abs(control - treatment)
        detail = f"{arm} was not scraped for a while; its counts reach {longer_s:.0f} s further back"
        yield Missing(reason=MissingReason.STALE, detail=detail)


def _reading(metric: Metric, deltas: Deltas, tallies: Pending) -> Reading:
    control, treatment = tallies[Arm.CONTROL].counts, tallies[Arm.TREATMENT].counts
    if metric.buckets:
        sampled = [delta.counts for delta in deltas[Part.BUCKETS] if delta.sampled]
        odd = _odd_layout(metric, [control, treatment, *sampled])
        return odd or _histograms(metric, control, treatment)
    return _trials(metric, _with_bad(control), _with_bad(treatment))


def _with_bad(counts: Components) -> Components:
    return {Part.BAD: 0, **counts}


def _trials(metric: Metric, control: Components, treatment: Components) -> Reading:
    for arm, counts in ((Arm.CONTROL, control), (Arm.TREATMENT, treatment)):
        if counts[Part.BAD] > counts[Part.TOTAL]:
            detail = f"{metric.name}: {counts[Part.BAD]} bad of {counts[Part.TOTAL]} trials in {arm}"
            belongs = f"{detail}; the counters do not belong together"
            return Missing(reason=MissingReason.RESET, detail=belongs, arm=arm)
    reading = TrialsReading(
        control=Trials(bad=control[Part.BAD], total=control[Part.TOTAL]),
        treatment=Trials(bad=treatment[Part.BAD], total=treatment[Part.TOTAL]),
    )
    return _no_traffic(metric, reading) or reading


def _histograms(metric: Metric, control: Components, treatment: Components) -> Reading:
    reading = HistogramReading(control=_histogram(control), treatment=_histogram(treatment))
    for arm, histogram in ((Arm.CONTROL, reading.control), (Arm.TREATMENT, reading.treatment)):
        if min(histogram.counts) < 0:
            detail = f"{metric.name}: a bucket grew less than a smaller one inside it, in {arm}"
            return Missing(reason=MissingReason.RESET, detail=detail, arm=arm)
    return _no_traffic(metric, reading) or reading


def _histogram(cumulative: Components) -> Histogram:
    bounds = sorted(cumulative, key=float)
    below = [0, *(cumulative[bound] for bound in bounds)]
    counts = tuple(upper - lower for lower, upper in pairwise(below))
    return Histogram(bounds_s=tuple(float(bound) for bound in bounds[:-1]), counts=counts)


def _odd_layout(metric: Metric, counts: Iterable[Components]) -> Missing | None:
    layouts = {tuple(sorted(one, key=float)) for one in counts}
    named = " and ".join(sorted(", ".join(layout) for layout in layouts))
    layout = next(iter(layouts))
    detail = ""
    if len(layouts) > 1:
        detail = f"series have different buckets and cannot be compared: {named}"
    elif TOP not in layout:
        detail = f"no +Inf bucket among {named}; does the selector restrict `le`?"
    return Missing(reason=MissingReason.BAD_QUERY, detail=detail) if detail else None


def _no_traffic(metric: Metric, reading: TrialsReading | HistogramReading) -> Missing | None:
    totals = {Arm.CONTROL: reading.control.total, Arm.TREATMENT: reading.treatment.total}
    idle = [arm for arm, total in totals.items() if not total]
    if not idle:
        return None
    detail = f"{metric.name}: no trials in {' and '.join(idle)}"
    return Missing(reason=MissingReason.NO_TRAFFIC, detail=detail, arm=idle[0] if len(idle) == 1 else None)


def _shown(labels: Labels) -> str:
    return ", ".join(f'{label}="{value}"' for label, value in labels.items())
