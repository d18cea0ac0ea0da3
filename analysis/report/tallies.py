"""What both arms had in some windows, as a report counts it. Pure; judges nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from analysis.stats.stages import planned_share
from engine.core.measure import (
    EventsReading,
    Histogram,
    Missing,
    Moments,
    Observation,
    Quotient,
    Trials,
)
from engine.core.model import Metric


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Bad trials (above the objective, for latency) out of all; `bad` is None where no objective is set.

    Other kinds have sums in their place: of values over how many, of a numerator over a denominator, events
    over planned shares of windows.
    """

    bad: int | float | None
    total: int | float


def counts(metric: Metric, observation: Observation) -> tuple[Counts, Counts] | None:
    """What control and treatment had in one window, None when nothing was measured.

    Events say nothing without the share of traffic that was planned for them.
    """
    match observation.readings[metric.name]:
        case Missing():
            return None
        case EventsReading(control=control, treatment=treatment):
            share = planned_share(metric, observation)
            if share is None:
                return None
            return Counts(bad=control, total=1.0 - share), Counts(bad=treatment, total=share)
        case measured:
            return _of_arm(metric, measured.control), _of_arm(metric, measured.treatment)


def total(measured: Sequence[Counts]) -> Counts | None:
    """The sum, None of nothing; `bad` is known only if every part's is."""
    if not measured:
        return None
    bad = [each.bad for each in measured if each.bad is not None]
    return Counts(
        bad=sum(bad) if len(bad) == len(measured) else None,
        total=sum(each.total for each in measured),
    )


def _of_arm(metric: Metric, arm: Trials | Histogram | Moments | Quotient) -> Counts:
    match arm:
        case Trials(bad=bad, total=trials):
            return Counts(bad=bad, total=trials)
        case Histogram():
            return _above(metric, arm)
        case Moments(sum=values, count=count):
            return Counts(bad=values, total=count)
        case Quotient(numerator=numerator, denominator=denominator):
            return Counts(bad=numerator, total=denominator)
        case _:
            assert_never(arm)


def _above(metric: Metric, histogram: Histogram) -> Counts:
    slo_s = metric.slo_s
    known = slo_s is not None and slo_s in histogram.bounds_s
    return Counts(bad=histogram.above(slo_s) if slo_s is not None and known else None, total=histogram.total)
