"""Whatever a document holds and wherever, it is read, or refused with problems that say where."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import SpecError
from engine.spec import parse, to_plain
from engine.spec.yaml_text import dump, load
from tests.spec.documents import threshold

Place = tuple[str | int, ...]
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["", "5%", "0.1pp", "15s", "canary", "http_errors", "a{", "rate(a[5m])", "mon-sun"])
    | st.text(max_size=8)
)
values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FULL = threshold("limit: 1%") + (
    "    - {kind: mean, name: size, sum: s, count: c, value_unit: s, margin: {absolute: 20ms}}\n"
    "    - {kind: count, name: hits, count: c, direction: higher, effect: 30%, dispersion: 2}\n"
    "    - {kind: gauge, name: queue, expression: avg by (version) (queue)}\n"
    "    - {kind: distribution, name: wait, histogram: h, slo: 1s}\n"
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


PLAIN = load(FULL, "x.yaml").data


def is_read_or_refused(text: str) -> bool:
    try:
        parse(text, "x.yaml")
    except SpecError as error:
        return bool(error.problems) and all(each.where.startswith("x.yaml:") for each in error.problems)
    return True


def test_the_document_to_spoil_is_good() -> None:
    assert to_plain(parse(dump(PLAIN), "x.yaml")) == to_plain(parse(FULL, "x.yaml"))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(places(PLAIN)), values)
def test_any_value_at_any_place_is_read_or_refused(place: Place, value: Any) -> None:
    assert is_read_or_refused(dump(replaced(PLAIN, place, value)))


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(codec="utf-8") | st.sampled_from("{}[]:-#&*!|>'\"%@`\n ,?"), max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    assert is_read_or_refused(text)
