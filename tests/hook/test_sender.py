"""Events reach an engine that is there, wait for one that is not, and hold nobody up."""

import logging
import multiprocessing
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from engine.intake import Occurrence
from engine.intake.cloud import record_of
from engine.openfeature import Sender
from engine.openfeature.sender import TOKEN_VARIABLE
from tests.hook.receiving import Engine, receiving
from tests.local.waiting import eventually

KIND = "dev.rampwise.event.v1"


def an_event(number: int = 0) -> dict[str, Any]:
    return {"unit": "ada", "name": "purchase", "value": number}


def test_events_arrive_in_batches_as_the_engine_takes_them(engine: Engine, sender: Sender) -> None:
    for number in range(500):
        assert sender.send(KIND, "/shop", an_event(number))
    assert sender.flush(10)
    records = [record_of(event, time.time()) for event in engine.events]
    assert [record.value for record in records if isinstance(record, Occurrence)] == list(range(500))
    assert len({record.id for record in records}) == 500
    assert engine.tries < 20


@pytest.mark.parametrize("status", [401, 404, 408, 429, 500, 503, 302])
def test_what_is_not_acknowledged_comes_again(engine: Engine, sender: Sender, status: int) -> None:
    engine.status = status
    sender.send(KIND, "/shop", an_event())
    eventually(lambda: engine.tries > 1)
    engine.status = 202
    assert sender.flush(10)
    assert len(engine.events) == 1
    assert (sender.lost, sender.refused) == (0, 0)


