"""Texts with units become plain numbers and print back as what they mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.model import Bound, Matcher, Selector
from engine.fields import (
    format_duration,
    format_percent,
    format_points,
    format_selector,
    parse_duration,
    parse_percent,
    parse_points,
    parse_selector,
)
from engine.spec.bounds import Amount, AmountBoundField, BoundField, parse_amount

selectors = st.builds(
    Selector,
    name=st.from_regex(r"[a-zA-Z_:][a-zA-Z0-9_:]{0,20}", fullmatch=True).filter(
        lambda name: name.lower() not in {"inf", "nan"}
    ),
    matchers=st.lists(
        st.builds(
            Matcher,
            label=st.from_regex(r"[a-z][a-z0-9_]{0,10}", fullmatch=True),
            op=st.sampled_from(["=", "!="]),
            value=st.text(st.characters(codec="utf-8")),
        ),
        max_size=3,
    ).map(tuple),
)


@pytest.mark.parametrize(
    ("text", "duration_s"),
    [("500ms", 0.5), ("15s", 15), ("5min", 300), ("24h", 86400), ("14d", 1209600), ("1.5h", 5400), ("0s", 0)],
)
def test_durations_are_seconds(text: str, duration_s: float) -> None:
    assert parse_duration(text) == duration_s


@pytest.mark.parametrize("text", ["15", "5m", "-1s", "1e3s", "s", "", " 5s", "1h30min", 15, None, True, "٣s"])
def test_what_has_no_unit_is_no_duration(text: object) -> None:
    with pytest.raises(ValueError, match="a duration with its unit"):
        parse_duration(text)


@given(
    st.integers(0, 366 * 86400 * 1000).map(lambda ms: ms / 1000)
    | st.floats(1e-6, 1e6).map(lambda s: round(s, 9))
)
def test_durations_print_as_what_they_are(duration_s: float) -> None:
    assert parse_duration(format_duration(duration_s)) == duration_s


@given(st.integers(0, 10**9).map(lambda n: n / 10**8))
def test_shares_print_as_what_they_are(share: float) -> None:
    assert parse_percent(format_percent(share)) == share
    assert parse_points(format_points(share)) == share


@pytest.mark.parametrize("text", ["4", 4, "4pp", "-4%", "%", None])
def test_what_is_no_percentage_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="a percentage such as 4%"):
        parse_percent(text)


@given(selectors)
def test_selectors_print_as_what_they_are(selector: Selector) -> None:
    assert parse_selector(format_selector(selector)) == selector


def test_quotes_in_label_values_are_escaped() -> None:
    selector = Selector(name="a", matchers=(Matcher(label="path", op="=~", value='x"}[5m] or \\d\n'),))
    assert format_selector(selector) == r'a{path=~"x\"}[5m] or \\d\n"}'
    assert parse_selector(format_selector(selector)) == selector


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("rate(a[5m])", "not an expression"),
        ("a[5m]", "without a range"),
        ("a offset 5m", "without offset"),
        ("a @ 5", "without offset, @"),
        ('a{x="1" or y="2"}', "or `or`"),
        ('{__name__="a"}', "the name is missing"),
        ("a{", "PromQL: unexpected end of input"),
        (5, "a counter's name with label conditions"),
    ],
)
def test_only_a_plain_selector_names_a_counter(text: object, why: str) -> None:
    with pytest.raises(ValueError, match="a counter's name with label conditions") as caught:
        parse_selector(text)
    assert why in str(caught.value)


def test_a_bound_has_one_part_or_both() -> None:
    both = BoundField.model_validate({"relative": "50%", "absolute": "0.1pp"})
    assert both.value() == Bound(relative=0.5, absolute=0.001)
    assert BoundField.model_validate({"absolute": "2pp"}).value() == Bound(absolute=0.02)


@given(st.floats(0, 1e200) | st.integers(0, 10**20))
def test_numbers_in_a_metric_s_unit_stay_what_they_are(number: float) -> None:
    amount = parse_amount(number)
    assert amount == Amount(value=float(number))
    assert parse_amount(amount.written()) == amount


@given(st.integers(0, 10**9).map(lambda ms: format_duration(ms / 1000)))
def test_durations_in_a_metric_s_unit_stay_durations(text: str) -> None:
    assert parse_amount(text) == Amount(value=parse_duration(text), is_duration=True)
    assert parse_amount(text).written() == text


@pytest.mark.parametrize(("text", "number"), [("20", 20.0), ("0.5", 0.5), ("0", 0.0)])
def test_a_number_in_a_metric_s_unit_may_be_a_text(text: str, number: float) -> None:
    assert parse_amount(text) == Amount(value=number)


@pytest.mark.parametrize(
    "value", [-1, True, None, float("nan"), float("inf"), 10**400, "-20", "1e3", "5%", "1pp", []]
)
def test_what_is_no_amount_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="a number in the metric's own unit"):
        parse_amount(value)


def test_a_bound_of_values_may_be_a_duration() -> None:
    field = AmountBoundField.model_validate({"relative": "10%", "absolute": "20ms"})
    assert field.value() == Bound(relative=0.1, absolute=0.02)
    assert field.model_dump(mode="json") == {"relative": "10%", "absolute": "20ms"}
