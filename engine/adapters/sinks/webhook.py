"""The sink `webhook`: CloudEvents 1.0 over HTTP, signed as Standard Webhooks says. One attempt per call."""

import base64
import binascii
import hashlib
import hmac
import time
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from cloudevents.core.bindings.http import HTTPMessage, to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent
from pydantic import AfterValidator, Field

from engine.adapters.sinks.posting import check_url, post
from engine.adapters.sinks.secret import Secret, SecretMissing, SinkOptions
from engine.core.letter import Delivered, Refused
from engine.core.notice import Notice, to_plain
from engine.fields import Duration

TYPE_PREFIX = "dev.rampwise.run."
_PREFIX = "whsec_"


class ContentMode(StrEnum):
    """Where CloudEvents has its attributes."""

    STRUCTURED = "structured"
    """In the body, with the data."""
    BINARY = "binary"
    """In headers; the body is the data."""


class WebhookOptions(SinkOptions):
    """Where to post, and how to prove that it is us."""

    url: Annotated[str, AfterValidator(check_url)] | Secret
    """Where to post: the URL, or where it is found if it holds a secret."""
    mode: ContentMode = ContentMode.STRUCTURED
    """CloudEvents content mode: structured or binary."""
    secret: Secret | None = None
    """The signing secret (`whsec_` and base64) of Standard Webhooks; unsigned, if absent."""
    source: str = Field(default="/rampwise", pattern=r"^[!#-;=?-~]+$")
    """The CloudEvents attribute `source`: which Rampwise this is, as a URI reference."""
    timeout: Duration = 10.0
    """How long to wait for the receiver."""


class WebhookSink:
    """Posts every notice as one CloudEvent of the type `dev.rampwise.run.KIND`."""

    Options = WebhookOptions

    def __init__(self, options: WebhookOptions) -> None:
        self._options = options

    def deliver(self, notice: Notice) -> Delivered | Refused:
        """One attempt, signed with the time of this attempt."""
        try:
            url = _url_of(self._options.url)
            message = self._message(notice)
            signature = self._signature(notice.id, message.body)
        except SecretMissing as error:
            return Refused(detail=str(error))
        return post(url, message.body, {**message.headers, **signature}, self._options.timeout)

    def _message(self, notice: Notice) -> HTTPMessage:
        event = CloudEvent(
            attributes={
                "specversion": "1.0",
                "type": f"{TYPE_PREFIX}{notice.kind.value}",
                "id": notice.id,
                "source": self._options.source,
                "subject": notice.run_id,
                "time": datetime.fromtimestamp(notice.at_s, UTC),
                "datacontenttype": "application/json",
            },
            data=to_plain(notice),
        )
        binary = self._options.mode is ContentMode.BINARY
        return to_binary_event(event) if binary else to_structured_event(event)

    def _signature(self, notice_id: str, body: bytes) -> dict[str, str]:
        """The headers of standardwebhooks.com, version v1."""
        if self._options.secret is None:
            return {}
        key, at_s = _key_of(self._options.secret), int(time.time())
        signed = f"{notice_id}.{at_s}.".encode() + body
        digest = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode("ascii")
        return {
            "webhook-id": notice_id,
            "webhook-timestamp": str(at_s),
            "webhook-signature": f"v1,{digest}",
        }


def _url_of(url: str | Secret) -> str:
    if isinstance(url, str):
        return url
    try:
        return check_url(url.read())
    except ValueError as error:
        msg = f"{url.place} does not hold {error}"
        raise SecretMissing(msg) from None


def _key_of(secret: Secret) -> bytes:
    text = secret.read().removeprefix(_PREFIX)
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        msg = f"{secret.place} holds no signing secret: that is {_PREFIX} and base64"
        raise SecretMissing(msg)
    return key
