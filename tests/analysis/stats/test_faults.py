import pytest

from analysis.stats.faults import metric_fault, reading_fault
from engine.core.measure import (
    Histogram,
    HistogramReading,
    Measured,
    Moments,
    MomentsReading,
    Quotient,
    QuotientReading,
)
from engine.core.model import Bound, Metric, MetricKind
from tests.analysis.stats.enumeration import table
from tests.builders import a_metric

LATENCY = a_metric(kind=MetricKind.DISTRIBUTION, slo_s=0.5)
ARMS = ("control", "treatment")
BOUNDS_S = (0.1, 0.5, 1.0)


def histogram(counts: tuple[int, ...] = (5, 3, 2, 1), bounds_s: tuple[float, ...] = BOUNDS_S) -> Histogram:
    return Histogram(bounds_s=bounds_s, counts=counts)


def reading(control: Histogram, treatment: Histogram) -> HistogramReading:
    return HistogramReading(control=control, treatment=treatment)


def test_good_windows_have_no_fault() -> None:
    assert reading_fault(a_metric(), table(1, 10, 2, 20), ()) == ""
    assert reading_fault(LATENCY, reading(histogram(), histogram()), BOUNDS_S) == ""
    assert metric_fault(a_metric()) == ""
    assert metric_fault(a_metric(kind=MetricKind.THRESHOLD, limit=0.01)) == ""


@pytest.mark.parametrize(
    ("found", "bounds_s", "says"),
    [
        (reading(histogram(), histogram(bounds_s=(0.1, 0.5, 2.0))), (), "different buckets"),
        (reading(histogram(), histogram()), (0.1, 0.5, 2.0), "changed mid-run"),
        (reading(histogram((5,), ()), histogram((5,), ())), (), "no finite bucket"),
        (reading(histogram(), histogram((5, 3, -2, 1))), (), "impossible bucket counts in treatment"),
        (reading(histogram((1, 2)), histogram()), (), "impossible bucket counts in control"),
        (table(1, 10, 2, 20), (), "cannot use"),
    ],
)
def test_histograms_that_cannot_be_used(found: Measured, bounds_s: tuple[float, ...], says: str) -> None:
    assert says in reading_fault(LATENCY, found, bounds_s)


@pytest.mark.parametrize(
    ("slo_s", "nearest"), [(0.3, "0.1 s and 0.5 s"), (0.01, "nearest: 0.1 s"), (9.0, "nearest: 1 s")]
)
def test_an_objective_between_buckets_names_the_nearest_bounds(slo_s: float, nearest: str) -> None:
    metric = a_metric(kind=MetricKind.DISTRIBUTION, slo_s=slo_s)
    assert nearest in reading_fault(metric, reading(histogram(), histogram()), ())


@pytest.mark.parametrize(
    ("counts", "arm"),
    [((11, 10, 0, 5), "treatment"), ((0, 5, -1, 5), "control"), ((0, -1, 0, 5), "treatment")],
)
def test_impossible_counts_name_the_arm(counts: tuple[int, int, int, int], arm: str) -> None:
    assert f"impossible counts in {arm}" in reading_fault(a_metric(), table(*counts), ())


@pytest.mark.parametrize(
    "metric",
    [
        a_metric(kind=MetricKind.THRESHOLD, limit=None),
        a_metric(kind=MetricKind.THRESHOLD, limit=0.0),
        a_metric(kind=MetricKind.THRESHOLD, limit=1.0),
        a_metric(tolerance=Bound(relative=-0.1)),
        a_metric(margin=Bound(absolute=1.0)),
    ],
)
def test_a_metric_that_no_evidence_can_decide_is_named(metric: Metric) -> None:
    assert metric_fault(metric) != ""


@pytest.mark.parametrize("level", [-10.0, 10.0])
@pytest.mark.parametrize("relative", [0.05, None])
def test_a_part_of_a_negative_level_is_no_bound(level: float, relative: float | None) -> None:
    bounds = Bound(relative=relative, absolute=1.0)
    for kind, found in (
        (MetricKind.MEAN, MomentsReading(**dict.fromkeys(ARMS, Moments(count=5, sum=level, sum_sq=99.0)))),
        (
            MetricKind.GAUGE,
            QuotientReading(**dict.fromkeys(ARMS, Quotient(numerator=level, denominator=1.0))),
        ),
        (
            MetricKind.RATIO,
            QuotientReading(**dict.fromkeys(ARMS, Quotient(numerator=level, denominator=1.0))),
        ),
    ):
        metric = a_metric(kind=kind, tolerance=bounds, margin=bounds)
        assert bool(reading_fault(metric, found, ())) == (level < 0 and relative is not None)
