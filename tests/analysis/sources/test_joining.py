"""What a query gets out of a joined one is what it would have got by itself, and few queries are enough."""

import math

import pytest
from hypothesis import given

from analysis.sources.conditions import Unsure
from analysis.sources.fake import FakeOptions, FakeSource
from analysis.sources.joining import Joined, Shares, joined, span_ms
from analysis.sources.queries import Query
from analysis.sources.series import Shape, parse_matrix
from engine.core.model import Matcher, Selector
from tests.analysis.sources.crowd import QUERIES, samples
from tests.analysis.sources.native_histograms import Client

NOW_S = 1_700_000_000.0


@pytest.fixture(scope="module")
def source() -> FakeSource:
    source = FakeSource(FakeOptions())
    for at_s, name, labels, value in samples():
        if isinstance(value, Client):
            source.scrape_histogram(at_s, name, labels, value.shown())
        elif not math.isnan(value):
            source.scrape(at_s, name, labels, value)
    return source


def exact(query: Query) -> Query:
    """The query with the range that a server reads from its text."""
    start_ms, end_ms = span_ms(query)
    return Query(selector=query.selector, shape=query.shape, start_s=start_ms / 1000, end_s=end_ms / 1000)


@given(queries=QUERIES)
def test_each_gets_what_it_would_have_got_by_itself(source: FakeSource, queries: list[Query]) -> None:
    for one in joined(queries, most=5):
        shares = Shares(one, source.matrix(exact(one.query)))
        for query in one.members:
            alone = parse_matrix(source.matrix(exact(query)), shape=query.shape)
            assert shares.of(query) == alone


def a_query(*conditions: tuple[str, str, str], name: str = "hits", end_s: float = NOW_S) -> Query:
    matchers = tuple(Matcher(label=label, op=op, value=value) for label, op, value in conditions)
    selector = Selector(name=name, matchers=matchers)
    return Query(selector=selector, shape=Shape.TRIALS, start_s=end_s - 10, end_s=end_s)


def one_of(queries: list[Query], most: int = 100) -> Joined:
    (one,) = joined(queries, most)
    assert set(one.members) == set(queries)
    return one


def test_a_thousand_runs_with_errors_and_totals_are_one_query_per_chunk() -> None:
    queries = [
        a_query(("service", "=~", rf"v1-{run}@k8s|v2-{run}@k8s"), *errors)
        for run in range(1000)
        for errors in ((), (("code", "=~", "5.."),))
    ]
    found = joined(queries, most=250)
    assert sum(len(one.members) for one in found) == 2000
    assert len(found) <= 5


def test_the_condition_is_the_union_of_the_values() -> None:
    one = one_of([a_query(("job", "=", "app"), ("service", "=", value)) for value in ("a", "b.c")])
    assert one.query.selector.matchers == (
        Matcher(label="job", op="=", value="app"),
        Matcher(label="service", op="=~", value=r"a|b\.c"),
    )


def test_errors_ride_with_totals_even_of_one_run() -> None:
    total = a_query(("service", "=~", "a.*"))
    one = one_of([total, a_query(("service", "=~", "a.*"), ("code", "=~", "5.."))])
    assert one.query == total


def test_patterns_are_joined_with_patterns_and_values() -> None:
    gateway = r"httproute-shop-.+-(0|1)-[0-9a-f]+-svc-(v1|v2)-[0-9]+@gw"
    one = one_of([a_query(("service", "=~", gateway)), a_query(("service", "=~", "a.c|d"))])
    (condition,) = one.query.selector.matchers
    assert condition.value == f"(?:a.c|d)|(?:{gateway})"
    series = [
        {"metric": {"service": name}, "values": [[NOW_S, "1"]]}
        for name in ("abc", "d", "httproute-shop-x-1-9f-svc-v2-80@gw")
    ]
    shares = Shares(one, series)
    found = {query: {each.labels["service"] for each in shares.of(query)} for query in one.members}
    assert sorted(map(sorted, found.values())) == [["abc", "d"], ["httproute-shop-x-1-9f-svc-v2-80@gw"]]


def test_other_counters_and_what_differs_twice_are_not_joined() -> None:
    assert joined([a_query(("service", "=", "a")), a_query(("service", "=", "a"), name="misses")], 9) == []
    two = [a_query(("a", "=", value), ("b", "=", value)) for value in ("1", "2")]
    assert joined(two, 9) == []


@pytest.mark.parametrize(
    "pattern", ["(a|b)+", "a++", "[9-0]", "[[:alpha:]]x", r"\d", "a{2}", "x" * 301 + ".", "*", ".*.*.*.*.*"]
)
def test_what_python_and_the_server_may_understand_differently_is_asked_alone(pattern: str) -> None:
    assert joined([a_query(("a", "=", "1")), a_query(("a", "=", "1"), ("code", "=~", pattern))], 9) == []


def test_a_bucket_that_is_chosen_by_its_bound_is_asked_alone() -> None:
    assert joined([a_query(("le", "=", "1")), a_query(("le", "=", "2"))], 9) == []


def test_a_long_past_is_not_read_for_those_who_need_little() -> None:
    near = [a_query(("a", "=", str(number)), end_s=NOW_S + number) for number in range(3)]
    past = [a_query(("a", "=", str(number)), end_s=NOW_S - 3600) for number in range(3)]
    found = joined([*near, *past], 9)
    assert [len(one.members) for one in found] == [3, 3]
    assert all(one.query.end_s - one.query.start_s <= 30 for one in found)


def test_conditions_do_not_grow_without_bound() -> None:
    queries = [a_query(("a", "=", f"{number:0500}")) for number in range(100)]
    found = joined(queries, 100)
    assert sum(len(one.members) for one in found) >= 99
    assert max(len(one.query.selector.matchers[0].value) for one in found) <= 12_000


def test_values_with_line_breaks_are_left_to_the_server() -> None:
    one = one_of([a_query(("a", "=", "1")), a_query(("a", "=", "1"), ("b", "=~", "x.y"))])
    shares = Shares(one, [{"metric": {"a": "1", "b": "x\ny"}, "values": [[NOW_S, "1"]]}])
    with pytest.raises(Unsure):
        shares.of(one.members[1])


def test_series_are_not_copied_for_those_who_get_all_their_samples() -> None:
    one = one_of([a_query(("a", "=", "1")), a_query(("a", "=", "1"), ("b", "!=", "x"))])
    shares = Shares(one, [{"metric": {"a": "1"}, "values": [[NOW_S, "1"]]}])
    assert shares.of(one.members[0])[0] is shares.of(one.members[1])[0]
