"""Events, means and ratios: which counters they need, and what is no measurement of them."""

import json
from dataclasses import replace

import numpy as np
import pytest

from analysis.sources.measured import Part, measure
from engine.codec import from_json, to_plain
from engine.core.measure import (
    EventsReading,
    Histogram,
    HistogramReading,
    Missing,
    MissingReason,
    Moments,
    MomentsReading,
    Observation,
    Quotient,
    QuotientReading,
    Reading,
    Trials,
    TrialsReading,
    Window,
)
from engine.core.model import Arm, MetricKind, Selector
from engine.core.plan import Stage
from tests.analysis.sources.shop import Shop, missing
from tests.builders import a_metric

CRASHES = a_metric(kind=MetricKind.COUNT, bad=Selector(name="crashes_total"), total=None)
MEAN = a_metric(kind=MetricKind.MEAN, bad=Selector(name="seconds_sum"), total=Selector(name="seconds_count"))
SPREAD = replace(MEAN, squares=Selector(name="seconds_squares"))
BY_BUCKETS = a_metric(kind=MetricKind.MEAN, bad=None, total=None, buckets=Selector(name="seconds_bucket"))
RATIO = a_metric(kind=MetricKind.RATIO, bad=Selector(name="cost_sum"), total=Selector(name="bytes_sum"))


@pytest.fixture
def shop() -> Shop:
    return Shop()


def test_events_are_counted_per_arm(shop: Shop) -> None:
    shop.put("crashes_total", "v1", {-5: 3, 10: 5})
    shop.put("crashes_total", "v2", {-5: 7, 10: 7})
    assert shop.read_one(CRASHES) == EventsReading(control=2, treatment=0)


def test_a_window_without_any_event_is_a_measurement(shop: Shop) -> None:
    shop.put_both("crashes_total", {-5: 3, 10: 3})
    assert shop.read_one(CRASHES) == EventsReading(control=0, treatment=0)


@pytest.mark.parametrize("there", ["v1", "v2"])
def test_an_arm_without_a_series_of_events_is_not_zero(shop: Shop, there: str) -> None:
    shop.put("crashes_total", there, {-5: 3, 10: 5})
    arm = Arm.TREATMENT if there == "v1" else Arm.CONTROL
    assert missing(shop.read_one(CRASHES)) == (MissingReason.NO_SERIES, arm)


def test_half_an_event_is_not_a_number(shop: Shop) -> None:
    shop.put_both("crashes_total", {-5: 3, 10: 3.5})
    assert missing(shop.read_one(CRASHES)) == (MissingReason.NOT_A_NUMBER, Arm.CONTROL)


def put_values(shop: Shop, version: str, count: float, total: float, squares: float | None = None) -> None:
    shop.put("seconds_count", version, {-5: 10, 10: 10 + count})
    shop.put("seconds_sum", version, {-5: 0.5, 10: 0.5 + total})
    if squares is not None:
        shop.put("seconds_squares", version, {-5: 0.25, 10: 0.25 + squares})


def test_a_mean_has_a_fractional_sum_and_a_whole_count(shop: Shop) -> None:
    put_values(shop, "v1", 4, 1.5)
    put_values(shop, "v2", 2, 0.25)
    reading = shop.read_one(MEAN)
    assert reading == MomentsReading(control=Moments(count=4, sum=1.5), treatment=Moments(count=2, sum=0.25))
    assert isinstance(reading, MomentsReading)
    assert isinstance(reading.control.count, int)


def test_squares_come_with_their_sum(shop: Shop) -> None:
    put_values(shop, "v1", 4, 1.5, 0.75)
    put_values(shop, "v2", 2, 0.25, 0.0625)
    assert shop.read_one(SPREAD) == MomentsReading(
        control=Moments(count=4, sum=1.5, sum_sq=0.75), treatment=Moments(count=2, sum=0.25, sum_sq=0.0625)
    )


def test_a_mean_whose_squares_are_gone_has_no_spread_and_is_missing(shop: Shop) -> None:
    put_values(shop, "v1", 4, 1.5, 0.75)
    put_values(shop, "v2", 2, 0.25)
    assert missing(shop.read_one(SPREAD)) == (MissingReason.NO_SERIES, Arm.TREATMENT)


def test_squares_that_no_values_can_have_are_not_clamped(shop: Shop) -> None:
    put_values(shop, "v1", 4, 2.0, 0.5)
    put_values(shop, "v2", 2, 0.25, 0.0625)
    assert missing(shop.read_one(SPREAD)) == (MissingReason.RESET, Arm.CONTROL)


def test_rounding_in_an_old_counter_is_no_contradiction() -> None:
    equal = {Part.TOTAL: 3, Part.BAD: 3 * 0.1, Part.SQUARES: 3 * 0.01 * (1 - 1e-6)}
    assert isinstance(measure(SPREAD, equal, equal, ()), MomentsReading)


def test_a_mean_of_no_values_is_no_traffic(shop: Shop) -> None:
    put_values(shop, "v1", 4, 1.5)
    put_values(shop, "v2", 0, 0)
    assert missing(shop.read_one(MEAN)) == (MissingReason.NO_TRAFFIC, Arm.TREATMENT)


def test_a_restart_between_scrapes_resets_a_fractional_sum(shop: Shop) -> None:
    for version in ("v1", "v2"):
        shop.put("seconds_count", version, {-5: 10, 10: 4})
        shop.put("seconds_sum", version, {-5: 7.5, 10: 0.625})
    reading = shop.read_one(MEAN)
    assert isinstance(reading, MomentsReading)
    assert reading.control == Moments(count=4, sum=0.625)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.5])
