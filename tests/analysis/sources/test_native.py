"""Native histograms: one resolution for all, resets told from merges, and what is refused."""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.sources.moments import native_moments
from analysis.sources.native import BOUNDS_S, bucket_counts, nearest_bounds_s, parse_native
from engine.core.measure import HistogramReading, Missing, MissingReason, Moments, MomentsReading, Reading
from engine.core.model import Arm, MetricKind, Selector
from engine.core.plan import Stage
from engine.fields import format_duration, parse_duration
from tests.analysis.sources.native_histograms import Client
from tests.analysis.sources.shop import Shop, missing
from tests.builders import a_metric

LATENCY = a_metric(
    kind=MetricKind.DISTRIBUTION, bad=None, total=None, histogram=Selector(name="seconds"), slo_s=0.5
)
MEAN = a_metric(kind=MetricKind.MEAN, bad=None, total=None, histogram=Selector(name="seconds"))
ENDS_S = [2 ** (k / 4) for k in range(-44, 25)]

durations = st.floats(1e-6, 1000)


@pytest.fixture
def shop() -> Shop:
    return Shop()


def shown(*values: float, schema: int = 3) -> dict[str, Any]:
    return Client(schema).observe(*values).shown()


def counted(*values: float) -> tuple[int, ...]:
    counts = [0] * (len(BOUNDS_S) + 1)
    for value in values:
        counts[bisect_left(ENDS_S, value)] += 1
    return tuple(counts)


def counts_of(reading: Reading) -> tuple[tuple[int, ...], tuple[int, ...]]:
    assert isinstance(reading, HistogramReading), reading
    assert reading.control.bounds_s == reading.treatment.bounds_s == BOUNDS_S
    return reading.control.counts, reading.treatment.counts


@settings(max_examples=100, deadline=None)
@given(values=st.lists(durations), schema=st.integers(2, 8))
def test_every_observation_is_in_its_bucket_whatever_the_resolution(values: list[float], schema: int) -> None:
    cells = parse_native(shown(*values, schema=schema), "seconds")
    assert not isinstance(cells, Missing)
    assert bucket_counts(cells) == counted(*values)


def test_every_bound_can_be_typed_as_an_slo() -> None:
    assert all(parse_duration(format_duration(bound_s)) == bound_s for bound_s in BOUNDS_S)
    assert {0.125, 0.25, 0.5, 1.0, 2.0, 64.0} < set(BOUNDS_S)
    assert all(abs(bound_s / end_s - 1) < 0.0005 for bound_s, end_s in zip(BOUNDS_S, ENDS_S, strict=True))


def test_only_what_happened_in_the_window_counts(shop: Shop) -> None:
    shop.put_histogram("v1", {-5: shown(0.1, 9), 10: shown(0.1, 9, 0.2, 70), 25: shown(0.1, 9, 0.2, 70, 0.3)})
    shop.put_histogram("v2", {-5: shown(0.1), 10: shown(0.1, 0.0, 0.45), 25: shown(0.1, 0.0, 0.45, 3)})
    first, second = shop.read(LATENCY, 1)
    assert counts_of(first) == (counted(0.2, 70), counted(0, 0.45))
    assert counts_of(second) == (counted(0.3), counted(3))
    assert [query.outcome for query in shop.queries] == [
        "2 series, 6 samples, control 3, treatment 3 in the last 30 s"
    ]


def test_an_empty_histogram_is_a_baseline(shop: Shop) -> None:
    for version in ("v1", "v2"):
        shop.put_histogram(version, {-5: shown(), 10: shown(0.1)})
    assert counts_of(shop.read_one(LATENCY)) == (counted(0.1), counted(0.1))


def test_a_change_of_resolution_loses_and_invents_nothing(shop: Shop) -> None:
    schemas = {-5: 8, 10: 3, 25: 2, 40: 5}
    for version in ("v1", "v2"):
        client, histograms = Client(), {}
        for at_s, schema in schemas.items():
            client.schema = schema
            histograms[at_s] = client.observe(at_s / 100 + 0.1, 0.3).shown()
        shop.put_histogram(version, histograms)
    readings = shop.read(LATENCY, 2)
    assert [counts_of(reading)[0] for reading in readings] == [
        counted(at_s / 100 + 0.1, 0.3) for at_s in (10, 25, 40)
    ]


