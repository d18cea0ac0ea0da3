"""The sink `slack`: incoming webhooks of Slack, and of what is compatible with it, such as Mattermost."""

import json

from engine.adapters.sinks.posting import check_url, post
from engine.adapters.sinks.secret import Secret, SecretMissing, SinkOptions
from engine.core.letter import Delivered, Refused
from engine.core.notice import Notice, weights_by_variant
from engine.core.wording import NOTICE_WORDS
from engine.fields import Duration

_MOST_CHARS = 2800
"""A block's text may have 3,000 characters; docs.slack.dev/reference/block-kit."""


class SlackOptions(SinkOptions):
    """Which incoming webhook to use. Its URL is the secret, so it is named and never given."""

    url: Secret
    """Where the webhook's URL is found."""
    timeout: Duration = 10.0
    """How long to wait for an answer."""


class SlackSink:
    """Posts every notice as one message: title, sentence, and a line of facts."""

    Options = SlackOptions

    def __init__(self, options: SlackOptions) -> None:
        self._options = options

    def deliver(self, notice: Notice) -> Delivered | Refused:
        """One attempt."""
        try:
            url = check_url(self._options.url.read())
        except SecretMissing as error:
            return Refused(detail=str(error))
        except ValueError as error:
            return Refused(detail=f"{self._options.url.place} does not hold {error}")
        body = json.dumps(message_of(notice), ensure_ascii=False).encode()
        return post(url, body, {"Content-Type": "application/json; charset=utf-8"}, self._options.timeout)


def message_of(notice: Notice) -> dict[str, object]:
    """The message as Slack's JSON; `text` is what notifications and old clients show."""
    icon, word = NOTICE_WORDS[notice.kind]
    weights = ", ".join(f"{name} {share} %" for name, share in weights_by_variant(notice).items())
    facts = [word, f"run {notice.run_id}", notice.target_key, weights, f"by {notice.actor}"]
    if notice.rule is not None:
        facts.append(f"rule {notice.rule.value}")
    title = f"{icon} {_escaped(notice.title)}"
    return {
        "text": f"{title}: {_escaped(notice.sentence)}",
        "blocks": [
            {"type": "section", "text": _markdown(f"*{title}*\n{_escaped(notice.sentence)}")},
            {"type": "context", "elements": [_markdown(_escaped(" · ".join(facts)))]},
        ],
    }


def _markdown(text: str) -> dict[str, str]:
    return {"type": "mrkdwn", "text": text}


def _escaped(text: str) -> str:
    """Without Slack's control characters, so that no text mentions people or hides a link; not too long."""
    short = text if len(text) <= _MOST_CHARS else f"{text[:_MOST_CHARS]}…"
    return short.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
