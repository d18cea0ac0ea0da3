"""What one window's samples mean: counts, or the one reason why there are none."""

from dataclasses import replace

import pytest

from engine.core.measure import Histogram, HistogramReading, Missing, MissingReason, Trials
from engine.core.model import Arm, Matcher, MetricKind, Selector
from engine.testing.sources import trials
from tests.analysis.sources.shop import Shop, missing
from tests.builders import a_metric

ERRORS = a_metric()
SUBSET = replace(
    ERRORS, bad=Selector(name="requests_total", matchers=(Matcher(label="code", op="=", value="500"),))
)
LATENCY = a_metric(
    kind=MetricKind.DISTRIBUTION, bad=None, total=None, buckets=Selector(name="seconds_bucket"), slo_s=0.5
)


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.mark.parametrize("gone", ["v1", "v2"])
def test_missing_series_is_not_zero(shop: Shop, gone: str) -> None:
    there = {"v1": "v2", "v2": "v1"}[gone]
    for name in ("requests_total", "errors_total"):
        shop.put(name, there, {-5: 10, 10: 20})
    arm = Arm.CONTROL if gone == "v1" else Arm.TREATMENT
    assert missing(shop.read_one(ERRORS)) == (MissingReason.NO_SERIES, arm)


def test_no_error_counter_under_another_name_is_missing(shop: Shop) -> None:
    shop.put_both("requests_total", {-5: 10, 10: 20})
    reading = shop.read_one(ERRORS)
    assert missing(reading) == (MissingReason.NO_SERIES, Arm.CONTROL)
    assert isinstance(reading, Missing)
    assert 'errors_total with version="v1" (control)' in reading.detail


def test_no_error_series_of_the_same_counter_is_no_error(shop: Shop) -> None:
    shop.put_both("requests_total", {-5: 10, 10: 20}, code="200")
    assert trials(shop.read_one(SUBSET)) == (Trials(bad=0, total=10), Trials(bad=0, total=10))


def test_series_are_summed_after_differencing(shop: Shop) -> None:
    shop.put_both("requests_total", {-5: 100, 10: 7}, code="200")
    shop.put_both("requests_total", {-5: 1, 10: 4}, code="500")
    assert trials(shop.read_one(SUBSET)) == (Trials(bad=3, total=10), Trials(bad=3, total=10))


def test_a_series_of_neither_variant_is_foreign(shop: Shop) -> None:
    for version in ("v1", "v2", "v3"):
        for name in ("requests_total", "errors_total"):
            shop.put(name, version, {-5: 10, 10: 20})
    reading = shop.read_one(ERRORS)
    assert missing(reading) == (MissingReason.FOREIGN_SERIES, None)
    assert isinstance(reading, Missing)
    assert 'version="v3"' in reading.detail


def test_a_dead_series_of_neither_variant_is_harmless(shop: Shop) -> None:
    for name in ("requests_total", "errors_total"):
        shop.put_both(name, {-5: 10, 10: 20})
        shop.put(name, "v0", {-200: 10, -185: 20})
    assert trials(shop.read_one(ERRORS))[0] == Trials(bad=10, total=10)


def test_a_series_of_both_variants_is_ambiguous(shop: Shop) -> None:
    for name in ("requests_total", "errors_total"):
        shop.put(name, "v1", {-5: 10, 10: 20})
    both = replace(ERRORS, arm_labels={Arm.CONTROL: {"version": "v1"}, Arm.TREATMENT: {"job": "app"}})
    assert missing(shop.read_one(both)) == (MissingReason.AMBIGUOUS_SERIES, None)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0, 20.5])
def test_a_value_that_is_no_count_is_not_a_number(shop: Shop, value: float) -> None:
    for name in ("requests_total", "errors_total"):
        shop.put(name, "v1", {-5: 10, 10: 20, 25: 30})
    shop.put("errors_total", "v2", {-5: 10, 10: 20, 25: 30})
    shop.put("requests_total", "v2", {-5: 10, 10: value, 25: 33})
    bad, good = shop.read(ERRORS, 1)
    assert missing(bad) == (MissingReason.NOT_A_NUMBER, Arm.TREATMENT)
    assert trials(good) == (Trials(bad=20, total=20), Trials(bad=20, total=23))