def test_a_restarted_client_counts_from_zero(shop: Shop) -> None:
    for version in ("v1", "v2"):
        shop.put_histogram(version, {-5: shown(0.1, 0.2, 0.3), 10: shown(0.1, 5), 12: shown(0.1, 5, 6)})
    assert counts_of(shop.read_one(LATENCY))[0] == counted(0.1, 5, 6)


def test_what_was_counted_before_a_restart_in_the_window_is_kept(shop: Shop) -> None:
    for version in ("v1", "v2"):
        shop.put_histogram(version, {-5: shown(0.1), 5: shown(0.1, 7, 7), 12: shown(0.3)})
    assert counts_of(shop.read_one(LATENCY))[0] == counted(7, 7, 0.3)


def test_a_bucket_that_fell_alone_spoils_its_window_and_no_other(shop: Shop) -> None:
    shop.put_histogram("v1", {-5: shown(1, 2), 10: shown(1, 4, 8), 25: shown(1, 4, 8, 0.2)})
    shop.put_histogram("v2", {-5: shown(1), 10: shown(1, 2), 25: shown(1, 2, 4)})
    spoilt, good = shop.read(LATENCY, 1)
    assert missing(spoilt) == (MissingReason.RESET, Arm.CONTROL)
    assert counts_of(good)[0] == counted(0.2)


@pytest.mark.parametrize("schema", [1, 0, -1])
def test_a_coarse_histogram_is_refused_with_what_would_be_right(shop: Shop, schema: int) -> None:
    for version in ("v1", "v2"):
        shop.put_histogram(version, {-5: shown(schema=schema), 10: shown(0.3, schema=schema)})
    reading = shop.read_one(LATENCY)
    assert isinstance(reading, Missing)
    assert reading.reason is MissingReason.BAD_QUERY
    assert "schema 2 or finer" in reading.detail


def test_an_slo_between_two_bounds_is_told_the_two_nearest(shop: Shop) -> None:
    shop.put_histogram("v1", {-5: shown(), 10: shown(0.3)})
    reading = shop.read_one(replace(LATENCY, slo_s=0.3))
    assert isinstance(reading, Missing)
    assert reading.reason is MissingReason.BAD_QUERY
    assert reading.detail == "no bucket ends at slo 300ms; use one of 250ms, 297.3ms"


@pytest.mark.parametrize("slo_s", [0.2973, 0.25, 0.0004883, 64.0])
def test_an_slo_at_a_bound_is_exact(shop: Shop, slo_s: float) -> None:
    for version in ("v1", "v2"):
        shop.put_histogram(version, {-5: shown(), 10: shown(slo_s * 0.99, slo_s * 1.01, slo_s * 1.2)})
    reading = shop.read_one(replace(LATENCY, slo_s=slo_s))
    assert isinstance(reading, HistogramReading), reading
    assert reading.control.above(slo_s) == 2


def test_the_nearest_bounds_of_an_slo_beyond_all_are_the_last_ones() -> None:
    assert nearest_bounds_s(100) == BOUNDS_S[-2:]


def test_a_plain_counter_is_no_native_histogram(shop: Shop) -> None:
    shop.put_both("seconds", {-5: 1, 10: 2})
    reading = shop.read_one(LATENCY)
    assert isinstance(reading, Missing)
    assert (reading.reason, "`_bucket`" in reading.detail) == (MissingReason.BAD_QUERY, True)


def test_a_native_histogram_is_no_plain_counter(shop: Shop) -> None:
    for version in ("v1", "v2"):
        shop.put_histogram(version, {-5: shown(), 10: shown(0.3)})
    wrong = a_metric(bad=Selector(name="seconds"), total=Selector(name="seconds"))
    reading = shop.read_one(wrong)
    assert isinstance(reading, Missing)
    assert (reading.reason, "`histogram`" in reading.detail) == (MissingReason.BAD_QUERY, True)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"sum": "NaN"}, MissingReason.NOT_A_NUMBER),
        ({"count": "1.5"}, MissingReason.NOT_A_NUMBER),
        ({"count": "-1"}, MissingReason.NOT_A_NUMBER),
        ({"buckets": [[0, "0.5", "0.55", "NaN"]]}, MissingReason.NOT_A_NUMBER),
        ({"buckets": [[0, "64", "+Inf", "1"]]}, MissingReason.BAD_QUERY),
        ({"buckets": [[3, "-0.1", "0.1", "1"]]}, MissingReason.BAD_QUERY),
    ],
)
def test_odd_histograms_are_missing(change: Mapping[str, Any], reason: MissingReason) -> None:
    found = parse_native(shown(0.3) | change, "seconds")
    assert isinstance(found, Missing)
    assert found.reason is reason