def test_a_sum_that_is_no_counter_is_not_a_number(shop: Shop, value: float) -> None:
    put_values(shop, "v1", 4, 1.5)
    shop.put("seconds_count", "v2", {-5: 10, 10: 12})
    shop.put("seconds_sum", "v2", {-5: 0.5, 10: value})
    assert missing(shop.read_one(MEAN)) == (MissingReason.NOT_A_NUMBER, Arm.TREATMENT)


def test_a_mean_before_and_after_a_switch_may_have_an_idle_arm(shop: Shop) -> None:
    put_values(shop, "v2", 2, 0.25, 0.0625)
    reading = shop.read_one(replace(SPREAD, stage=Stage.SETTLE))
    assert isinstance(reading, MomentsReading)
    assert reading.control == Moments(count=0, sum=0.0, sum_sq=0.0)


def test_a_mean_of_classic_buckets_is_by_midpoints(shop: Shop) -> None:
    for bound, count in (("0.1", 4), ("0.5", 6), ("+Inf", 7)):
        for version in ("v1", "v2"):
            shop.put("seconds_bucket", version, {-5: 0, 10: count}, le=bound)
    reading = shop.read_one(BY_BUCKETS)
    assert isinstance(reading, MomentsReading)
    assert reading.control.count == 7
    values = np.array([0.05] * 4 + [0.3] * 2 + [0.5 * 1.25])
    assert reading.control.sum == pytest.approx(values.sum())
    assert reading.control.sum_sq == pytest.approx((values**2).sum())


def test_values_in_one_bucket_have_the_spread_of_the_bucket() -> None:
    cumulative = {"0.2": 0, "0.8": 10, "inf": 10}
    reading = measure(BY_BUCKETS, cumulative, cumulative, ())
    assert isinstance(reading, MomentsReading)
    moments = reading.control
    assert (moments.count, moments.sum) == (10, pytest.approx(5.0))
    assert moments.sum_sq == pytest.approx(10 * (0.5**2 + 0.6**2 / 12))


def test_a_ratio_is_over_what_is_no_trial(shop: Shop) -> None:
    for version in ("v1", "v2"):
        shop.put("cost_sum", version, {-5: 0.5, 10: 0.75})
        shop.put("bytes_sum", version, {-5: 100, 10: 100.5})
    quotient = Quotient(numerator=0.25, denominator=0.5)
    assert shop.read_one(RATIO) == QuotientReading(control=quotient, treatment=quotient)


def test_a_ratio_over_nothing_is_no_traffic(shop: Shop) -> None:
    shop.put_both("cost_sum", {-5: 0.5, 10: 0.75})
    shop.put("bytes_sum", "v1", {-5: 100, 10: 101})
    shop.put("bytes_sum", "v2", {-5: 100, 10: 100})
    assert missing(shop.read_one(RATIO)) == (MissingReason.NO_TRAFFIC, Arm.TREATMENT)


def test_the_log_of_a_ratio_shows_fractions(shop: Shop) -> None:
    for version in ("v1", "v2"):
        shop.put("cost_sum", version, {-5: 0.5, 10: 0.75})
        shop.put("bytes_sum", version, {-5: 100, 10: 2100})
    shop.read_one(RATIO)
    outcomes = [query.outcome for query in shop.queries]
    assert outcomes == [
        "2 series, 4 samples, control 0.25, treatment 0.25 in the last 15 s",
        "2 series, 4 samples, control 2,000, treatment 2,000 in the last 15 s",
    ]


def test_a_counter_that_two_kinds_read_is_checked_for_each(shop: Shop) -> None:
    shop.put_both("cost_sum", {-5: 0.5, 10: 0.75})
    shop.put_both("bytes_sum", {-5: 100, 10: 100.5})
    trials = a_metric(name="trials", bad=None, total=Selector(name="bytes_sum"), kind=MetricKind.ASSIGNMENT)
    ratio, whole = shop.read_both(RATIO, trials)
    assert isinstance(ratio, QuotientReading)
    assert isinstance(whole, Missing)
    assert whole.reason is MissingReason.NOT_A_NUMBER


@pytest.mark.parametrize(
    "reading",
    [
        EventsReading(control=1, treatment=0, pods=(3, 1)),
        MomentsReading(control=Moments(count=2, sum=3.0), treatment=Moments(count=2, sum=3.0, sum_sq=5.5)),
        QuotientReading(
            control=Quotient(numerator=0.0, denominator=1.0),
            treatment=Quotient(numerator=2.0, denominator=1.0),
        ),
        TrialsReading(control=Trials(bad=0, total=1), treatment=Trials(bad=1, total=1), pods=(1, 2)),
        HistogramReading(
            control=Histogram(bounds_s=(0.1,), counts=(1, 0)),
            treatment=Histogram(bounds_s=(0.1,), counts=(0, 2)),
        ),
    ],
    ids=lambda reading: type(reading).__name__,
)
def test_every_reading_survives_the_log(reading: Reading) -> None:
    window = Window(index=0, start_s=0.0, end_s=15.0)
    observation = Observation(window=window, readings={"errors": reading})
    stored = json.dumps(to_plain(Observation, observation))
    assert from_json(Observation, stored) == observation