@pytest.mark.parametrize(("control", "treatment", "arm"), [(5, 0, Arm.TREATMENT), (0, 0, None)])
def test_no_trials_are_no_traffic(shop: Shop, control: int, treatment: int, arm: Arm | None) -> None:
    shop.put_both("errors_total", {-5: 0, 10: 0})
    shop.put("requests_total", "v1", {-5: 10, 10: 10 + control})
    shop.put("requests_total", "v2", {-5: 10, 10: 10 + treatment})
    assert missing(shop.read_one(ERRORS)) == (MissingReason.NO_TRAFFIC, arm)


def test_an_arm_that_is_no_longer_scraped_is_stale(shop: Shop) -> None:
    for name in ("requests_total", "errors_total"):
        shop.put(name, "v1", {at_s: at_s + 100 for at_s in range(-5, 100, 15)})
        shop.put(name, "v2", {-5: 10})
    reading = shop.read(ERRORS, 5)[5]
    assert missing(reading) == (MissingReason.STALE, Arm.TREATMENT)
    assert isinstance(reading, Missing)
    assert "last sample 95 s old" in reading.detail


def test_counts_over_different_times_are_not_compared(shop: Shop) -> None:
    for name in ("requests_total", "errors_total"):
        shop.put(name, "v1", {at_s: at_s + 100 for at_s in range(-5, 130, 15)})
        shop.put(name, "v2", {at_s: at_s + 100 for at_s in (-5, 100, 115)})
    readings = shop.read(ERRORS, 7)
    assert missing(readings[6]) == (MissingReason.STALE, None)
    assert trials(readings[7]) == (Trials(bad=15, total=15), Trials(bad=15, total=15))


def test_arms_that_are_scraped_in_turns_are_compared_over_the_same_time(shop: Shop) -> None:
    for name in ("requests_total", "errors_total"):
        shop.put(name, "v1", {at_s: at_s + 100 for at_s in range(-20, 131, 30)})
        shop.put(name, "v2", {at_s: at_s + 100 for at_s in range(-5, 131, 30)})
    readings = shop.read(ERRORS, 7)
    assert [isinstance(reading, Missing) for reading in readings] == [True, False] * 4
    assert [trials(reading)[0].total for reading in readings[1::2]] == [30] * 4
    assert [trials(reading)[1].total for reading in readings[1::2]] == [30] * 4


def test_counts_do_not_wait_for_the_other_arm_for_ever(shop: Shop) -> None:
    for name in ("requests_total", "errors_total"):
        shop.put(name, "v1", {at_s: at_s + 100 for at_s in range(-5, 130, 15)})
        shop.put(name, "v2", {at_s: float("nan") for at_s in range(10, 90, 15)})
        shop.put(name, "v2", {-5: 95, 100: 200, 115: 215})
    readings = shop.read(ERRORS, 7)
    assert [missing(reading)[0] for reading in readings[:6]] == [MissingReason.NOT_A_NUMBER] * 6
    assert missing(readings[6]) == (MissingReason.STALE, None)
    assert trials(readings[7]) == (Trials(bad=15, total=15), Trials(bad=15, total=15))


def test_more_bad_trials_than_trials_is_not_clamped(shop: Shop) -> None:
    shop.put_both("requests_total", {-5: 10, 10: 12})
    shop.put_both("errors_total", {-5: 0, 10: 3})
    assert missing(shop.read_one(ERRORS)) == (MissingReason.RESET, Arm.CONTROL)


def buckets(shop: Shop, version: str, before: tuple[int, ...], after: tuple[int, ...], *bounds: str) -> None:
    for bound, old, new in zip(bounds or ("0.1", "0.5", "+Inf"), before, after, strict=True):
        shop.put("seconds_bucket", version, {-5: old, 10: new}, le=bound)


