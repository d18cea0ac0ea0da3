"""Queries as text, and that PromQL reads them back as they were meant."""

from hypothesis import given
from hypothesis import strategies as st

from analysis.sources.promql import any_of, range_text
from engine.core.model import Matcher, Selector
from engine.fields import parse_selector


@given(value=st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_any_label_value_survives_quoting(value: str) -> None:
    selector = Selector(name="hits", matchers=(Matcher(label="path", op="=", value=value),))
    text = range_text(selector, 15)
    assert text.endswith("[15s]")
    assert parse_selector(text.removesuffix("[15s]")) == selector


def test_a_range_is_never_shorter_than_asked() -> None:
    assert range_text(Selector(name="hits"), 15.0001) == "hits[15001ms]"


def test_alternatives_mean_exactly_these_values() -> None:
    assert any_of("instance", frozenset({"b|c", "10.0.0.1:80"})).value == r"10\.0\.0\.1:80|b\|c"
