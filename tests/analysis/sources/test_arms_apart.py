"""Counts that are no comparison of two arms in one window: visitors, before/after, several treatments."""

from dataclasses import replace

import pytest

from analysis.sources.fake import FakeOptions, FakeSource
from engine.core.measure import HistogramReading, Missing, MissingReason, Reading, Trials, Window
from engine.core.model import Arm, Metric, MetricKind, Selector
from engine.core.plan import Stage
from engine.testing.sources import trials
from tests.builders import a_metric

VISITORS = a_metric(
    name="visitors", kind=MetricKind.ASSIGNMENT, bad=None, total=Selector(name="visitors_total")
)
CHECK = a_metric(name="check", stage=Stage.SETTLE)
LATENCY = a_metric(
    name="latency",
    stage=Stage.SETTLE,
    kind=MetricKind.DISTRIBUTION,
    bad=None,
    total=None,
    buckets=Selector(name="seconds_bucket"),
    slo_s=0.5,
)
ERRORS = a_metric(name="errors@v2")
OF_V3 = replace(
    ERRORS,
    name="errors@v3",
    treatment_index=1,
    arm_labels={Arm.CONTROL: {"version": "v1"}, Arm.TREATMENT: {"version": "v3"}},
)
ROUTER = {"job": "router", "instance": "router:1"}


@pytest.fixture
def source() -> FakeSource:
    return FakeSource(FakeOptions(stale_after_s=60))


def put(source: FakeSource, name: str, version: str, first: float, then: float, **labels: str) -> None:
    for at_s, value in ((-5, first), (10, then)):
        source.scrape(at_s, name, {"version": version} | ROUTER | labels, value)


def read(source: FakeSource, *metrics: Metric) -> list[Reading]:
    batch = source.read(metrics, [Window(index=0, start_s=0, end_s=15)], {})
    assert batch.trouble is None
    return [batch.readings[0][metric.name] for metric in metrics]


def put_errors(source: FakeSource, version: str, errors: float, requests: float) -> None:
    put(source, "errors_total", version, 1, 1 + errors)
    put(source, "requests_total", version, 10, 10 + requests)


def test_visitors_are_trials_that_cannot_be_bad(source: FakeSource) -> None:
    put(source, "visitors_total", "v1", 100, 130)
    put(source, "visitors_total", "v2", 100, 125)
    (reading,) = read(source, VISITORS)
    assert trials(reading) == (Trials(bad=0, total=30), Trials(bad=0, total=25))


def test_a_window_in_which_one_variant_got_no_visitor_is_a_count_of_zero(source: FakeSource) -> None:
    put(source, "visitors_total", "v1", 100, 103)
    put(source, "visitors_total", "v2", 100, 100)
    (reading,) = read(source, VISITORS)
    assert trials(reading) == (Trials(bad=0, total=3), Trials(bad=0, total=0))


def test_a_window_without_any_visitor_is_no_traffic(source: FakeSource) -> None:
    for version in ("v1", "v2"):
        put(source, "visitors_total", version, 100, 100)
    (reading,) = read(source, VISITORS)
    assert isinstance(reading, Missing)
    assert reading.reason is MissingReason.NO_TRAFFIC


def test_visitors_of_a_variant_without_series_are_missing(source: FakeSource) -> None:
    put(source, "visitors_total", "v1", 100, 130)
    (reading,) = read(source, VISITORS)
    assert isinstance(reading, Missing)
    assert (reading.reason, reading.arm) == (MissingReason.NO_SERIES, Arm.TREATMENT)


@pytest.mark.parametrize("there", ["v1", "v2"])
@pytest.mark.parametrize("other_has_series", [True, False])
def test_before_and_after_a_switch_one_variant_may_be_idle(
    source: FakeSource, there: str, *, other_has_series: bool
) -> None:
    put_errors(source, there, 3, 40)
    if other_has_series:
        put_errors(source, "v2" if there == "v1" else "v1", 0, 0)
    counts = dict(zip(("v1", "v2"), trials(read(source, CHECK)[0]), strict=True))
    assert counts.pop(there) == Trials(bad=3, total=40)
    assert list(counts.values()) == [Trials(bad=0, total=0)]


