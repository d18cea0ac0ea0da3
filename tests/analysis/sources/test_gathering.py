"""Reads of many runs together: fewer queries, nobody's trouble but everybody's, and no wait for one alone."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from analysis.sources import gathering
from analysis.sources.gathering import Found, Gathering
from analysis.sources.http import Trouble
from analysis.sources.queries import Query
from analysis.sources.series import Shape
from engine.core.measure import Missing, MissingReason
from engine.core.model import Matcher, Selector

NOW_S = 1_700_000_000.0
Matrix = Sequence[Mapping[str, Any]]


def a_query(service: str, name: str = "hits") -> Query:
    selector = Selector(name=name, matchers=(Matcher(label="service", op="=", value=service),))
    return Query(selector=selector, shape=Shape.TRIALS, start_s=NOW_S - 10, end_s=NOW_S)


class Server:
    """Has one sample of every service that is asked for; `trouble` says what is wrong with a query."""

    def __init__(self, trouble: Callable[[Query], Exception | None] = lambda _: None) -> None:
        self.trouble = trouble
        self.asked: list[Query] = []

    def ask(self, query: Query, _timeout_s: float) -> Matrix:
        self.asked.append(query)
        if error := self.trouble(query):
            raise error
        return [{"metric": {"service": service}, "values": [[NOW_S, "1"]]} for service in services(query)]


def services(query: Query) -> list[str]:
    return query.selector.matchers[0].value.split("|")


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "COLLECT_S", 0.2)
    monkeypatch.setattr(gathering, "MANY", 2)


def crowd(many: Gathering, *reads: Sequence[Query], left_s: float = 5.0) -> list[Found]:
    """All of these read at once, after others did."""
    for reader in range(gathering.MANY):
        many.read(f"before {reader}", (), left_s)
    began = threading.Barrier(len(reads))

    def read(number: int) -> Found:
        began.wait(5)
        return many.read(number, reads[number], left_s)

    with ThreadPoolExecutor(len(reads)) as pool:
        return list(pool.map(read, range(len(reads))))


def test_many_readers_are_one_query_and_each_has_its_own_series() -> None:
    server = Server()
    queries = [a_query(f"s{number}") for number in range(20)]
    found = crowd(Gathering(server.ask), *([query] for query in queries))
    assert len(server.asked) == 1
    for query, answers in zip(queries, found, strict=True):
        series = answers[query]
        assert not isinstance(series, Missing)
        assert [one.labels for one in series] == [{"service": services(query)[0]}]


def test_one_reader_alone_does_not_wait() -> None:
    server = Server()
    many = Gathering(server.ask)
    began_s = time.monotonic()
    assert [many.read("me", [a_query("a")], 5.0) for _ in range(50)] == [{}] * 50
    assert time.monotonic() - began_s < 0.2
    assert server.asked == []


def test_readers_of_long_ago_are_not_many() -> None:
    now_s = [0.0]
    many = Gathering(Server().ask, now_s=lambda: now_s[0])
    for reader in range(5):
        now_s[0] += gathering.RECENT_S * 1.1
        assert many.read(f"{reader}", [a_query("a")], 5.0) == {}


def test_a_full_batch_does_not_wait_for_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "COLLECT_S", 60.0)
    monkeypatch.setattr(gathering, "MOST_READS", 4)
    server = Server()
    found = crowd(Gathering(server.ask), *([a_query(f"s{number}")] for number in range(8)), left_s=200.0)
    assert all(found)
    assert len(server.asked) == 2


def test_a_query_that_the_server_refuses_is_asked_alone_until_it_behaves() -> None:
    def refuses_bad(query: Query) -> Exception | None:
        return Trouble(MissingReason.BAD_QUERY, "no", is_of_query=True) if "bad" in services(query) else None

    server = Server(refuses_bad)
    many = Gathering(server.ask)
    reads = [[a_query(service)] for service in ("good", "bad", "fine")]
    assert crowd(many, *reads) == [{}, {}, {}]
    for (query,) in (reads[0], reads[2]):
        many.behaved(query.selector)
    good, bad, fine = crowd(many, *reads)
    assert (good[reads[0][0]], bad) == (fine[reads[0][0]], {})
    assert [sorted(services(query)) for query in server.asked] == [["bad", "fine", "good"], ["fine", "good"]]


def test_after_a_refusal_fewer_are_asked_at_once() -> None:
    refused = [True]

    def refuses_once(_: Query) -> Exception | None:
        return Trouble(MissingReason.SOURCE_ERROR, "too many", is_of_query=True) if refused.pop() else None

    server = Server(lambda query: refuses_once(query) if refused else None)
    many = Gathering(server.ask)
    queries = [a_query(f"s{number}") for number in range(gathering.MOST_SELECTORS)]
    assert crowd(many, queries, [a_query("s0")])[0] == {}
    for query in queries:
        many.behaved(query.selector)
    found = crowd(many, queries, [a_query("s0")])
    assert all(query in found[0] for query in queries)
    assert [len(services(query)) for query in server.asked] == [250, 125, 125]


@pytest.mark.parametrize("reason", [MissingReason.SOURCE_DOWN, MissingReason.SOURCE_SLOW])
def test_a_server_that_is_gone_is_everybodys_trouble_and_asked_once(reason: MissingReason) -> None:
    server = Server(lambda _: Trouble(reason, "gone"))
    queries = [a_query("a"), a_query("b"), a_query("a", name="other"), a_query("b", name="other")]
    found = crowd(Gathering(server.ask), queries[::2], queries[1::2])
    assert len(server.asked) == 1
    assert {found[0][query] for query in queries} == {Missing(reason=reason, detail="gone")}


def test_an_answer_in_part_is_trouble_of_those_who_asked_that() -> None:
    def partial(query: Query) -> Exception | None:
        return Trouble(MissingReason.PARTIAL, "in part") if query.selector.name == "other" else None

    queries = [a_query("a"), a_query("b"), a_query("a", name="other"), a_query("b", name="other")]
    found = crowd(Gathering(Server(partial).ask), queries[::2], queries[1::2])
    assert [isinstance(found[0][query], Missing) for query in queries] == [False, False, True, True]


def test_a_defect_and_an_odd_answer_leave_each_to_ask_alone() -> None:
    server = Server(lambda _: RecursionError())
    many = Gathering(server.ask)
    assert crowd(many, [a_query("a")], [a_query("b")]) == [{}, {}]
    odd = Gathering(lambda *_: [{"metric": {}}])
    assert crowd(odd, [a_query("a")], [a_query("b")]) == [{}, {}]


def test_each_waits_no_longer_than_it_can(released: threading.Event) -> None:
    def hang(_query: Query, _timeout_s: float) -> Matrix:
        released.wait(20)
        return []

    began_s = time.monotonic()
    first, second = crowd(Gathering(hang), [a_query("a")], [a_query("b")], left_s=0.6)
    assert time.monotonic() - began_s < 3
    reasons = {
        missing.reason
        for found in (first, second)
        for missing in found.values()
        if isinstance(missing, Missing)
    }
    assert reasons == {MissingReason.SOURCE_SLOW}


def test_who_is_in_a_hurry_waits_for_nobody() -> None:
    server = Server()
    assert crowd(Gathering(server.ask), [a_query("a")], [a_query("b")], left_s=0.3) == [{}, {}]
    assert server.asked == []


@pytest.fixture
def released() -> Any:
    event = threading.Event()
    yield event
    event.set()
