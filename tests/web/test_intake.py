"""`POST /events`: what is acknowledged is kept, what is refused is told, and twice is once."""

import json
import threading
import time
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent

from engine.adapters.store.intake import SqlIntake
from engine.errors import StoreBusy
from engine.intake import Exposure, Occurrence
from engine.web import intake
from engine.web.intake import BATCH, STRUCTURED
from tests.cli.desk import Desk
from tests.web.conftest import Served, serve

EXPOSURE, EVENT = "dev.rampwise.exposure.v1", "dev.rampwise.event.v1"


def an_event(number: int = 0, kind: str = EVENT, /, **changes: Any) -> dict[str, Any]:
    own = {"experiment": "checkout", "variant": "v2", "dimensions": {"country": "de"}}
    did = {"name": "purchase", "value": 12.5, "id": f"order-{number}"}
    return {
        "specversion": "1.0",
        "id": f"e{number}",
        "source": "/shop",
        "type": kind,
        "time": datetime.now(UTC).isoformat(),
        "data": {"unit": "ada", **(own if kind == EXPOSURE else did)},
        **changes,
    }


def send(served: Served, body: object, kind: str = BATCH, **headers: str) -> requests.Response:
    data = body if isinstance(body, bytes) else json.dumps(body)
    return served.session.post(
        f"{served.url}events", data=data, headers={"Content-Type": kind, **headers}, timeout=20
    )


def exposures(served: Served) -> list[Exposure]:
    return list(served.desk.store.intake.exposures("checkout"))


def events(served: Served) -> list[Occurrence]:
    """All of ada's."""
    return sorted(served.desk.store.intake.occurrences("checkout"), key=lambda each: each.id)


def test_a_batch_is_kept_and_twice_is_once(served: Served) -> None:
    batch = [an_event(0, EXPOSURE), an_event(1), an_event(2)]
    for _ in range(2):
        answer = send(served, batch)
        assert (answer.status_code, answer.json()) == (202, {"accepted": 3})
    (exposure,) = exposures(served)
    assert (exposure.unit, exposure.variant, exposure.dimensions) == ("ada", "v2", {"country": "de"})
    assert [(each.name, each.value, each.event_id) for each in events(served)] == [
        ("purchase", 12.5, "order-1"),
        ("purchase", 12.5, "order-2"),
    ]


def test_structured_and_binary_messages_of_the_sdk_are_taken(served: Served) -> None:
    send(served, [an_event(0, EXPOSURE)])
    for number, convert in ((1, to_structured_event), (2, to_binary_event)):
        attributes = {
            **{key: value for key, value in an_event(number).items() if key not in {"data", "time"}},
            "time": datetime.now(UTC),
            "datacontenttype": "application/json",
        }
        message = convert(CloudEvent(attributes, {"unit": "ada", "name": "größe", "value": number}))
        answer = served.session.post(
            f"{served.url}events", data=message.body, headers=message.headers, timeout=20
        )
        assert (answer.status_code, answer.json()) == (202, {"accepted": 1})
    assert [(each.name, each.value) for each in events(served)] == [("größe", 1.0), ("größe", 2.0)]
    assert [each.event_id for each in events(served)] == ["/shop#e1", "/shop#e2"]


def test_refused_events_are_told_one_by_one_and_the_others_are_kept(served: Served) -> None:
    batch = [an_event(0, EXPOSURE), an_event(1, type="other"), an_event(2), "text", an_event(3, id="")]
    answer = send(served, batch)
    assert answer.status_code == 202
    assert answer.json()["accepted"] == 2
    assert [each["index"] for each in answer.json()["refused"]] == [1, 3, 4]
    assert "expected dev.rampwise.exposure.v1" in answer.json()["refused"][0]["why"]
    assert [each.id for each in events(served)] == ["e2"]


def test_a_message_of_which_nothing_is_kept_is_an_error(served: Served) -> None:
    answer = send(served, [an_event(1, type="other")])
    assert (answer.status_code, answer.json()["accepted"]) == (400, 0)
    assert send(served, []).json() == {"accepted": 0}


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", BATCH, 400),
        (b'{"specversion": "1.0"}', BATCH, 400),
        (b'[{"data": NaN}]', BATCH, 400),
        (b"[" * 100_000, BATCH, 400),
        (b"{}", STRUCTURED, 400),
        (b"{}", "application/json", 415),
        (b"{}", "text/plain", 415),
        (json.dumps([{}] * (intake.MOST_EVENTS + 1)).encode(), BATCH, 413),
        (b" " * (intake.MOST_BYTES + 1), BATCH, 413),
    ],
)
def test_what_is_no_message_is_an_error(served: Served, body: bytes, kind: str, status: int) -> None:
    assert send(served, body, kind).status_code == status


def test_nothing_is_acknowledged_while_the_database_is_locked(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: object) -> None:
        raise StoreBusy("locked")

    with monkeypatch.context() as patched:
        patched.setattr(SqlIntake, "take_in", busy)
        answer = send(served, [an_event(0, EXPOSURE)])
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert exposures(served) == []


def test_a_bug_is_no_acknowledgement(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("password=hunter2")

    monkeypatch.setattr(SqlIntake, "take_in", broken)
    answer = send(served, [an_event(0, EXPOSURE)])
    assert answer.status_code == 500
    assert "hunter2" not in answer.text


def test_who_comes_when_it_is_full_is_told_to_come_again(served: Served) -> None:
    assert served.site.applications is not None
    served.site.applications.events._room.most = 0
    answer = send(served, [an_event()])
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")


@pytest.mark.parametrize(("sent", "status"), [("", 401), ("Bearer no", 401), ("Bearer s3cret", 202)])
def test_with_a_token_everybody_has_to_send_it(desk: Desk, sent: str, status: int) -> None:
    with serve(desk, token="s3cret") as guarded:
        headers = {"Authorization": sent} if sent else {}
        assert send(guarded, [an_event()], **headers).status_code == status


def test_no_foreign_page_and_no_proxy_may_send_without_the_token(served: Served) -> None:
    for header in ("Origin", "Via", "X-Forwarded-For"):
        answer = send(served, [an_event()], **{header: "x"})
        assert answer.status_code == 403
    assert send(served, [an_event()], Host="evil.example").status_code == 421


def test_events_of_runs_are_still_read_at_the_same_address(served: Served) -> None:
    with served.get("events", stream=True) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
    answer = served.session.delete(f"{served.url}events", timeout=20)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST")


def test_many_senders_at_once_lose_nothing(served: Served) -> None:
    send(served, [an_event(0, EXPOSURE)])
    url, statuses = f"{served.url}events", []

    def sender(first: int) -> None:
        for number in range(first, first + 20):
            body = json.dumps([an_event(number)])
            while True:
                answer = requests.post(url, data=body, headers={"Content-Type": BATCH}, timeout=20)
                statuses.append(answer.status_code)
                if answer.status_code == 202:
                    break
                time.sleep(0.01)  # as it is told to: 429

    threads = [threading.Thread(target=sender, args=(1 + 20 * each,)) for each in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(events(served)) == 120
    assert set(statuses) <= {202, 429}


def test_an_event_without_a_time_happened_when_it_came(served: Served) -> None:
    untimed = {key: value for key, value in an_event(0, EXPOSURE).items() if key != "time"}
    send(served, [untimed])
    (exposure,) = exposures(served)
    assert exposure.at_s == served.desk.clock.at_s