def test_a_router_that_forgets_the_idle_variant_hides_nothing_of_the_other(source: FakeSource) -> None:
    put_errors(source, "v1", 0, 10)
    put_errors(source, "v2", 0, 10)
    windows = [Window(index=index, start_s=15 * index, end_s=15 * index + 15) for index in range(4)]
    for number in range(1, 4):
        source.scrape(10 + 15 * number, "errors_total", {"version": "v2"} | ROUTER, 1 + 5 * number)
        source.scrape(10 + 15 * number, "requests_total", {"version": "v2"} | ROUTER, 20 + 40 * number)
    readings = [reading["check"] for reading in source.read([CHECK], windows, {}).readings]
    assert [trials(reading) for reading in readings] == [
        (Trials(bad=0, total=10), Trials(bad=0, total=10)),
        *[(Trials(bad=0, total=0), Trials(bad=5, total=40))] * 3,
    ]


def test_arms_that_are_scraped_in_turn_after_a_switch_are_counted_once(source: FakeSource) -> None:
    for at_s, version, value in (
        (-5, "v1", 10),
        (-5, "v2", 10),
        (25, "v1", 20),
        (40, "v2", 50),
        (55, "v1", 30),
    ):
        source.scrape(at_s, "errors_total", {"version": version} | ROUTER, 1)
        source.scrape(at_s, "requests_total", {"version": version} | ROUTER, value)
    windows = [Window(index=index, start_s=15 * index, end_s=15 * index + 15) for index in range(4)]
    found = [reading["check"] for reading in source.read([CHECK], windows, {}).readings]
    counted = [trials(reading) for reading in found if not isinstance(reading, Missing)]
    assert isinstance(found[0], Missing)
    assert [(one.total, other.total) for one, other in counted] == [(10, 0), (0, 40), (10, 0)]


def test_a_latency_before_and_after_has_empty_buckets_for_the_idle_variant(source: FakeSource) -> None:
    for bound, count in (("0.1", 5), ("0.5", 8), ("+Inf", 10)):
        put(source, "seconds_bucket", "v1", 0, count, le=bound)
    (reading,) = read(source, LATENCY)
    assert isinstance(reading, HistogramReading)
    assert reading.control.counts == (5, 3, 2)
    assert reading.treatment.counts == (0, 0, 0)
    assert reading.treatment.bounds_s == reading.control.bounds_s


def test_when_both_are_silent_after_a_switch_the_treatments_reason_counts(source: FakeSource) -> None:
    put_errors(source, "v1", 0, 0)
    for settled in (read(source, CHECK), read(FakeSource(FakeOptions()), CHECK)):
        assert isinstance(settled[0], Missing)
        assert (settled[0].reason, settled[0].arm) == (MissingReason.NO_SERIES, Arm.TREATMENT)


def test_an_idle_pair_with_series_is_no_traffic(source: FakeSource) -> None:
    put_errors(source, "v1", 0, 0)
    put_errors(source, "v2", 0, 0)
    (reading,) = read(source, CHECK)
    assert isinstance(reading, Missing)
    assert reading.reason is MissingReason.NO_TRAFFIC


def test_a_comparison_within_the_window_still_needs_both(source: FakeSource) -> None:
    put_errors(source, "v1", 3, 40)
    (reading,) = read(source, ERRORS)
    assert isinstance(reading, Missing)
    assert (reading.reason, reading.arm) == (MissingReason.NO_SERIES, Arm.TREATMENT)


def test_series_of_another_treatment_are_not_foreign(source: FakeSource) -> None:
    for version, errors in (("v1", 1), ("v2", 2), ("v3", 3)):
        put_errors(source, version, errors, 50)
    first, second = (trials(reading) for reading in read(source, ERRORS, OF_V3))
    assert first == (Trials(bad=1, total=50), Trials(bad=2, total=50))
    assert second == (Trials(bad=1, total=50), Trials(bad=3, total=50))


def test_series_of_no_variant_stay_foreign_among_several_treatments(source: FakeSource) -> None:
    for version in ("v1", "v2", "v3", "v4"):
        put_errors(source, version, 1, 50)
    for reading in (*read(source, ERRORS, OF_V3), *read(source, ERRORS)):
        assert isinstance(reading, Missing)
        assert reading.reason is MissingReason.FOREIGN_SERIES
