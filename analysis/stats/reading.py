"""From a window as it was read to counts as the statistics take them, for one run. Judges nothing."""

import numpy as np

from analysis.stats.counts import BucketCounts, Counts, EventCounts, Quotients, TrialCounts, ValueSums
from analysis.stats.mixture import Floats
from engine.core.measure import (
    EventsReading,
    HistogramReading,
    Measured,
    Moments,
    MomentsReading,
    Quotient,
    QuotientReading,
    Trials,
    TrialsReading,
)
from engine.core.model import Arm, Metric, MetricKind


def counts_of(metric: Metric, reading: Measured, share: float | None = None) -> Counts:
    """The window's counts; `share` is the treatment's planned share, which events need."""
    match reading:
        case TrialsReading(control=control, treatment=treatment):
            return TrialCounts(
                bad_t=_one(treatment.bad),
                n_t=_one(treatment.total),
                bad_c=_one(control.bad),
                n_c=_one(control.total),
            )
        case EventsReading(control=events_c, treatment=events_t):
            return EventCounts(treatment=_one(events_t), control=_one(events_c), share=_one(share or 0.0))
        case HistogramReading(control=slow_c, treatment=slow_t):
            slo = slow_c.bounds_s.index(metric.slo_s) if metric.slo_s is not None else None
            return BucketCounts(treatment=_row(slow_t.counts), control=_row(slow_c.counts), slo=slo)
        case MomentsReading(control=values_c, treatment=values_t):
            known = values_c.sum_sq is not None and values_t.sum_sq is not None
            return ValueSums(treatment=_values(values_t), control=_values(values_c), spread_known=known)
    return Quotients(treatment=_quotient(reading.treatment), control=_quotient(reading.control))


def slower_than_objective(metric: Metric, reading: HistogramReading) -> TrialsReading:
    """Both arms' trials above the latency objective; none of them is bad where none is declared."""
    slo_s = metric.slo_s
    control, treatment = reading.control, reading.treatment
    return TrialsReading(
        control=Trials(bad=control.above(slo_s) if slo_s is not None else 0, total=control.total),
        treatment=Trials(bad=treatment.above(slo_s) if slo_s is not None else 0, total=treatment.total),
    )


def idle_arms(metric: Metric, reading: Measured) -> list[Arm]:
    """Arms that are compared and had no trials; events need none."""
    if isinstance(reading, EventsReading):
        return []
    if isinstance(reading, MomentsReading):
        treatment, control = float(reading.treatment.count), float(reading.control.count)
    elif isinstance(reading, QuotientReading):
        treatment, control = reading.treatment.denominator, reading.control.denominator
    else:
        treatment, control = float(reading.treatment.total), float(reading.control.total)
    empty = [] if treatment else [Arm.TREATMENT]
    return empty if control or metric.kind is MetricKind.THRESHOLD else [*empty, Arm.CONTROL]


def _one(number: float) -> Floats:
    return np.array([number], dtype=np.float64)


def _row(numbers: tuple[int, ...]) -> Floats:
    return np.array([numbers], dtype=np.float64)


def _values(arm: Moments) -> Floats:
    return np.array([[arm.count, arm.sum, arm.sum_sq or 0.0]])


def _quotient(arm: Quotient) -> Floats:
    return np.array([[arm.numerator, arm.denominator]])
