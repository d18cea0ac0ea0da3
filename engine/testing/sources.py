# ruff: noqa: S101, D102 (a suite asserts, and the names of its tests are sentences)
"""What every metric source must do. Subclass the suite and provide the fixtures `source` and `broken`.

A source that asks `analysis.sources.windows.read_windows` to count has most of this from there.
"""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import pytest

from engine.core.measure import (
    EventsReading,
    Histogram,
    HistogramReading,
    Missing,
    MissingReason,
    Moments,
    MomentsReading,
    Quotient,
    QuotientReading,
    Reading,
    Trials,
    TrialsReading,
    Window,
)
from engine.core.model import Arm, Bound, Matcher, Metric, MetricKind, Role, Selector, Unit
from engine.ports import Batch, Json, MetricSource

NOW_S = 1_700_000_000.0
"""When the first window begins."""
INTERVAL_S = 15
SCRAPES = range(-8, 40)
ROUTER = {"job": "router", "instance": "router:1"}
ODD = 'a "quoted" \\ path\nof two lines'
LABELS = {Arm.CONTROL: {"service": "v1", "path": ODD}, Arm.TREATMENT: {"service": "v2", "path": ODD}}


class Scrape(NamedTuple):
    """One sample of one series."""

    at_s: float
    name: str
    labels: dict[str, str]
    value: float


ODD_PATH = Matcher(label="path", op="=", value=ODD)
REQUESTS = Selector(name="requests_total", matchers=(ODD_PATH,))
ERRORS = Metric(
    name="errors",
    kind=MetricKind.PROPORTION,
    role=Role.GUARDRAIL,
    unit=Unit.REQUEST,
    arm_labels=LABELS,
    tolerance=Bound(relative=0.05),
    margin=Bound(relative=0.5, absolute=0.001),
    weight=1.0,
    bad=Selector(name="requests_total", matchers=(Matcher(label="code", op="=~", value="5.."), ODD_PATH)),
    total=REQUESTS,
)
LATENCY = replace(
    ERRORS,
    name="latency",
    kind=MetricKind.DISTRIBUTION,
    bad=None,
    total=None,
    buckets=Selector(name="seconds_bucket"),
    slo_s=0.5,
)
VISITORS = replace(ERRORS, name="visitors", kind=MetricKind.ASSIGNMENT, bad=None)
EVENTS = replace(ERRORS, name="events", kind=MetricKind.COUNT, bad=REQUESTS, total=None)
SIZE = replace(
    ERRORS,
    name="size",
    kind=MetricKind.MEAN,
    bad=Selector(name="size_sum"),
    squares=Selector(name="size_squares"),
)
PER_REQUEST = replace(ERRORS, name="per_request", kind=MetricKind.RATIO, bad=Selector(name="size_sum"))
METRICS = (ERRORS, LATENCY)
SIZE_OF_ONE = 0.375
"""What every request adds to `size_sum`; its square to `size_squares`."""

BORN, RESET, GAP, UNCOVERED = 5, 10, (15, 16, 17), 22
"""Windows in which treatment's first error is seen; the router restarts; nothing is scraped; a second router
is found whose counters are old."""


def history() -> Iterator[Scrape]:
    """A router that both variants share: 100 control requests per scrape and 10 of the treatment."""
    for number in SCRAPES:
        if number in GAP:
            continue
        at_s = NOW_S + number * INTERVAL_S + 10
        yield Scrape(at_s, "up", ROUTER, 1)
        since_s = RESET if number >= RESET else SCRAPES.start
        yield from _router(at_s, ROUTER, number - since_s + 1, errors=max(number - BORN + 1, 0))
        if number >= UNCOVERED:
            other = ROUTER | {"instance": "router:2"}
            yield Scrape(at_s, "up", other, 1)
            yield from _router(at_s, other, 1000 + number - UNCOVERED, errors=70)


def _router(at_s: float, target: dict[str, str], scrapes: int, *, errors: int) -> Iterator[Scrape]:
    for service, requests in (("v1", 100), ("v2", 10)):
        labels = target | {"service": service, "path": ODD}
        yield Scrape(at_s, "requests_total", labels | {"code": "200"}, scrapes * requests)
        for bound, share in (("0.1", 0.5), ("0.5", 0.9), ("+Inf", 1)):
            yield Scrape(at_s, "seconds_bucket", labels | {"le": bound}, scrapes * requests * share)
        yield Scrape(at_s, "size_sum", labels, scrapes * requests * SIZE_OF_ONE)
        yield Scrape(at_s, "size_squares", labels, scrapes * requests * SIZE_OF_ONE**2)
    if errors:
        labels = target | {"service": "v2", "path": ODD, "code": "500"}
        yield Scrape(at_s, "requests_total", labels, errors)


