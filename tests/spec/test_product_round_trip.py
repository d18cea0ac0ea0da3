"""Any product section survives being written and read, and the schema takes it; any other is refused."""

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from engine.core.model import Role
from engine.spec import from_plain, parse, product_plan, to_plain, to_yaml
from engine.spec.schema import json_schema
from engine.spec.yaml_text import dump, load
from tests.spec import test_bad_product, test_bad_product_metrics
from tests.spec.products import FULL, SMALLEST
from tests.spec.test_any_input import is_read_or_refused, places, replaced, values
from tests.spec.test_round_trip import amounts, durations, lengths, optional, points, relatives, texts

PLAIN = yaml.safe_load(SMALLEST)
BEYOND_A_SCHEMA = {
    # Rules over several fields, sums, and ends of percentages.
    *("within of nothing", "winsorize from below", "winsorize of everything", "cut twice", "event of blanks"),
    *("quantile of everything", "retention that ends before it begins", "margin of an objective"),
    *("margin without a role", "margin of nothing", "margin of a count in seconds"),
    *("name that none can be made of", "two metrics of one name", "two metrics of one name that nobody said"),
    *("no objective", "value that is a time", "value of a ratio that is an id", "shares short of a hundred"),
    *("name of a variant with blanks", "nobody is control", "control that is no variant", "password"),
    *("password as a parameter", "password behind a broken host", "one column for two"),
    *("one column of events for two", "dimension of variants", "dimension twice", "exclusion by no column"),
    *("exclusion of a variant", "planned looks without an end", "planned looks without a start"),
    *("one look without an end", "one look at numbers that never settle"),
    "planned looks at a guardrail that never settles",
    *("e_bh at planned looks", "looks at any time", "spending at the end", "mde of nothing"),
    *("day that there is not", "end before the start"),
}
CASES = test_bad_product.CASES | test_bad_product_metrics.CASES
BAD = {name: text for name, (text, _) in CASES.items() if name not in BEYOND_A_SCHEMA}

events = st.from_regex(r"[a-z]{3,8}", fullmatch=True)
columns = events.map(lambda name: f"{name}_value")
measures = st.fixed_dictionaries({"event": events, "value": columns})
either = events | measures | st.fixed_dictionaries({"event": events})
units = st.sampled_from(["EUR", "s", "bytes"])
timed = {"within": durations}
earlier = {"before": durations}
cut = st.sampled_from([{}, {"cap": 17.5}, {"winsorize": "99.5%"}])
kinds: list[tuple[st.SearchStrategy[dict[str, Any]], st.SearchStrategy[dict[str, Any]]]] = [
    (st.builds(lambda event: {"conversion": event}, events), optional(**timed, **earlier)),
    (st.builds(lambda event, more: {"count": event} | more, events, cut), optional(**timed, **earlier)),
    (
        st.builds(lambda measure, more: {"sum": measure} | more, measures, cut),
        optional(**timed, **earlier, value_unit=units),
    ),
    (
        st.builds(lambda of, per: {"ratio": {"of": of, "per": per}}, either, either),
        optional(**timed, **earlier, value_unit=units),
    ),
    (
        st.builds(lambda event: {"retention": {"event": event, "from": "1h", "within": "90d"}}, events),
        optional(**earlier),
    ),
    (
        st.builds(lambda measure, q: {"quantile": measure | {"q": f"{q}%"}}, measures, st.integers(1, 99)),
        optional(**timed, value_unit=units),
    ),
]
roles = st.sampled_from(["objective", "guardrail", "quality"])


@st.composite
def any_metric(draw: st.DrawFn) -> dict[str, Any]:
    kind, more = draw(st.sampled_from(kinds))
    made = (
        draw(kind) | draw(more) | draw(optional(role=roles, direction=st.sampled_from(["lower", "higher"])))
    )
    if made.get("role") == "guardrail" and draw(st.booleans()):
        is_share = {"conversion", "retention"} & made.keys()
        in_seconds = made.get("value_unit") == "s"
        made["margin"] = draw(relatives | (points if is_share else lengths if in_seconds else amounts))
    return made


@st.composite
def sections(draw: st.DrawFn) -> dict[str, Any]:
    found = [each | {"name": f"m{n}"} for n, each in enumerate(draw(st.lists(any_metric(), max_size=4)))]
    made = PLAIN["spec"]["product"] | {"metrics": [{"conversion": "purchase"}, *found]}
    made |= draw(
        optional(
            unit=st.sampled_from(["user", "account"]),
            variants=st.sampled_from([{"b": 1, "control": 99}, {"control": 34, "x": 33, "1.2": 33}]),
            data=st.fixed_dictionaries(
                {"warehouse": st.just("duckdb://x")}, optional={"columns": st.just({"time": "at"})}
            ),
            dimensions=st.lists(events, unique=True, max_size=3),
            exclude=st.dictionaries(
                columns, st.lists(texts.filter(str.strip), min_size=1, max_size=2), max_size=2
            ),
            most_events=st.integers(1, 10**9),
            alpha=st.floats(1e-9, 0.5),
            power=st.floats(0.5, 0.999),
            mde=st.integers(1, 5000).map(lambda n: f"{n / 100}%"),
            starts=st.datetimes().map(lambda at: at.isoformat(timespec="seconds") + "+05:30"),
        )
    )
    how = st.sampled_from(
        [{}, {"correction": "e_bh"}, {"method": "fixed"}, {"method": "group_sequential", "looks": 3}]
    )
    made |= draw(how)
    return with_planned_looks(made) if "method" in made else made


def with_planned_looks(section: dict[str, Any]) -> dict[str, Any]:
    """With the times that planned looks need."""
    metrics = [each if "retention" in each else {"within": "9d"} | each for each in section["metrics"]]
    return section | {"metrics": metrics, "starts": "1970-01-01T00:00Z", "ends": "2026-11-30T00:00Z"}


@settings(max_examples=60, deadline=None)
@given(sections())
def test_any_valid_section_reads_back_as_the_same_plan(section: dict[str, Any]) -> None:
    plain = PLAIN | {"spec": PLAIN["spec"] | {"product": section}}
    document = from_plain(plain)
    plan = product_plan(document)
    assert plan is not None
    text = to_yaml(document)
    again = parse(text, "filled.yaml")
    assert product_plan(again) == plan
    assert to_yaml(again) == text
    assert abs(sum(share.share for share in plan.shares) - 1) < 1e-12
    assert any(each.role is Role.OBJECTIVE for each in plan.metrics)


PLACES = [place for place in places(yaml.safe_load(FULL)) if place[:2] == ("spec", "product")]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(PLACES), values)
def test_any_value_at_any_place_is_read_or_refused(place: tuple[str | int, ...], value: Any) -> None:
    assert is_read_or_refused(dump(replaced(load(FULL, "x.yaml").data, place, value)))


def errors_of(document: Any) -> list[str]:
    return [error.message for error in Draft202012Validator(json_schema()).iter_errors(document)]


@pytest.mark.parametrize("text", [SMALLEST, FULL])
def test_the_schema_takes_the_section_before_and_after_filling_in(text: str) -> None:
    document = parse(text, "x.yaml")
    assert errors_of(document.source.data) == []
    assert errors_of(to_plain(document)) == []


@pytest.mark.parametrize("text", BAD.values(), ids=BAD.keys())
def test_the_schema_refuses_bad_fields(text: str) -> None:
    assert errors_of(load(text, "x.yaml").data) != []


def test_what_is_beyond_the_schema_is_among_the_bad() -> None:
    assert set(CASES) > BEYOND_A_SCHEMA
