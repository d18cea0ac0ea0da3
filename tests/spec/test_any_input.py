"""Whatever a document holds and wherever, it is read or refused with problems that say where; nothing crashes."""

from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import SpecError
from engine.spec import parse
from engine.spec.yaml_text import dump
from tests.spec.documents import GOOD, threshold

Place = tuple[str | int, ...]
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(
        ["", "5%", "0.1pp", "15s", "canary", "http_errors", "a{", "rate(a[5m])", "mon-sun", "UTC"]
    )
    | st.text(max_size=8)
)
values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FULL = threshold("limit: 1%") + (
    "  gate: {flag: x, provider: file, options: {}}\n"
    "  source: {prometheus: {url: x}}\n"
    "  windows: [{days: mon, from: 09:00, to: 17:00, time_zone: UTC}]\n"
    "  interval: 5s\n  horizon: 1d\n  alpha_promote: 0.1\n  mode: act\n"
)


def places(value: Any, at: Place = ()) -> list[Place]:
    """Every place in a plain value."""
    items: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    return [at, *(place for step, inner in items for place in places(inner, (*at, step)))]


def replaced(plain: Any, place: Place, value: Any) -> Any:
    """The plain value with another value at a place."""
    if not place:
        return value
    copy = plain.copy()
    copy[place[0]] = replaced(plain[place[0]], place[1:], value)
    return copy


PLAIN = yaml.load(FULL, Loader=yaml.BaseLoader)  # texts only, as 09:00 is in YAML 1.2


def test_the_document_to_spoil_is_good() -> None:
    assert parse(FULL, "x.yaml").name == parse(GOOD, "x.yaml").name


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(places(PLAIN)), values)
def test_any_value_at_any_place_is_read_or_refused(place: Place, value: Any) -> None:
    try:
        parse(dump(replaced(PLAIN, place, value)), "x.yaml")
    except SpecError as error:
        assert error.problems
        assert all(problem.where.startswith("x.yaml:") for problem in error.problems)


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(codec="utf-8") | st.sampled_from("{}[]:-#&*!|>'\"%@`\n ,?"), max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse(text, "x.yaml")
    except SpecError as error:
        assert error.problems
