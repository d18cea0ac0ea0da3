"""What is wrong with an event is said; what is right comes out as it was meant."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.intake import Exposure, Occurrence, Unfit
from engine.intake.cloud import record_of

NOW_S = 1_800_000_000.0
EXPOSED: dict[str, Any] = {
    "specversion": "1.0",
    "id": "x1",
    "source": "/shop",
    "type": "dev.rampwise.exposure.v1",
    "time": "2027-01-15T07:59:00.25Z",
    "data": {"experiment": "checkout", "unit": "ada", "variant": "v2", "dimensions": {"country": "de"}},
}
DID: dict[str, Any] = {
    **EXPOSED,
    "id": "e1",
    "type": "dev.rampwise.event.v1",
    "data": {"unit": "ada", "name": "purchase", "value": 12, "id": "order-1"},
}


def changed(event: dict[str, Any], **data: Any) -> dict[str, Any]:
    return {**event, "data": {**event["data"], **data}}


def test_an_exposure_is_read() -> None:
    assert record_of(EXPOSED, NOW_S) == Exposure(
        source="/shop",
        id="x1",
        experiment="checkout",
        unit="ada",
        variant="v2",
        at_s=NOW_S - 59.75,
        dimensions={"country": "de"},
    )


def test_an_event_is_read() -> None:
    assert record_of(DID, NOW_S) == Occurrence(
        source="/shop",
        id="e1",
        unit="ada",
        name="purchase",
        value=12.0,
        at_s=NOW_S - 59.75,
        event_id="order-1",
    )


def test_without_a_number_and_a_name_of_its_own_an_event_counts_by_its_id() -> None:
    record = record_of({**DID, "data": {"unit": "ada", "name": "visit"}}, NOW_S)
    assert isinstance(record, Occurrence)
    assert (record.value, record.event_id) == (None, "/shop#e1")


@pytest.mark.parametrize("largest", [1e12, -1e12, 10**12])
def test_the_largest_number_that_an_analysis_can_count_is_taken(largest: float) -> None:
    record = record_of(changed(DID, value=largest), NOW_S)
    assert isinstance(record, Occurrence)
    assert record.value == largest


def test_a_time_in_another_zone_is_the_same_moment() -> None:
    record = record_of({**DID, "time": "2027-01-15T08:59:00.25+01:00"}, NOW_S)
    assert record.at_s == NOW_S - 59.75


def test_dimensions_are_text_in_the_order_of_their_names() -> None:
    record = record_of(changed(EXPOSED, dimensions={"vip": True, "age": 7, "country": "de"}), NOW_S)
    assert isinstance(record, Exposure)
    assert list(record.dimensions.items()) == [("age", "7"), ("country", "de"), ("vip", "true")]


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (None, "found nothing, expected a CloudEvent"),
        ([], "found a list"),
        ({}, "specversion, id, source, type: missing"),
        ({**DID, "id": ""}, "id: missing"),
        ({**DID, "specversion": "0.3"}, "specversion"),
        ({**DID, "id": 7}, "id"),
        ({**DID, "Not-OK": "x"}, "Not-OK"),
        ({**DID, "source": "x" * 201}, "source: found 201 characters"),
        ({**DID, "source": "a\x00b"}, "source: found 3 characters, expected printable"),
        ({**DID, "type": "other"}, "type: found 'other', expected dev.rampwise.exposure.v1 or"),
        ({**DID, "time": "yesterday"}, "time: found 'yesterday'"),
        ({**DID, "time": "2027-01-15T07:59:00"}, "timezone"),
        ({**DID, "time": 7}, "time"),
        ({**DID, "time": "1970-01-01T00:00:07Z"}, "expected one since 2000"),
        ({**DID, "time": "2027-01-15T09:00:01Z"}, "an hour ahead"),
        ({**DID, "data": "text"}, "data: found 'text'"),
        ({key: value for key, value in DID.items() if key != "data"}, "data: found nothing"),
        (changed(DID, unit=""), "unit: found 0 characters"),
        (changed(DID, unit=7), "unit: found 7"),
        (changed(DID, name=None), "name: found nothing"),
        (changed(DID, name=["x"]), "name: found a list"),
        (changed(DID, name={"x": 1}), "name: found an object of 1"),
        (changed(DID, value="12"), "value: found '12', expected a number"),
        (changed(DID, value=True), "value: found True"),
        (changed(DID, value=10**400), "value: found 1000"),
        (changed(DID, value=float("inf")), "value: found inf"),
        (changed(DID, value=1e300), "value: found 1e+300, expected a number of at most 1e+12"),
        (changed(DID, value=-(10**12) - 1), "value: found -1000000000001, expected a number of at most"),
        (changed(DID, value=[]), "value: found a list"),
        (changed(DID, id=7), "id: found 7"),
        (changed(EXPOSED, experiment=None), "experiment: found nothing"),
        (changed(EXPOSED, variant="\ud800"), "variant: found 1 characters"),
        (changed(EXPOSED, dimensions=[]), "dimensions: found a list"),
        (changed(EXPOSED, dimensions={f"d{n}": "x" for n in range(21)}), "at most 20"),
        (changed(EXPOSED, dimensions={"appVersion": "1"}), "dimensions: found the name 'appVersion'"),
        (changed(EXPOSED, dimensions={"unit": "1"}), "dimensions: found the name 'unit'"),
        (changed(EXPOSED, dimensions={"country": ["de"]}), "dimensions.country: found a list"),
        (changed(EXPOSED, dimensions={"country": "x" * 201}), "dimensions.country"),
    ],
)
def test_what_is_wrong_is_said(event: object, said: str) -> None:
    with pytest.raises(Unfit) as caught:
        record_of(event, NOW_S)
    assert said in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    base=st.sampled_from([EXPOSED, DID]),
    attributes=st.dictionaries(st.sampled_from(sorted(EXPOSED)), JSON, max_size=2),
    data=st.dictionaries(
        st.sampled_from(["unit", "name", "value", "id", "variant", "experiment", "dimensions"]), JSON
    ),
)
def test_whatever_is_sent_is_a_record_or_unfit(
    base: dict[str, Any], attributes: dict[str, Any], data: dict[str, Any]
) -> None:
    try:
        record = record_of({**base, "data": {**base["data"], **data}, **attributes}, NOW_S)
    except Unfit:
        return
    assert json.dumps(record.source).isascii()
    assert record.unit.isprintable()
    if isinstance(record, Occurrence) and record.value is not None:
        assert abs(record.value) <= 1e12
