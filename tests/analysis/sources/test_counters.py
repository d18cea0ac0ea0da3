"""Counting once: properties over random histories, and which new series count from zero."""

import json
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.sources.fake import FakeOptions, FakeSource
from engine.core.measure import Reading, Trials, TrialsReading, Window
from engine.testing.sources import trials
from tests.builders import a_metric

METRIC = a_metric()
TARGET = {"job": "app", "instance": "app:1"}
ARMS = ("v1", "v2")
COUNTERS = tuple((name, version) for version in ARMS for name in ("errors_total", "requests_total"))

arm_gains = st.tuples(st.integers(0, 5), st.integers(1, 50)).map(lambda gain: (gain[0], sum(gain)))
scrapes = st.tuples(arm_gains, arm_gains, st.booleans(), st.integers(0, 9))
histories = st.lists(scrapes, min_size=2, max_size=25)


def windows(first: int, end: int) -> list[Window]:
    return [Window(index=i, start_s=i * 15, end_s=i * 15 + 15) for i in range(first, end)]


def simulate(
    history: list[tuple[tuple[int, int], tuple[int, int], bool, int]],
) -> tuple[FakeSource, list[int]]:
    """A source with these gains per arm, restarts and lost scrapes, and the counts since window 0."""
    source, raw, true = FakeSource(FakeOptions(stale_after_s=1e9)), [0] * 4, [0] * 4
    unseen = [0] * 4
    for number, (control, treatment, restarts, luck) in enumerate([((0, 1), (0, 1), False, 9), *history]):
        gains = [*control, *treatment]
        lost = luck == 0 and number > 0
        shows = all(new < old or old == 0 for new, old in zip(gains, raw, strict=True))
        if restarts and shows and not lost and not any(unseen):
            raw = [0] * 4
        raw = [old + gain for old, gain in zip(raw, gains, strict=True)]
        unseen = [old + gain for old, gain in zip(unseen, gains, strict=True)]
        if lost:
            continue
        for (name, version), value in zip(COUNTERS, raw, strict=True):
            source.scrape(number * 15 - 5, name, TARGET | {"version": version}, value)
        if number > 0:
            true = [old + new for old, new in zip(true, unseen, strict=True)]
        unseen = [0] * 4
    return source, true


def counted(readings: list[Mapping[str, Reading]]) -> list[int]:
    measured = [r["errors"] for r in readings if isinstance(r["errors"], TrialsReading)]
    arms = [(one.control.bad, one.control.total, one.treatment.bad, one.treatment.total) for one in measured]
    return [sum(column) for column in zip(*arms, strict=True)] if arms else [0] * 4


@settings(max_examples=60, deadline=None)
@given(history=histories)
def test_every_trial_counts_exactly_once(
    history: list[tuple[tuple[int, int], tuple[int, int], bool, int]],
) -> None:
    source, true = simulate(history)
    batch = source.read([METRIC], windows(0, len(history) + 1), {})
    assert counted(list(batch.readings)) == true


@settings(max_examples=60, deadline=None)
@given(history=histories, cuts=st.sets(st.integers(1, 24)))
def test_restarts_of_the_engine_change_nothing(
    history: list[tuple[tuple[int, int], tuple[int, int], bool, int]], cuts: set[int]
) -> None:
    source, _ = simulate(history)
    whole = source.read([METRIC], windows(0, len(history)), {})
    readings: list[Mapping[str, Reading]] = []
    stored, first = "{}", 0
    for end in sorted({cut for cut in cuts if cut < len(history)} | {len(history)}):
        batch = source.read([METRIC], windows(first, end), json.loads(stored))
        readings += batch.readings
        stored, first = json.dumps(batch.cursor), end
    assert tuple(readings) == whole.readings
    assert json.loads(stored) == whole.cursor


def test_a_sample_that_is_stored_late_counts_in_the_next_window() -> None:
    source, _ = simulate([((0, 10), (0, 10), False, 9)] * 2)
    first = source.read([METRIC], windows(0, 2), {})
    for name, version in COUNTERS:
        source.scrape(29.5, name, TARGET | {"version": version}, 21 if name == "requests_total" else 0)
        source.scrape(40, name, TARGET | {"version": version}, 31 if name == "requests_total" else 0)
    source.scrape(29.5, "requests_total", TARGET | {"version": "v1"}, 24)
    source.scrape(40, "requests_total", TARGET | {"version": "v1"}, 34)
    second = source.read([METRIC], windows(2, 3), first.cursor)
    assert trials(second.readings[0]["errors"]) == (Trials(bad=0, total=13), Trials(bad=0, total=10))


def app_with(up: Mapping[int, float], first_s: int, target: Mapping[str, str] = TARGET) -> FakeSource:
    """A second instance of the treatment with this `up`; its counters appear at `first_s` with 500."""
    source = FakeSource(FakeOptions())
    for at_s in range(-10, 60, 15):
        for name, version in COUNTERS:
            labels = {"job": "app", "instance": "app:0", "version": version}
            source.scrape(at_s, name, labels, at_s + 100)
    for at_s, value in up.items():
        source.scrape(at_s, "up", dict(target), value)
    for name, version in COUNTERS[2:]:
        for at_s in (first_s, first_s + 15):
            source.scrape(at_s, name, dict(target) | {"version": version}, 500 + at_s - first_s)
    return source


