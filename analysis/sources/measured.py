"""Counts of both arms as a reading, or why they are none. Knows no series and no windows."""

from collections.abc import Iterable
from enum import StrEnum
from itertools import pairwise

from analysis.sources.series import Components
from engine.core.measure import (
    Histogram,
    HistogramReading,
    Missing,
    MissingReason,
    Reading,
    Trials,
    TrialsReading,
)
from engine.core.model import Arm, Metric, MetricKind
from engine.core.plan import Stage


class Part(StrEnum):
    """What a selector of a metric counts."""

    BAD = "bad"
    TOTAL = "total"
    BUCKETS = "buckets"


TOP = "inf"
"""The component of the `+Inf` bucket."""


def trials_reading(metric: Metric, control: Components, treatment: Components) -> Reading:
    """Counts per `Part` as a reading. A counter of bad trials without series has counted none."""
    control, treatment = _with_bad(control), _with_bad(treatment)
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


def histogram_reading(
    metric: Metric, control: Components, treatment: Components, layouts: Iterable[Components]
) -> Reading:
    """Cumulative counts per bucket bound as a reading; `layouts` are further ones that must agree."""
    odd = _odd_layout([control, treatment, *layouts])
    if odd:
        return odd
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


def _odd_layout(counts: Iterable[Components]) -> Missing | None:
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
    by_itself = metric.stage is Stage.SETTLE or metric.kind is MetricKind.ASSIGNMENT
    if not idle or (by_itself and len(idle) == 1):
        return None
    detail = f"{metric.name}: no trials in {' and '.join(idle)}"
    return Missing(reason=MissingReason.NO_TRAFFIC, detail=detail, arm=idle[0] if len(idle) == 1 else None)


def _with_bad(counts: Components) -> Components:
    return {Part.BAD: 0, **counts}
