"""Counts of both arms as a reading, or why they are none. Knows no series and no windows."""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from analysis.sources.buckets import classic_histogram, native_histogram, odd_layout
from analysis.sources.moments import bucket_moments, counted_moments, native_moments
from analysis.sources.remembered import once_per_object
from analysis.sources.series import Components
from engine.core.measure import (
    EventsReading,
    Histogram,
    HistogramReading,
    Measured,
    Missing,
    MissingReason,
    Moments,
    MomentsReading,
    Quotient,
    QuotientReading,
    Reading,
    Trials,
    TrialsReading,
)
from engine.core.model import Arm, Metric, MetricKind, Selector
from engine.core.plan import Stage


class Part(StrEnum):
    """What a selector of a metric counts."""

    BAD = "bad"
    TOTAL = "total"
    SQUARES = "squares"
    BUCKETS = "buckets"
    HISTOGRAM = "histogram"


@once_per_object
def parts_of(metric: Metric) -> Mapping[Part, Selector]:
    """The selectors of a metric; none for a gauge."""
    parts = {part: getattr(metric, part) for part in Part}
    return {part: selector for part, selector in parts.items() if selector is not None}


def measure(
    metric: Metric, control: Components, treatment: Components, layouts: Iterable[Components]
) -> Reading:
    """Counts per `Part`, or per bucket of the metric's histogram, as a reading of its kind.

    Args:
        metric: what was counted.
        control: its increments in this window. A `bad` that had no series has counted none.
        treatment: likewise.
        layouts: further counts whose classic buckets must agree with both.
    """
    arms = {Arm.CONTROL: control, Arm.TREATMENT: treatment}
    if metric.buckets and (odd := odd_layout([control, treatment, *layouts])):
        return odd
    reading = _measure(metric, arms)
    return reading if isinstance(reading, Missing) else (_no_traffic(metric, reading) or reading)


def _measure(metric: Metric, arms: Mapping[Arm, Components]) -> Reading:
    if metric.kind is MetricKind.MEAN:
        return _moments_reading(metric, arms)
    if metric.buckets or metric.histogram:
        return _histogram_reading(metric, arms)
    bad = {arm: counts.get(Part.BAD, 0) for arm, counts in arms.items()}
    match metric.kind:
        case MetricKind.COUNT:
            return EventsReading(control=round(bad[Arm.CONTROL]), treatment=round(bad[Arm.TREATMENT]))
        case MetricKind.RATIO:
            quotients = {
                arm: Quotient(numerator=bad[arm], denominator=counts[Part.TOTAL])
                for arm, counts in arms.items()
            }
            return QuotientReading(control=quotients[Arm.CONTROL], treatment=quotients[Arm.TREATMENT])
    trials = {arm: Trials(bad=round(bad[arm]), total=round(arms[arm][Part.TOTAL])) for arm in arms}
    for arm, one in trials.items():
        if one.bad > one.total:
            return _unrelated(metric, arm, f"{one.bad} bad of {one.total} trials")
    return TrialsReading(control=trials[Arm.CONTROL], treatment=trials[Arm.TREATMENT])


def _histogram_reading(metric: Metric, arms: Mapping[Arm, Components]) -> Reading:
    found: dict[Arm, Histogram] = {}
    for arm, counts in arms.items():
        found[arm] = native_histogram(counts) if metric.histogram else classic_histogram(counts)
        if min(found[arm].counts) < 0:
            return _contradiction(metric, arm)
    return HistogramReading(control=found[Arm.CONTROL], treatment=found[Arm.TREATMENT])


def _moments_reading(metric: Metric, arms: Mapping[Arm, Components]) -> Reading:
    found: dict[Arm, Moments] = {}
    for arm, counts in arms.items():
        if metric.histogram:
            found[arm] = native_moments(counts)
        elif metric.buckets:
            histogram = classic_histogram(counts)
            if min(histogram.counts) < 0:
                return _contradiction(metric, arm)
            found[arm] = bucket_moments(histogram)
        else:
            moments = counted_moments(
                counts[Part.TOTAL], counts.get(Part.BAD, 0), counts[Part.SQUARES] if metric.squares else None
            )
            if moments is None:
                return _unrelated(
                    metric, arm, "the sum of squares is smaller than any values with this sum have"
                )
            found[arm] = moments
    return MomentsReading(control=found[Arm.CONTROL], treatment=found[Arm.TREATMENT])


def _contradiction(metric: Metric, arm: Arm) -> Missing:
    detail = f"{metric.name}: a bucket grew less than a smaller one inside it, in {arm}"
    return Missing(reason=MissingReason.RESET, detail=detail, arm=arm)


def _unrelated(metric: Metric, arm: Arm, found: str) -> Missing:
    detail = f"{metric.name}: {found} in {arm}; the counters do not belong together"
    return Missing(reason=MissingReason.RESET, detail=detail, arm=arm)


def _no_traffic(metric: Metric, reading: Measured) -> Missing | None:
    """An arm without trials. Events have none: that there are none of them may be all there is to say."""
    match reading:
        case TrialsReading() | HistogramReading():
            totals: tuple[float, float] = reading.control.total, reading.treatment.total
        case MomentsReading():
            totals = reading.control.count, reading.treatment.count
        case QuotientReading():
            totals = reading.control.denominator, reading.treatment.denominator
        case EventsReading():
            return None
    idle = [arm for arm, total in zip((Arm.CONTROL, Arm.TREATMENT), totals, strict=True) if not total]
    by_itself = metric.stage is Stage.SETTLE or metric.kind is MetricKind.ASSIGNMENT
    if not idle or (by_itself and len(idle) == 1):
        return None
    detail = f"{metric.name}: no trials in {' and '.join(idle)}"
    return Missing(reason=MissingReason.NO_TRAFFIC, detail=detail, arm=idle[0] if len(idle) == 1 else None)
