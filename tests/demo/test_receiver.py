"""The demonstration's webhook receiver takes what is signed and nothing else."""

import json
import threading
import time
from datetime import UTC, datetime

import pytest
import requests
from standardwebhooks import Webhook

from engine.demo.receiver import MOST_BYTES, MOST_SKEW_S, Received, Receiver, new_secret

BODY = json.dumps({"id": "run-1/7/promoted", "data": {"experiment": "healthy", "kind": "promoted"}}).encode()
ID = "run-1/7/promoted"


@pytest.fixture
def receiver():
    with Receiver() as listening:
        yield listening


def signed(secret: str, body: bytes = BODY, at_s: float | None = None, notice_id: str = ID) -> dict[str, str]:
    """Headers as the reference implementation of Standard Webhooks makes them."""
    at = datetime.fromtimestamp(time.time() if at_s is None else at_s, UTC)
    return {
        "webhook-id": notice_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(notice_id, at, body.decode()),
    }


def post(receiver: Receiver, headers: dict[str, str], body: bytes = BODY) -> int:
    session = requests.Session()
    session.trust_env = False
    return session.post(receiver.url, data=body, headers=headers, timeout=5).status_code


def test_a_notice_signed_as_standard_webhooks_says_is_kept(receiver):
    assert post(receiver, signed(receiver.secret)) == 204
    assert receiver.received == (Received(id=ID, experiment="healthy", kind="promoted", body=BODY),)
    assert receiver.unsigned == 0


def test_a_repetition_is_kept_as_well(receiver):
    assert [post(receiver, signed(receiver.secret)) for _ in range(2)] == [204, 204]
    assert len(receiver.received) == 2


@pytest.mark.parametrize(
    "spoilt",
    [
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": ""},
        {"webhook-signature": "v1,\xe4"},
        {"webhook-timestamp": "yesterday"},
        {"webhook-timestamp": "1"},
        {"webhook-id": "run-1/8/promoted"},
    ],
)
def test_a_message_without_a_good_signature_is_refused_and_counted(receiver, spoilt):
    assert not receiver.take(signed(receiver.secret) | spoilt, BODY)
    assert receiver.received == ()
    assert receiver.unsigned == 1


def test_a_signature_of_another_secret_or_another_body_is_refused(receiver):
    assert post(receiver, signed(new_secret())) == 401
    assert post(receiver, signed(receiver.secret), BODY + b" ") == 401


def test_an_old_signature_is_refused(receiver):
    old = signed(receiver.secret, at_s=time.time() - MOST_SKEW_S - 5)
    assert post(receiver, old) == 401


def test_an_id_that_differs_from_the_signed_one_is_refused(receiver):
    assert post(receiver, signed(receiver.secret, notice_id="another")) == 401


@pytest.mark.parametrize("body", [b"{}", b"[1]", b"no json", b'{"id": "x", "data": 7}'])
def test_a_signed_message_that_is_no_notice_is_refused(receiver, body):
    assert post(receiver, signed(receiver.secret, body), body) == 401
    assert receiver.unsigned == 1


def test_a_message_without_end_is_refused_unread(receiver):
    headers = signed(receiver.secret) | {"Content-Length": str(MOST_BYTES + 1)}
    assert post(receiver, headers, b"") == 413


def test_messages_of_many_senders_at_once_are_all_kept(receiver):
    headers = signed(receiver.secret)
    senders = [threading.Thread(target=post, args=(receiver, headers)) for _ in range(8)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert len(receiver.received) == 8