@pytest.mark.parametrize(
    ("up", "counts"),
    [
        pytest.param({-10: 1, 5: 1, 20: 1, 35: 1}, True, id="answered before, without the series"),
        pytest.param({-10: 0, 5: 0, 20: 1, 35: 1}, False, id="could not be reached before"),
        pytest.param({20: 1, 35: 1}, False, id="has just been found"),
        pytest.param({}, False, id="nobody knows"),
        pytest.param({-900: 1, 20: 1, 35: 1}, False, id="answered only before we looked"),
    ],
)
def test_a_new_series_counts_from_zero_only_if_its_target_answered_without_it(
    up: Mapping[int, float], counts: bool
) -> None:
    batch = app_with(up, first_s=20).read([METRIC], windows(0, 3), {})
    assert [trials(readings["errors"])[1].total for readings in batch.readings] == [
        15,
        515 if counts else 15,
        30,
    ]


def test_a_new_series_that_names_no_target_is_only_a_baseline() -> None:
    source = app_with({5: 1}, first_s=20, target={"job": "pushed"})
    batch = source.read([METRIC], windows(0, 3), {})
    assert [trials(readings["errors"])[1].total for readings in batch.readings] == [15, 15, 30]


def test_whether_a_target_answered_is_asked_only_when_something_is_new() -> None:
    source = app_with({-10: 1, 5: 1}, first_s=20)
    first = source.read([METRIC], windows(0, 1), {})
    second = source.read([METRIC], windows(1, 2), first.cursor)
    third = source.read([METRIC], windows(2, 3), second.cursor)
    asked = [
        [query.query for query in batch.queries if query.metric == "scrape targets"]
        for batch in (first, second, third)
    ]
    assert asked == [[], ['up{job=~"app",instance=~"app:1"}'], []]


def test_an_error_that_first_shows_after_a_long_outage_still_counts() -> None:
    source = FakeSource(FakeOptions())
    for at_s in (-5, 10, 910, 925):
        for version in ARMS:
            source.scrape(at_s, "requests_total", TARGET | {"version": version}, 100 + at_s)
            source.scrape(at_s, "errors_total", TARGET | {"version": version, "kind": "timeout"}, 1)
    source.scrape(910, "errors_total", TARGET | {"version": "v2", "kind": "crash"}, 40)
    batch = source.read([METRIC], windows(0, 61), {})
    assert trials(batch.readings[60]["errors"]) == (Trials(bad=0, total=900), Trials(bad=40, total=900))


def test_what_is_remembered_stays_small_however_many_pods_come_and_go() -> None:
    source = FakeSource(FakeOptions())
    cursor: Mapping[str, object] = {}
    for number in range(150):
        pod = TARGET | {"instance": f"pod:{number // 2}"}
        for name, version in COUNTERS:
            source.scrape(number * 60 + 5, name, pod | {"version": version}, number)
        minute = Window(index=number, start_s=number * 60, end_s=number * 60 + 60)
        batch = source.read([METRIC], [minute], cursor)
        cursor = batch.cursor
    assert trials(batch.readings[0]["errors"]) == (Trials(bad=1, total=1), Trials(bad=1, total=1))
    assert len(cursor["tracks"]["errors_total"]["series"]) == 2 * (60 // 2)  # type: ignore[index]


def test_the_past_of_a_counter_that_was_no_number_does_not_count() -> None:
    source, _ = simulate([((0, 10), (0, 10), False, 9)] * 12)
    for at_s in range(-5, 180, 15):
        value = float("nan") if at_s < 130 else 5000 + at_s
        source.scrape(at_s, "requests_total", TARGET | {"version": "v2", "code": "404"}, value)
    cursor: Mapping[str, object] = {}
    totals: list[object] = []
    for index in range(12):
        batch = source.read([METRIC], windows(index, index + 1), cursor)
        cursor, reading = batch.cursor, batch.readings[0]["errors"]
        totals.append(reading.treatment.total if isinstance(reading, TrialsReading) else reading)
    assert totals[-4:] == [90, 25, 25, 25]


def test_a_baseline_is_the_last_number_before_the_first_window() -> None:
    source = FakeSource(FakeOptions())
    for at_s, value in ((2.0, 5.0), (4.0, float("nan")), (12.0, 8.0)):
        for version in ("v1", "v2"):
            labels = {"version": version, **TARGET}
            source.scrape(at_s, "requests_total", labels, value)
            source.scrape(at_s, "errors_total", labels, 0.0)
    batch = source.read([METRIC], [Window(index=0, start_s=5.0, end_s=15.0)], {})
    assert trials(batch.readings[0]["errors"]) == (Trials(bad=0, total=3), Trials(bad=0, total=3))
