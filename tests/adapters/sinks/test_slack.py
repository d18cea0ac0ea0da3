"""Slack's message says what happened, mentions nobody, and is not too long."""

import json

import pytest

from engine.adapters.sinks import SlackSink
from engine.core.letter import Refused
from engine.plugins import check_options
from engine.testing.sinks import a_notice
from tests.adapters.sinks.receivers import Inbox


@pytest.fixture
def sink(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> SlackSink:
    monkeypatch.setenv("SLACK_URL", f"{inbox.url}/services/s3cret")
    return SlackSink(check_options(SlackSink, {"url": {"env": "SLACK_URL"}}))


def test_the_message_has_title_sentence_and_facts(sink: SlackSink, inbox: Inbox) -> None:
    sink.deliver(a_notice())
    [(path, headers, body)] = inbox.requests
    message = json.loads(body)
    sentence = "Roll back: v2 is worse. errors: 4 % bad against 1 % (+3 pp); tolerated is 1.05×."
    assert path == "/services/s3cret"
    assert headers["content-type"].startswith("application/json")
    assert message["text"] == f"✖ checkout-v2: rolled back, v1 has all traffic: {sentence}"
    texts = [message["blocks"][0]["text"]["text"], message["blocks"][1]["elements"][0]["text"]]
    assert texts == [
        f"*✖ checkout-v2: rolled back, v1 has all traffic*\n{sentence}",
        "rollback · run r1 · local/checkout · v1 100 %, v2 0 % · by engine · rule harm",
    ]


def test_nobody_is_mentioned_by_a_reason(sink: SlackSink, inbox: Inbox) -> None:
    sink.deliver(a_notice(sentence="<!channel> & <https://evil.example|click>"))
    assert b"<" not in inbox.requests[0][2]
    assert "&lt;!channel&gt; &amp; " in json.loads(inbox.requests[0][2])["text"]


def test_a_block_is_never_too_long(sink: SlackSink, inbox: Inbox) -> None:
    sink.deliver(a_notice(sentence="x" * 10_000))
    assert len(json.loads(inbox.requests[0][2])["blocks"][0]["text"]["text"]) < 3000


@pytest.mark.parametrize("value", ["", "s3cret", "hooks.slack.com/services/s3cret"])
def test_what_is_no_url_is_told_by_its_name_only(
    sink: SlackSink, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_URL", value)
    outcome = sink.deliver(a_notice())
    assert isinstance(outcome, Refused)
    assert outcome.retry
    assert "the environment variable SLACK_URL" in outcome.detail
    assert "s3cret" not in outcome.detail