@pytest.mark.parametrize("status", [400, 415, 422])
def test_what_would_be_refused_again_is_not_sent_again(
    engine: Engine, sender: Sender, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    engine.status = status
    sender.send(KIND, "/shop", an_event())
    assert sender.flush(10)
    assert (engine.tries, sender.refused) == (1, 1)
    assert "refused" in caplog.text


def test_refused_events_of_a_batch_are_counted(
    engine: Engine, sender: Sender, caplog: pytest.LogCaptureFixture
) -> None:
    engine.refused = [{"index": 0, "why": "unit: found nothing"}]
    sender.send(KIND, "/shop", an_event())
    assert sender.flush(10)
    assert sender.refused == 1
    assert "unit: found nothing" in caplog.text


def test_a_batch_that_is_too_large_is_sent_in_parts(engine: Engine, sender: Sender) -> None:
    engine.most_events = 3
    for number in range(20):
        sender.send(KIND, "/shop", an_event(number))
    assert sender.flush(10)
    assert len(engine.events) == 20
    engine.most_events = 0
    sender.send(KIND, "/shop", an_event())
    assert sender.flush(10)
    assert sender.refused == 1


def test_of_a_batch_that_is_refused_as_a_whole_only_the_bad_events_are_lost(
    engine: Engine, sender: Sender, caplog: pytest.LogCaptureFixture
) -> None:
    engine.poison = {"mallory"}
    for number in range(50):
        sender.send(KIND, "/shop", {**an_event(number), "unit": "mallory" if number in {7, 30} else "ada"})
    assert sender.flush(10)
    assert [data["value"] for data in engine.data()] == [n for n in range(50) if n not in {7, 30}]
    assert (sender.refused, sender.lost) == (2, 0)
    assert caplog.text.count("2 events were refused: status 400") == 1


def test_a_batch_of_which_every_event_was_looked_at_is_not_sent_in_parts(
    engine: Engine, sender: Sender
) -> None:
    engine.status = 400
    engine.refused = [{"index": index, "why": "unit: found nothing"} for index in range(2)]
    sender.send(KIND, "/shop", an_event(1))
    sender.send(KIND, "/shop", an_event(2))
    assert sender.flush(10)
    assert (engine.tries, sender.refused) == (1, 2)


def test_what_json_cannot_write_loses_no_other_event(
    engine: Engine, sender: Sender, caplog: pytest.LogCaptureFixture
) -> None:
    looped: dict[str, Any] = {}
    looped["self"] = looped
    for bad in (float("nan"), float("inf"), {("a", 1): 2}, looped):
        assert not sender.send(KIND, "/shop", {"unit": "ada", "name": "purchase", "value": bad})
    assert sender.send(KIND, "/shop", {"unit": "ada", "name": "purchase", "at": Path("x")})
    assert sender.flush(10)
    assert [data["at"] for data in engine.data()] == ["x"]
    assert (sender.refused, sender.lost) == (4, 0)
    assert "cannot be written as JSON" in caplog.text


@pytest.mark.parametrize("body", [b"<html>", b"[]"])
def test_what_is_no_engine_acknowledges_nothing(engine: Engine, sender: Sender, body: bytes) -> None:
    engine.body = body
    sender.send(KIND, "/shop", an_event())
    eventually(lambda: engine.tries > 1)
    engine.body = None
    assert sender.flush(10)
    assert (sender.lost, sender.refused) == (0, 0)


def test_events_wait_for_an_engine_that_is_away(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with receiving() as engine:
        url = engine.url
    waiting = Sender(url, token="")
    with caplog.at_level(logging.WARNING):
        for number in range(50):
            assert waiting.send(KIND, "/shop", an_event(number))
        assert not waiting.flush(0.5)
    assert caplog.text.count("does not answer") == 1
    began_s = time.monotonic()
    waiting.close(5)
    assert time.monotonic() - began_s < 4
    assert waiting.lost == 50
    assert waiting._session is not None
    waiting._session.close()


def test_an_engine_that_hangs_delays_no_caller(engine: Engine, sender: Sender) -> None:
    engine.may.clear()
    longest_s = 0.0
    for number in range(20_000):
        began_s = time.perf_counter()
        sender.send(KIND, "/shop", an_event(number))
        longest_s = max(longest_s, time.perf_counter() - began_s)
    assert longest_s < 1.0
    assert sender.lost >= 20_000 - 10_000 - 200


@pytest.mark.parametrize(("given", "sent"), [("s3cret", "Bearer s3cret"), ("", None), (None, "Bearer env")])
def test_the_token_is_sent(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, given: str | None, sent: str | None
) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, "env")
    own = Sender(engine.url, token=given)
    own.send(KIND, "/shop", an_event())
    assert own.flush(10)
    own.close(5)
    assert engine.tokens == [sent]
    assert isinstance(own._session, requests.Session)
    own._session.close()


def test_a_netrc_of_the_machine_does_not_take_the_tokens_place(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login ada password hunter2")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    own = Sender(engine.url, token="s3cret")
    own.send(KIND, "/shop", an_event())
    assert own.flush(10)
    own.close(5)
    assert engine.tokens == ["Bearer s3cret"]
    assert own._session is not None
    own._session.close()


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_process_sends_its_own(engine: Engine, sender: Sender) -> None:
    engine.may.clear()
    sender.send(KIND, "/shop", an_event(1))
    eventually(lambda: engine.tries == 1)
    child = multiprocessing.get_context("fork").Process(target=_in_child, args=(sender,))
    child.start()
    eventually(lambda: engine.tries == 2)
    engine.may.set()
    child.join(30)
    assert child.exitcode == 0
    assert sender.flush(10)
    assert sorted(data["value"] for data in engine.data()) == [1, 2]


def _in_child(sender: Sender) -> None:
    sender.send(KIND, "/shop", an_event(2))
    assert sender.flush(20)
    assert sender.lost == 0


_SCRIPT = """
import sys
from engine.openfeature import Sender
sender = Sender(sys.argv[1], token="")
for number in range(300):
    sender.send("dev.rampwise.event.v1", "/shop", {"unit": "ada", "name": "purchase", "value": number})
"""


def test_the_end_of_the_process_sends_what_waits(engine: Engine) -> None:
    subprocess.run(
        [sys.executable, "-W", "ignore::ResourceWarning", "-c", _SCRIPT, engine.url], check=True, timeout=50
    )
    assert len(engine.events) == 300


def test_the_end_of_the_process_is_not_held_up_for_long(engine: Engine) -> None:
    engine.may.clear()
    began_s = time.monotonic()
    subprocess.run([sys.executable, "-c", _SCRIPT, engine.url], check=True, timeout=50)
    assert time.monotonic() - began_s < 20
    engine.may.set()


def test_importing_the_package_costs_no_heavy_library() -> None:
    heavy = ["numpy", "scipy", "sqlalchemy", "requests", "pydantic", "structlog", "yaml", "cloudevents"]
    code = f"import sys, engine.openfeature; print([m for m in {heavy} if m in sys.modules])"
    told = subprocess.run(
        [sys.executable, "-c", code], check=True, timeout=50, capture_output=True, text=True
    )
    assert told.stdout.strip() == "[]"