def windows(first: int, last: int) -> list[Window]:
    """Windows by index, `last` not included."""
    return [
        Window(index=index, start_s=NOW_S + index * INTERVAL_S, end_s=NOW_S + (index + 1) * INTERVAL_S)
        for index in range(first, last)
    ]


def trials(reading: Reading) -> tuple[Trials, Trials]:
    """Both arms of a reading that must have them."""
    assert isinstance(reading, TrialsReading), reading
    return reading.control, reading.treatment


def read_in_pieces(
    source: MetricSource, metrics: Sequence[Metric], ends: Sequence[int]
) -> tuple[list[dict[str, Reading]], Json]:
    """Readings up to each end, each read by an engine that was started anew from what had been stored."""
    readings: list[dict[str, Reading]] = []
    stored, first = "{}", 0
    for end in ends:
        batch = source.read(metrics, windows(first, end), json.loads(stored))
        assert batch.trouble is None, batch.trouble
        assert not any(_refused(reading) for readings in batch.readings for reading in readings.values())
        readings += [dict(reading) for reading in batch.readings]
        stored, first = json.dumps(batch.cursor), end
    return readings, json.loads(stored)


def _refused(reading: Reading) -> bool:
    return isinstance(reading, Missing) and reading.reason is not MissingReason.STALE


