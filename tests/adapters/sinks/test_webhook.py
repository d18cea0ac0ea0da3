"""The webhook is a valid CloudEvent, its signature convinces others, and it shows no secret."""

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from pydantic import ValidationError
from standardwebhooks import Webhook, WebhookVerificationError

from engine.adapters.sinks import WebhookSink
from engine.core.letter import Delivered, Refused
from engine.core.notice import to_plain
from engine.plugins import check_options, plain_options
from engine.ports import Sink
from engine.testing.sinks import a_notice
from tests.adapters.sinks.receivers import Inbox
from tests.trickling import A_HEAD, trickling

KEY = "whsec_" + base64.b64encode(b"k" * 32).decode()


def webhook(**options: Any) -> Sink:
    return WebhookSink(check_options(WebhookSink, options))


@pytest.mark.parametrize("mode", ["structured", "binary"])
def test_a_receiver_reads_a_cloudevent(inbox: Inbox, mode: str) -> None:
    notice = a_notice()
    assert isinstance(webhook(url=inbox.url, mode=mode, source="/shop").deliver(notice), Delivered)
    [(_, headers, body)] = inbox.requests
    event = from_http_event(HTTPMessage(headers=headers, body=body))
    assert {name: event.get_attributes()[name] for name in ("id", "source", "type", "subject", "time")} == {
        "id": "r1/7/rollback",
        "source": "/shop",
        "type": "dev.rampwise.run.rollback",
        "subject": "r1",
        "time": datetime.fromtimestamp(1000, UTC),
    }
    assert event.get_attributes()["datacontenttype"] == "application/json"
    assert event.get_data() == to_plain(notice)
    expected = "application/cloudevents+json" if mode == "structured" else "application/json"
    assert headers["content-type"].startswith(expected)


@pytest.mark.parametrize("mode", ["structured", "binary"])
def test_the_signature_convinces_another_library(
    inbox: Inbox, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", KEY)
    webhook(url=inbox.url, mode=mode, secret={"env": "KEY"}).deliver(a_notice())
    [(_, headers, body)] = inbox.requests
    assert Webhook(KEY).verify(body, headers) == json.loads(body)
    assert headers["webhook-id"] == a_notice().id
    with pytest.raises(WebhookVerificationError):
        Webhook(KEY).verify(body.replace(b"v2", b"v3"), headers)
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_b3RoZXI=").verify(body, headers)


def test_without_a_secret_nothing_claims_to_be_signed(inbox: Inbox) -> None:
    webhook(url=inbox.url).deliver(a_notice())
    assert not [name for name in inbox.requests[0][1] if name.startswith("webhook-")]


def test_a_redirect_is_not_followed(inbox: Inbox) -> None:
    inbox.status, inbox.location = 307, f"{inbox.url}/elsewhere"
    outcome = webhook(url=inbox.url).deliver(a_notice())
    assert outcome == Refused(
        detail=f"{inbox.url} answered status 307: redirects are not followed, name its goal"
    )
    assert len(inbox.requests) == 1


@pytest.mark.parametrize(
    ("status", "retry"), [(500, True), (503, True), (429, True), (401, True), (404, True), (410, False)]
)
def test_only_what_no_attempt_would_better_is_final(inbox: Inbox, status: int, retry: bool) -> None:
    inbox.status = status
    outcome = webhook(url=inbox.url).deliver(a_notice())
    assert outcome == Refused(detail=f"{inbox.url} answered status {status}", retry=retry)


def test_a_receiver_that_says_nothing_is_given_up_in_time() -> None:
    with trickling(b"", every_s=5.0) as port:
        outcome = webhook(url=f"http://127.0.0.1:{port}/s3cret", timeout="200ms").deliver(a_notice())
    assert outcome == Refused(detail=f"http://127.0.0.1:{port} did not answer within 0.2 s")


def test_the_answers_body_is_not_waited_for() -> None:
    with trickling(A_HEAD) as port:
        assert isinstance(webhook(url=f"http://127.0.0.1:{port}").deliver(a_notice()), Delivered)


def test_a_file_holds_the_secret_and_may_change_at_any_time(inbox: Inbox, tmp_path: Path) -> None:
    file = tmp_path / "key"
    sink = webhook(url=inbox.url, secret={"file": str(file)})
    missing = sink.deliver(a_notice())
    assert missing == Refused(detail=f"the file {file} cannot be read: No such file or directory")
    file.write_text(f"{KEY}\n")
    assert isinstance(sink.deliver(a_notice()), Delivered)


@pytest.mark.parametrize(
    ("name", "value", "detail"),
    [
        ("KEY", "", "the environment variable KEY is not set or empty; the engine that sends needs it"),
        ("KEY", "s3cret!", "the environment variable KEY holds no signing secret: that is whsec_ and base64"),
        ("KEY", "two\nlines", "the environment variable KEY holds something else than one line of text"),
        ("URL", "s3cret://x", "the environment variable URL does not hold a URL such as https://example.com"),
    ],
)
def test_a_secret_that_cannot_be_used_is_named_and_not_shown(
    inbox: Inbox, name: str, value: str, detail: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", KEY)
    monkeypatch.setenv("URL", inbox.url)
    monkeypatch.setenv(name, value)
    outcome = webhook(url={"env": "URL"}, secret={"env": "KEY"}).deliver(a_notice())
    assert isinstance(outcome, Refused)
    assert outcome.retry
    assert outcome.detail.startswith(detail)
    assert "s3cret" not in outcome.detail
    assert inbox.requests == []


def test_a_netrc_file_is_not_used(inbox: Inbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login ada password s3cret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    webhook(url=inbox.url).deliver(a_notice())
    assert "authorization" not in inbox.requests[0][1]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"url": "ftp://example.com"},
        {"url": "https:///no-host"},
        {"url": "https://example.com", "secret": KEY},
        {"url": "https://example.com", "secret": {"env": "A", "file": "/b"}},
        {"url": "https://example.com", "secret": {}},
        {"url": "https://example.com", "source": "two words"},
        {"url": "https://example.com", "retries": 3},
    ],
)
def test_options_that_cannot_work_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        webhook(**options)


def test_options_survive_the_document() -> None:
    options = {"url": "https://example.com/x", "secret": {"env": "KEY"}}
    plain = plain_options(WebhookSink, check_options(WebhookSink, options))
    assert plain == {**options, "mode": "structured", "source": "/rampwise", "timeout": "10s"}
    assert check_options(WebhookSink, plain) == check_options(WebhookSink, options)