def test_an_arm_that_observed_nothing_is_no_traffic(shop: Shop) -> None:
    shop.put_histogram("v1", {-5: shown(0.1), 10: shown(0.1, 0.2)})
    shop.put_histogram("v2", {-5: shown(0.1), 10: shown(0.1)})
    for metric in (LATENCY, MEAN):
        shop.cursor = {}
        assert missing(shop.read_one(metric)) == (MissingReason.NO_TRAFFIC, Arm.TREATMENT)


def test_before_and_after_a_switch_an_arm_without_series_has_empty_buckets(shop: Shop) -> None:
    shop.put_histogram("v2", {-5: shown(0.1), 10: shown(0.1, 0.2)})
    reading = shop.read_one(replace(LATENCY, stage=Stage.SETTLE))
    assert counts_of(reading) == (counted(), counted(0.2))


def test_a_mean_has_the_histograms_own_count_and_sum(shop: Shop) -> None:
    shop.put_histogram("v1", {-5: shown(1), 10: shown(1, 0.3, 1e6)})
    shop.put_histogram("v2", {-5: shown(), 10: shown(0.0, 0.0)})
    reading = shop.read_one(MEAN)
    assert isinstance(reading, MomentsReading)
    assert (reading.control.count, reading.control.sum) == (2, pytest.approx(1e6 + 0.3))
    assert reading.treatment == Moments(count=2, sum=0.0, sum_sq=0.0)


@settings(max_examples=100, deadline=None)
@given(values=st.lists(st.floats(0.01, 100), min_size=1, max_size=50))
def test_no_spread_contradicts_its_sum(values: list[float]) -> None:
    cells = parse_native(shown(*values), "seconds")
    assert not isinstance(cells, Missing)
    moments = native_moments(cells)
    assert moments.sum_sq is not None
    assert moments.sum_sq > moments.sum**2 / moments.count


@pytest.mark.parametrize("spread", [0.3, 1.0])
def test_the_spread_of_a_latency_is_met(spread: float) -> None:
    values = np.random.default_rng(1).lognormal(-1, spread, 20_000)
    cells = parse_native(shown(*values.tolist(), schema=8), "seconds")
    assert not isinstance(cells, Missing)
    moments = native_moments(cells)
    assert moments.sum_sq is not None
    variance = moments.sum_sq / moments.count - (moments.sum / moments.count) ** 2
    assert variance == pytest.approx(values.var(), rel=0.05)


@settings(max_examples=30, deadline=None)
@given(
    scrapes=st.lists(
        st.tuples(st.lists(durations, min_size=1, max_size=4), st.integers(2, 6), st.booleans()),
        min_size=2,
        max_size=8,
    ),
    cut=st.integers(0, 6),
)
def test_restarts_of_client_and_engine_change_nothing(
    scrapes: list[tuple[list[float], int, bool]], cut: int
) -> None:
    shop, again, client = Shop(), Shop(), Client()
    expected = []
    for number, (values, schema, restarts) in enumerate(scrapes):
        if restarts and len(values) < len(client.values):
            client = Client()
        client.schema = schema
        client.observe(*values)
        expected.append(counted(*values))
        for version in ("v1", "v2"):
            for each in (shop, again):
                each.put_histogram(version, {15 * number - 5: client.shown()})
    last = len(scrapes) - 2
    whole = shop.read(LATENCY, last)
    assert [counts_of(reading)[0] for reading in whole] == expected[1:]
    middle = min(cut, last)
    pieces = again.read(LATENCY, middle) + (again.read(LATENCY, last, middle + 1) if middle < last else [])
    assert (pieces, again.cursor) == (whole, shop.cursor)
