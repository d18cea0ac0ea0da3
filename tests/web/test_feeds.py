"""Server-sent events: nothing is missed, nothing is told twice, and streams are bounded."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from engine.core.events import Actor, Verb
from engine.web import app, feeds
from tests.analysis.sources.servers import wait_until
from tests.web.conftest import Served

ADA = Actor(user="ada", host="desk")


@dataclass(frozen=True)
class Message:
    kind: str
    id: str | None
    data: Any


class Reader:
    """Reads a stream as browsers do."""

    def __init__(self, answer: requests.Response) -> None:
        self.answer = answer
        self._lines = answer.iter_lines(chunk_size=1, decode_unicode=True)

    def next(self, kind: str) -> Message:
        """The next message of this kind."""
        while True:
            message = self._message()
            if message.kind == kind:
                return message

    def _message(self) -> Message:
        fields: dict[str, str] = {}
        for line in self._lines:
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
            elif "data" in fields:
                return Message(fields["event"], fields.get("id"), json.loads(fields["data"]))
            elif fields:
                return Message("retry" if "retry" in fields else "beat", None, None)
        raise AssertionError("the stream ended")


@contextmanager
def reading(served: Served, path: str, **headers: str) -> Iterator[Reader]:
    with requests.get(served.url + path, stream=True, timeout=10, headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        yield Reader(answer)


def test_a_run_tells_every_entry_of_its_log_as_it_is_written(served: Served) -> None:
    run_id = served.launched()
    with reading(served, f"events/{run_id}") as reader:
        assert reader.next("retry")
        assert reader.next("state").data["says"] == "Live. Not ticked yet."
        served.tick(run_id)
        first = reader.next("news")
    assert first.id == "2"
    assert first.data["run"] == run_id
    assert {"seq", "type", "says", "reason", "rule", "actor", "at_s"} <= set(first.data)


def test_a_reader_that_lost_its_connection_misses_nothing(served: Served) -> None:
    run_id = served.launched()
    served.tick(run_id, 2)
    seq = served.site.store.load(run_id).snapshot.run.seq
    with reading(served, f"events/{run_id}?after=1", **{"Last-Event-ID": "2"}) as reader:
        told = [int(reader.next("news").id or 0) for _ in range(seq - 2)]
    assert told == list(range(3, seq + 1))


def test_a_page_goes_on_from_the_entry_that_it_shows(served: Served) -> None:
    run_id = served.launched()
    served.tick(run_id, 2)
    with reading(served, f"events/{run_id}?after=2") as reader:
        assert reader.next("news").id == "3"


def test_an_ended_run_ends_its_streams_and_tells_readers_not_to_come_back(served: Served) -> None:
    run_id = served.launched()
    with reading(served, f"events/{run_id}") as reader:
        served.site.store.request(run_id, Verb.STOP, ADA, "enough", "cli", served.desk.clock.now_s())
        served.tick(run_id)
        while reader.next("state").data["state"] != "ended":
            pass
        with pytest.raises(AssertionError, match="ended"):
            reader.next("news")
    assert served.get(f"events/{run_id}").status_code == 204


def test_a_run_that_nobody_ticks_any_more_is_told(served: Served) -> None:
    run_id = served.launched()
    served.tick(run_id)
    with reading(served, f"events/{run_id}") as reader:
        assert reader.next("state").data["state"] == "live"
        served.desk.clock.at_s += 40
        assert reader.next("state").data["state"] == "silent"


def test_the_list_is_told_when_any_run_moves(served: Served) -> None:
    run_id = served.launched()
    seen = served.site.feeds.position()
    with reading(served, f"events?after={seen}") as reader:
        reader.next("retry")
        served.tick(run_id)
        assert reader.next("news").id == served.site.feeds.position()


def test_a_quiet_stream_beats(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "BEAT_S", 0.05)
    run_id = served.launched()
    with reading(served, f"events/{run_id}") as reader:
        assert reader.next("beat")


def test_streams_are_bounded_and_given_back(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "MOST_FEEDS", 1)
    monkeypatch.setattr(feeds, "BEAT_S", 0.05)
    run_id = served.launched()
    with reading(served, f"events/{run_id}") as reader:
        reader.next("retry")
        refused = served.get("events")
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "10")
    wait_until(lambda: served.site.feeds.open == 0, "the stream to be given back")
    with reading(served, "events") as reader:
        assert reader.next("retry")
