"""What makes a metric or a window untrustworthy. Plain sentences; an empty one means nothing is wrong."""

from collections.abc import Mapping
from math import inf, isfinite

from engine.core.measure import (
    EventsReading,
    Histogram,
    HistogramReading,
    Measured,
    Moments,
    MomentsReading,
    Quotient,
    QuotientReading,
    Trials,
    TrialsReading,
)
from engine.core.model import Bound, Metric, MetricKind
from engine.core.plan import Stage

_READ_AS: Mapping[MetricKind, type[Measured]] = {
    MetricKind.PROPORTION: TrialsReading,
    MetricKind.THRESHOLD: TrialsReading,
    MetricKind.ASSIGNMENT: TrialsReading,
    MetricKind.COUNT: EventsReading,
    MetricKind.MEAN: MomentsReading,
    MetricKind.DISTRIBUTION: HistogramReading,
    MetricKind.RATIO: QuotientReading,
    MetricKind.GAUGE: QuotientReading,
}
_SHARES = {MetricKind.PROPORTION, MetricKind.DISTRIBUTION, MetricKind.THRESHOLD, MetricKind.ASSIGNMENT}


def metric_fault(metric: Metric) -> str:
    """Why no evidence can be had from a metric declared like this."""
    if metric.higher_is_better and metric.kind is MetricKind.THRESHOLD:
        return "a threshold has a largest acceptable share; higher cannot be better"
    if metric.kind is MetricKind.THRESHOLD:
        if metric.limit is None or not 0.0 < metric.limit < 1.0:
            return f"the limit must be a share above 0 and below 1, not {metric.limit}"
        return ""
    if metric.stage is Stage.SETTLE and (fault := _before_after_fault(metric)):
        return fault
    for name, bound in (("tolerance", metric.tolerance), ("margin", metric.margin)):
        if not _possible(metric, bound):
            return f"the {name} must be 0 or more, and below 100 percentage points where absolute"
    return ""


def reading_fault(metric: Metric, reading: Measured, bounds_s: tuple[float, ...]) -> str:
    """Why this window cannot be used.

    `bounds_s` are the bucket bounds of the run's first counted window; empty before it and for other kinds.
    """
    if not isinstance(reading, _READ_AS[metric.kind]):
        return f"a {metric.kind} metric cannot use a {type(reading).__name__}"
    if isinstance(reading, HistogramReading):
        return _histogram_fault(metric, reading, bounds_s)
    for name, arm in (("control", reading.control), ("treatment", reading.treatment)):
        if not _usable(arm):
            return f"impossible counts in {name}: {_shown(arm)}"
    return _part_of_negative(metric, reading)


def _part_of_negative(metric: Metric, reading: Measured) -> str:
    """A part of a negative level points the other way, so that equal arms would look harmful."""
    match reading:
        case MomentsReading(control=Moments(sum=level)) | QuotientReading(control=Quotient(numerator=level)):
            if level < 0.0 and (metric.tolerance.relative or metric.margin.relative):
                return "control is below 0, where a part of it means nothing; declare absolute bounds"
        case _:
            pass
    return ""


def _histogram_fault(metric: Metric, reading: HistogramReading, bounds_s: tuple[float, ...]) -> str:
    control, treatment = reading.control, reading.treatment
    if control.bounds_s != treatment.bounds_s:
        return (
            f"control and treatment have different buckets: {_listed(control.bounds_s)}"
            f" and {_listed(treatment.bounds_s)}"
        )
    if not control.bounds_s:
        return "the histogram has no finite bucket bound"
    if bounds_s and control.bounds_s != bounds_s:
        return f"the buckets changed mid-run, from {_listed(bounds_s)} to {_listed(control.bounds_s)}"
    for name, histogram in (("control", control), ("treatment", treatment)):
        if not _fits(histogram):
            return f"impossible bucket counts in {name}: {_listed(histogram.counts)}"
    if metric.slo_s is not None and metric.slo_s not in control.bounds_s:
        return _off_bound(metric.slo_s, control.bounds_s)
    return ""


def _off_bound(slo_s: float, bounds_s: tuple[float, ...]) -> str:
    near = [*[b for b in bounds_s if b < slo_s][-1:], *[b for b in bounds_s if b > slo_s][:1]]
    return (
        f"the objective of {slo_s:g} s is not a bucket bound, so the share above it is not counted;"
        f" nearest: {' and '.join(f'{bound:g} s' for bound in near)}"
    )


def _before_after_fault(metric: Metric) -> str:
    if metric.kind is MetricKind.DISTRIBUTION and metric.slo_s is None:
        return "before and after can be compared only with a latency objective"
    if metric.kind not in _SHARES:
        return f"before and after can be compared only as a share of trials, not as a {metric.kind}"
    return ""


def _possible(metric: Metric, bound: Bound) -> bool:
    below = 1.0 if metric.kind in _SHARES else inf
    return (bound.relative or 0.0) >= 0.0 and 0.0 <= (bound.absolute or 0.0) < below


def _usable(arm: Trials | Moments | Quotient | int) -> bool:
    match arm:
        case Trials(bad=bad, total=total):
            return 0 <= bad <= total
        case Moments(count=count, sum=total_value, sum_sq=squares):
            return (
                count >= 0 and isfinite(total_value) and isfinite(squares or 0.0) and (squares or 0.0) >= 0.0
            )
        case Quotient(numerator=numerator, denominator=denominator):
            return isfinite(numerator) and isfinite(denominator) and denominator >= 0.0
        case _:
            return arm >= 0


def _shown(arm: Trials | Moments | Quotient | int) -> str:
    return f"{arm.bad} bad of {arm.total}" if isinstance(arm, Trials) else str(arm)


def _fits(histogram: Histogram) -> bool:
    return len(histogram.counts) == len(histogram.bounds_s) + 1 and min(histogram.counts) >= 0


def _listed(numbers: tuple[float, ...]) -> str:
    return "/".join(f"{number:g}" for number in numbers) or "none"
