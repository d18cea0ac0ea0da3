"""What makes a metric or a window untrustworthy. Plain sentences; an empty one means nothing is wrong."""

from engine.core.measure import Histogram, HistogramReading, Measured, Trials
from engine.core.model import Bound, Metric, MetricKind
from engine.core.plan import Stage


def metric_fault(metric: Metric) -> str:
    """Why no evidence can be had from a metric declared like this."""
    if metric.higher_is_better and metric.kind is not MetricKind.PROPORTION:
        return f"higher can be better only where trials are counted as good, not in a {metric.kind} metric"
    if metric.kind is MetricKind.THRESHOLD:
        if metric.limit is None or not 0.0 < metric.limit < 1.0:
            return f"the limit must be a share above 0 and below 1, not {metric.limit}"
        return ""
    if metric.stage is Stage.SETTLE and metric.kind is MetricKind.DISTRIBUTION and metric.slo_s is None:
        return "before and after can be compared only with a latency objective"
    for name, bound in (("tolerance", metric.tolerance), ("margin", metric.margin)):
        if not _possible(bound):
            return f"the {name} must be 0 or more, and below 100 percentage points where absolute"
    return ""


def reading_fault(metric: Metric, reading: Measured, bounds_s: tuple[float, ...]) -> str:
    """Why this window cannot be used.

    `bounds_s` are the bucket bounds of the run's first counted window; empty before it and for other kinds.
    """
    if isinstance(reading, HistogramReading) != (metric.kind is MetricKind.DISTRIBUTION):
        return f"a {metric.kind} metric cannot use a {type(reading).__name__}"
    if isinstance(reading, HistogramReading):
        return _histogram_fault(metric, reading, bounds_s)
    for name, trials in (("control", reading.control), ("treatment", reading.treatment)):
        if not _countable(trials):
            return f"impossible counts in {name}: {trials.bad} bad of {trials.total}"
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


def _possible(bound: Bound) -> bool:
    return (bound.relative or 0.0) >= 0.0 and 0.0 <= (bound.absolute or 0.0) < 1.0


def _countable(trials: Trials) -> bool:
    return 0 <= trials.bad <= trials.total


def _fits(histogram: Histogram) -> bool:
    return len(histogram.counts) == len(histogram.bounds_s) + 1 and min(histogram.counts) >= 0


def _listed(numbers: tuple[float, ...]) -> str:
    return "/".join(f"{number:g}" for number in numbers) or "none"
