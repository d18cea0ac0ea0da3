"""What the past says of a metric's traffic."""

import pytest

from analysis.planning import Flow, NoFlow, flow_of
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
from engine.core.model import Metric, MetricKind
from tests.builders import a_metric


def past(metric: Metric, *readings: Reading, window_s: float = 3600.0):
    return [
        (Window(index=i, start_s=i * window_s, end_s=(i + 1) * window_s), {metric.name: reading})
        for i, reading in enumerate(readings)
    ]


def trials(bad: int, total: int, more: int = 0) -> TrialsReading:
    return TrialsReading(control=Trials(bad=bad, total=total), treatment=Trials(bad=more, total=more))


def test_the_base_rate_is_control_s_and_the_rate_is_of_both() -> None:
    metric = a_metric()
    assert flow_of(metric, past(metric, trials(36, 3600, 3600), trials(0, 3600, 0))) == Flow(
        rate_per_s=1.5, base_rate=0.005, quietest_per_s=1.0
    )


def test_the_quietest_hour_is_of_the_day_and_not_of_one_window() -> None:
    metric = a_metric()
    busy, quiet = trials(1, 36_000), trials(1, 3600)
    flow = flow_of(metric, past(metric, *([quiet] + [busy] * 23) * 2))
    assert isinstance(flow, Flow)
    assert flow.quietest_per_s == 1.0


def test_missing_windows_are_left_out_and_are_not_zero() -> None:
    metric = a_metric()
    gone = Missing(reason=MissingReason.NO_SERIES, detail="no series: x")
    flow = flow_of(metric, past(metric, gone, trials(36, 3600)))
    assert isinstance(flow, Flow)
    assert (flow.rate_per_s, flow.base_rate) == (1.0, 0.01)


def test_a_past_without_measurements_says_why() -> None:
    metric = a_metric()
    gone = Missing(reason=MissingReason.NO_SERIES, detail="no series: x")
    assert flow_of(metric, past(metric, gone)) == NoFlow(reason="no series: x")
    assert flow_of(metric, []) == NoFlow(reason="there were no trials")


def test_latency_is_the_share_over_its_objective() -> None:
    metric = a_metric(kind=MetricKind.DISTRIBUTION, slo_s=0.5)
    counted = Histogram(bounds_s=(0.1, 0.5), counts=(90, 8, 2))
    reading = HistogramReading(control=counted, treatment=Histogram(bounds_s=(0.1, 0.5), counts=(0, 0, 0)))
    flow = flow_of(metric, past(metric, reading))
    assert isinstance(flow, Flow)
    assert flow.base_rate == pytest.approx(0.02)


def test_an_objective_between_buckets_is_not_planned() -> None:
    metric = a_metric(kind=MetricKind.DISTRIBUTION, slo_s=0.3)
    counted = Histogram(bounds_s=(0.1, 0.5), counts=(90, 8, 2))
    found = flow_of(metric, past(metric, HistogramReading(control=counted, treatment=counted)))
    assert found == NoFlow(reason="no bucket ends at the objective of errors")