class SourceContract:
    """The suite."""

    @pytest.fixture
    def source(self) -> MetricSource:
        """A source that has the scrapes of `history()`."""
        raise NotImplementedError

    @pytest.fixture
    def broken(self) -> MetricSource:
        """A source that reaches nothing."""
        raise NotImplementedError

    def test_windows_may_be_read_some_time_after_they_ended(self, source: MetricSource) -> None:
        assert 0 <= source.watermark_s < math.inf

    def test_a_quiet_window_holds_what_happened_in_it(self, source: MetricSource) -> None:
        batch = source.read(METRICS, windows(0, 1), {})
        assert trials(batch.readings[0]["errors"]) == (Trials(bad=0, total=100), Trials(bad=0, total=10))
        assert batch.readings[0]["latency"] == HistogramReading(
            control=Histogram(bounds_s=(0.1, 0.5), counts=(50, 40, 10)),
            treatment=Histogram(bounds_s=(0.1, 0.5), counts=(5, 4, 1)),
        )

    def test_every_window_has_a_reading_of_every_metric(self, source: MetricSource) -> None:
        batch = source.read(METRICS, windows(0, 40), {})
        assert [sorted(readings) for readings in batch.readings] == [["errors", "latency"]] * 40

    def test_consecutive_windows_count_everything_once(self, source: MetricSource) -> None:
        batch = source.read(METRICS, windows(0, 15), {})
        counted = [trials(readings["errors"]) for readings in batch.readings]
        assert sum(control.total for control, _ in counted) == 1500
        assert sum(treatment.total for _, treatment in counted) == 150 + 10
        assert sum(treatment.bad for _, treatment in counted) == 10

    def test_the_first_error_of_a_known_target_counts(self, source: MetricSource) -> None:
        batch = source.read(METRICS, windows(0, BORN + 1), {})
        assert trials(batch.readings[BORN]["errors"])[1] == Trials(bad=1, total=11)
        assert trials(batch.readings[BORN - 1]["errors"])[1] == Trials(bad=0, total=10)

    def test_a_restarted_router_counts_from_zero(self, source: MetricSource) -> None:
        batch = source.read(METRICS, windows(0, RESET + 1), {})
        assert trials(batch.readings[RESET]["errors"])[0] == Trials(bad=0, total=100)

    def test_counts_of_a_scrape_gap_belong_to_the_scrape_that_ends_it(self, source: MetricSource) -> None:
        batch = source.read(METRICS, windows(0, 19), {})
        gap = [batch.readings[index]["errors"] for index in GAP]
        assert [reading.reason for reading in gap if isinstance(reading, Missing)] == [
            MissingReason.STALE
        ] * 3
        assert trials(batch.readings[18]["errors"])[0] == Trials(bad=0, total=400)

    def test_the_past_of_a_series_that_was_only_invisible_does_not_count(self, source: MetricSource) -> None:
        batch = source.read(METRICS, windows(0, UNCOVERED + 2), {})
        control, treatment = trials(batch.readings[UNCOVERED]["errors"])
        assert (control.total, treatment) == (100, Trials(bad=1, total=11))
        control, treatment = trials(batch.readings[UNCOVERED + 1]["errors"])
        assert (control.total, treatment) == (200, Trials(bad=1, total=21))

    def test_reading_late_gives_the_same_as_reading_in_time(self, source: MetricSource) -> None:
        in_time, at_the_end = read_in_pieces(source, METRICS, range(1, 41))
        late, at_once = read_in_pieces(source, METRICS, [40])
        assert (in_time, at_the_end) == (late, at_once)

    def test_reading_in_any_pieces_gives_the_same(self, source: MetricSource) -> None:
        assert read_in_pieces(source, METRICS, [4, 16, 17, 40]) == read_in_pieces(source, METRICS, [40])

    def test_no_windows_change_nothing(self, source: MetricSource) -> None:
        _, cursor = read_in_pieces(source, METRICS, [3])
        batch = source.read(METRICS, [], cursor)
        assert (batch.readings, batch.cursor, batch.trouble) == ((), cursor, None)

    def test_metrics_that_share_a_counter_are_told_apart_by_their_labels(self, source: MetricSource) -> None:
        turned = {Arm.CONTROL: LABELS[Arm.TREATMENT], Arm.TREATMENT: LABELS[Arm.CONTROL]}
        other = replace(ERRORS, name="turned", arm_labels=turned)
        for readings in source.read((ERRORS, other), windows(0, RESET), {}).readings:
            assert trials(readings["turned"]) == trials(readings["errors"])[::-1]

    def test_counts_for_the_split_check_are_trials_alone(self, source: MetricSource) -> None:
        batch = source.read((VISITORS,), windows(0, 1), {})
        assert trials(batch.readings[0]["visitors"]) == (Trials(bad=0, total=100), Trials(bad=0, total=10))

    def test_events_need_no_total(self, source: MetricSource) -> None:
        batch = source.read((EVENTS,), windows(0, 1), {})
        assert batch.readings[0]["events"] == EventsReading(control=100, treatment=10)

    def test_a_mean_has_its_fractional_sums(self, source: MetricSource) -> None:
        for index in (0, RESET):
            batch = source.read((SIZE,), windows(0, index + 1), {})
            treatment = 10 if index == 0 else 11
            assert batch.readings[index]["size"] == MomentsReading(
                control=Moments(count=100, sum=37.5, sum_sq=14.0625),
                treatment=Moments(count=treatment, sum=3.75, sum_sq=1.40625),
            )

    def test_a_ratio_is_two_sums(self, source: MetricSource) -> None:
        batch = source.read((PER_REQUEST,), windows(0, 1), {})
        assert batch.readings[0]["per_request"] == QuotientReading(
            control=Quotient(numerator=37.5, denominator=100.0),
            treatment=Quotient(numerator=3.75, denominator=10.0),
        )

    def test_fractional_sums_read_in_any_pieces_are_the_same(self, source: MetricSource) -> None:
        metrics = (SIZE, PER_REQUEST, EVENTS)
        assert read_in_pieces(source, metrics, [1, 2, 16, 40]) == read_in_pieces(source, metrics, [40])

    def test_a_counter_that_does_not_exist_is_missing_and_harms_no_other(self, source: MetricSource) -> None:
        gone = replace(ERRORS, name="gone", total=Selector(name="no_such_total"))
        batch = source.read((ERRORS, gone), windows(0, 2), {})
        assert batch.trouble is None
        for readings in batch.readings:
            assert isinstance(readings["gone"], Missing)
            assert trials(readings["errors"])[0].total == 100

    def test_queries_say_what_was_asked_and_what_came_back(self, source: MetricSource) -> None:
        queries = source.read((LATENCY,), windows(0, 2), {}).queries
        assert "latency" in {query.metric for query in queries}
        assert all(query.query and query.outcome for query in queries)

    def test_a_broken_source_leaves_its_place_alone(self, source: MetricSource, broken: MetricSource) -> None:
        _, cursor = read_in_pieces(source, METRICS, [3])
        batch = broken.read(METRICS, windows(3, 5), cursor)
        assert (batch.readings, batch.cursor) == ((), cursor)
        assert batch.trouble is not None
        assert batch.trouble.reason is MissingReason.SOURCE_DOWN
        again = source.read(METRICS, windows(3, 5), batch.cursor)
        assert again.readings == source.read(METRICS, windows(0, 5), {}).readings[3:]

    def test_a_place_that_it_never_gave_is_no_reason_to_raise(self, source: MetricSource) -> None:
        batch = source.read(METRICS, windows(0, 1), {"tracks": "?"})
        assert isinstance(batch, Batch)
        assert batch.trouble is None or (batch.readings, batch.cursor) == ((), {"tracks": "?"})
