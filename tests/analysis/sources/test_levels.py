"""Gauges: one value per arm at the end of a window, or the reason why not."""

import json
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler

import pytest

from analysis.sources.fake import FakeOptions, FakeSource
from analysis.sources.prometheus import PrometheusOptions, PrometheusSource
from analysis.sources.windows import read_windows
from engine.core.measure import Missing, MissingReason, Quotient, QuotientReading, Window
from engine.core.model import Arm, MetricKind
from tests.analysis.sources.servers import reply, scripted
from tests.analysis.sources.shop import Shop, missing
from tests.builders import a_metric

QUEUE = a_metric(kind=MetricKind.GAUGE, bad=None, total=None, expression="queue_length")
OF_V3 = a_metric(
    name="other",
    kind=MetricKind.GAUGE,
    bad=None,
    total=None,
    expression="queue_length",
    treatment_index=1,
    arm_labels={Arm.CONTROL: {"version": "v1"}, Arm.TREATMENT: {"version": "v3"}},
)


@pytest.fixture
def shop() -> Shop:
    return Shop()


def levels(control: float, treatment: float) -> QuotientReading:
    return QuotientReading(
        control=Quotient(numerator=control, denominator=1.0),
        treatment=Quotient(numerator=treatment, denominator=1.0),
    )


def test_a_level_is_read_at_the_end_of_every_window(shop: Shop) -> None:
    shop.put("queue_length", "v1", {-5: 1.5, 10: 2.5, 25: -3})
    shop.put("queue_length", "v2", {-5: 0, 10: 0, 25: 7})
    assert shop.read(QUEUE, 1) == [levels(2.5, 0), levels(-3, 7)]


def test_a_level_that_falls_is_no_reset(shop: Shop) -> None:
    shop.put_both("queue_length", {10: 100, 25: 4})
    assert shop.read(QUEUE, 1) == [levels(100, 100), levels(4, 4)]


def test_levels_leave_no_place_to_go_on_from(shop: Shop) -> None:
    shop.put_both("queue_length", {10: 100})
    shop.read_one(QUEUE)
    assert shop.cursor == {"tracks": {}, "pending": {}}
    (query,) = shop.queries
    assert (query.metric, query.query, query.outcome) == ("errors", "queue_length", "2 series, 2 samples")


@pytest.mark.parametrize("there", ["v1", "v2"])
def test_an_arm_without_a_level_is_not_zero(shop: Shop, there: str) -> None:
    shop.put("queue_length", there, {10: 1})
    arm = Arm.TREATMENT if there == "v1" else Arm.CONTROL
    assert missing(shop.read_one(QUEUE)) == (MissingReason.NO_SERIES, arm)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_level_that_is_no_number_is_missing_in_its_window(shop: Shop, value: float) -> None:
    shop.put("queue_length", "v1", {10: 1, 25: 1})
    shop.put("queue_length", "v2", {10: value, 25: 2})
    bad, good = shop.read(QUEUE, 1)
    assert missing(bad) == (MissingReason.NOT_A_NUMBER, Arm.TREATMENT)
    assert good == levels(1, 2)


def test_two_series_of_one_arm_are_ambiguous(shop: Shop) -> None:
    shop.put_both("queue_length", {10: 1})
    shop.put("queue_length", "v2", {10: 1}, pod="b")
    reading = shop.read_one(QUEUE)
    assert missing(reading) == (MissingReason.AMBIGUOUS_SERIES, Arm.TREATMENT)
    assert isinstance(reading, Missing)
    assert "more than one series of treatment" in reading.detail


def test_a_level_of_both_arms_is_ambiguous(shop: Shop) -> None:
    shop.put("queue_length", "v1", {10: 1})
    both = a_metric(
        kind=MetricKind.GAUGE,
        bad=None,
        total=None,
        expression="queue_length",
        arm_labels={Arm.CONTROL: {"version": "v1"}, Arm.TREATMENT: {"job": "app"}},
    )
    assert missing(shop.read_one(both)) == (MissingReason.AMBIGUOUS_SERIES, None)


def test_a_level_of_neither_arm_is_foreign(shop: Shop) -> None:
    for version in ("v1", "v2", "v3"):
        shop.put("queue_length", version, {10: 1})
    assert missing(shop.read_one(QUEUE)) == (MissingReason.FOREIGN_SERIES, None)


def test_a_level_of_another_treatment_is_nobodys_fault(shop: Shop) -> None:
    for number, version in enumerate(("v1", "v2", "v3")):
        shop.put("queue_length", version, {10: number})
    assert shop.read_both(QUEUE, OF_V3) == [levels(0, 1), levels(0, 2)]


def test_a_source_without_expressions_says_so() -> None:
    window = Window(index=0, start_s=0, end_s=15)

    def never(*_: object) -> None:
        raise AssertionError

    batch = read_windows(never, [QUEUE], [window], {}, 60)  # type: ignore[arg-type]
    assert missing(batch.readings[0]["errors"]) == (MissingReason.BAD_QUERY, None)


def test_a_source_that_is_down_is_down_for_levels_too() -> None:
    source = FakeSource(FakeOptions())
    source.trouble = Missing(reason=MissingReason.SOURCE_DOWN, detail="unplugged")
    batch = source.read([QUEUE], [Window(index=0, start_s=0, end_s=15)], {})
    assert (batch.readings, batch.trouble) == ((), source.trouble)


def answer_with(values: Mapping[str, list[list[object]]]) -> str:
    result = [{"metric": {"version": version}, "values": rows} for version, rows in values.items()]
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}})


def test_a_prometheus_is_asked_for_the_ends_of_the_windows_to_the_millisecond() -> None:
    ends = [15.4375 + 15 * number for number in range(3)]
    shown = [[round(end, 3), "1.5"] for end in ends]

    def answer(handler: BaseHTTPRequestHandler) -> None:
        reply(200, answer_with({"v1": shown, "v2": shown}))(handler)

    windows = [Window(index=i, start_s=end - 15, end_s=end) for i, end in enumerate(ends)]
    with scripted(answer) as server:
        batch = PrometheusSource(PrometheusOptions(url=server.url)).read([QUEUE], windows, {})
    ((path, form, _),) = server.asked
    assert path == "/api/v1/query_range"
    assert {name: form[name][0] for name in ("query", "start", "step")} == {
        "query": "queue_length",
        "start": "15.438",
        "step": "15.000",
    }
    assert ends[-1] <= float(form["end"][0]) < ends[-1] + 15
    assert [readings["errors"] for readings in batch.readings] == [levels(1.5, 1.5)] * 3