def test_buckets_are_differenced_summed_and_made_separate(shop: Shop) -> None:
    buckets(shop, "v1", (1, 2, 3), (11, 22, 33))
    buckets(shop, "v2", (0, 0, 0), (1, 1, 2))
    assert shop.read_one(LATENCY) == HistogramReading(
        control=Histogram(bounds_s=(0.1, 0.5), counts=(10, 10, 10)),
        treatment=Histogram(bounds_s=(0.1, 0.5), counts=(1, 0, 1)),
    )


def test_a_restart_resets_all_buckets_of_a_histogram(shop: Shop) -> None:
    buckets(shop, "v1", (2, 90, 100), (5, 7, 9))
    buckets(shop, "v2", (0, 0, 0), (1, 1, 2))
    reading = shop.read_one(LATENCY)
    assert isinstance(reading, HistogramReading)
    assert reading.control == Histogram(bounds_s=(0.1, 0.5), counts=(5, 2, 2))


def test_buckets_that_contradict_each_other_are_not_clamped(shop: Shop) -> None:
    buckets(shop, "v1", (1, 2, 3), (11, 22, 33))
    buckets(shop, "v2", (0, 0, 0), (3, 1, 4))
    assert missing(shop.read_one(LATENCY)) == (MissingReason.RESET, Arm.TREATMENT)


@pytest.mark.parametrize(
    ("bounds", "said"),
    [
        (("0.1", "1.0", "+Inf"), "different buckets"),
        (("0.1", "0.5", "1.0"), "different buckets"),
    ],
)
def test_different_buckets_cannot_be_compared(shop: Shop, bounds: tuple[str, ...], said: str) -> None:
    buckets(shop, "v1", (1, 2, 3), (11, 22, 33))
    buckets(shop, "v2", (1, 2, 3), (11, 22, 33), *bounds)
    reading = shop.read_one(LATENCY)
    assert isinstance(reading, Missing)
    assert (reading.reason, said in reading.detail) == (MissingReason.BAD_QUERY, True)


def test_an_slo_between_two_bounds_is_named_with_the_bounds(shop: Shop) -> None:
    for version in ("v1", "v2"):
        buckets(shop, version, (1, 2, 3), (11, 22, 33))
    reading = shop.read_one(replace(LATENCY, slo_s=0.3))
    assert isinstance(reading, Missing)
    assert "no bucket ends at slo 300ms; use one of 100ms, 500ms" in reading.detail


def test_an_slo_between_two_bounds_is_named_before_the_treatment_has_series(shop: Shop) -> None:
    buckets(shop, "v1", (1, 2, 3), (11, 22, 33))
    reading = shop.read_one(replace(LATENCY, slo_s=0.3))
    assert isinstance(reading, Missing)
    assert reading.reason is MissingReason.BAD_QUERY


def test_a_histogram_without_its_last_bucket_is_refused(shop: Shop) -> None:
    for version in ("v1", "v2"):
        buckets(shop, version, (1, 2), (11, 22), "0.1", "0.5")
    reading = shop.read_one(LATENCY)
    assert isinstance(reading, Missing)
    assert "no +Inf bucket" in reading.detail


def test_a_changed_bucket_layout_starts_anew(shop: Shop) -> None:
    shop.put_both("seconds_bucket", {-5: 1}, le="0.1")
    shop.put_both("seconds_bucket", {-5: 2, 10: 5, 25: 6}, le="0.5")
    shop.put_both("seconds_bucket", {-5: 3, 10: 9, 25: 11}, le="+Inf")
    changed, settled = shop.read(LATENCY, 1)
    assert missing(changed) == (MissingReason.BAD_QUERY, Arm.CONTROL)
    assert settled == HistogramReading(
        control=Histogram(bounds_s=(0.5,), counts=(1, 1)), treatment=Histogram(bounds_s=(0.5,), counts=(1, 1))
    )
