"""All built-in sinks, and the fake one, keep the same contract."""

import json
from collections.abc import Callable, Sequence
from email import message_from_bytes

import pytest

from engine.adapters.fakes_sink import FakeSink, FakeSinkOptions
from engine.adapters.sinks import EmailSink, SlackSink, WebhookSink
from engine.core.wording import NOTICE_WORDS
from engine.plugins import check_options
from engine.ports import Sink
from engine.testing.sinks import SinkContract, a_notice
from tests.adapters.sinks.receivers import Inbox, MailBox

PATH = "/services/T0/B0/s3cret-path"
SIGNING = "whsec_czNjcmV0LXNpZ25pbmcta2V5LW9mLXRlc3Rz"


class TestFakeSink(SinkContract):
    @pytest.fixture
    def sink(self) -> FakeSink:
        return FakeSink(FakeSinkOptions())

    @pytest.fixture
    def received(self, sink: FakeSink) -> Callable[[], Sequence[str]]:
        return lambda: [notice.id for notice in sink.delivered]

    @pytest.fixture
    def unreachable(self) -> Sink:
        return FakeSink(FakeSinkOptions(refuses="nobody is there"))

    @pytest.fixture
    def secrets(self) -> Sequence[str]:
        return ()


class WebhookContract(SinkContract):
    mode: str

    def made(self, port: int) -> Sink:
        options = {"url": {"env": "HOOK_URL"}, "secret": {"env": "HOOK_KEY"}, "mode": self.mode}
        if port:
            options["url"] = f"http://127.0.0.1:{port}{PATH}?token=s3cret-query"
        return WebhookSink(check_options(WebhookSink, options))

    @pytest.fixture
    def sink(self, inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> Sink:
        monkeypatch.setenv("HOOK_KEY", SIGNING)
        monkeypatch.setenv("HOOK_URL", f"{inbox.url}{PATH}")
        return self.made(0)

    @pytest.fixture
    def unreachable(self, closed_port: int, monkeypatch: pytest.MonkeyPatch) -> Sink:
        monkeypatch.setenv("HOOK_KEY", SIGNING)
        return self.made(closed_port)

    @pytest.fixture
    def secrets(self) -> Sequence[str]:
        return ("s3cret", SIGNING, SIGNING.removeprefix("whsec_"))


class TestStructuredWebhook(WebhookContract):
    mode = "structured"

    @pytest.fixture
    def received(self, inbox: Inbox) -> Callable[[], Sequence[str]]:
        return lambda: [json.loads(body)["data"]["id"] for _, _, body in inbox.requests]


class TestBinaryWebhook(WebhookContract):
    mode = "binary"

    @pytest.fixture
    def received(self, inbox: Inbox) -> Callable[[], Sequence[str]]:
        return lambda: [headers["ce-id"] for _, headers, _ in inbox.requests]


class TestSlack(SinkContract):
    @pytest.fixture
    def sink(self, inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> Sink:
        monkeypatch.setenv("SLACK_URL", f"{inbox.url}{PATH}")
        return SlackSink(check_options(SlackSink, {"url": {"env": "SLACK_URL"}}))

    @pytest.fixture
    def unreachable(self, closed_port: int, monkeypatch: pytest.MonkeyPatch) -> Sink:
        monkeypatch.setenv("SLACK_GONE", f"http://ada:s3cret-pw@127.0.0.1:{closed_port}{PATH}")
        return SlackSink(check_options(SlackSink, {"url": {"env": "SLACK_GONE"}}))

    @pytest.fixture
    def received(self, inbox: Inbox) -> Callable[[], Sequence[str]]:
        """Slack takes no id; the run stands in the message."""
        return lambda: [a_notice(kind=kind_of(body)).id for _, _, body in inbox.requests]

    @pytest.fixture
    def secrets(self) -> Sequence[str]:
        return ("s3cret", "/services")


def kind_of(body: bytes) -> str:
    facts = json.loads(body)["blocks"][1]["elements"][0]["text"]
    assert "run r1" in facts
    return next(kind for kind, (_, word) in NOTICE_WORDS.items() if facts.startswith(f"{word} ·"))


class TestEmail(SinkContract):
    @pytest.fixture
    def sink(self, mails: MailBox) -> Sink:
        return self.made(mails.port)

    @pytest.fixture
    def unreachable(self, closed_port: int) -> Sink:
        return self.made(closed_port)

    def made(self, port: int) -> Sink:
        options = {"host": "127.0.0.1", "port": port, "security": "none", "from": "rampwise@example.com"}
        return EmailSink(check_options(EmailSink, {**options, "to": ["night@example.com"]}))

    @pytest.fixture
    def received(self, mails: MailBox) -> Callable[[], Sequence[str]]:
        return lambda: [message_from_bytes(mail.content or b"")["X-Rampwise-Notice"] for mail in mails.mails]

    @pytest.fixture
    def secrets(self) -> Sequence[str]:
        return ("s3cret",)
