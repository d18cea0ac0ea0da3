"""A receiver of webhooks on this machine: what a team's own would do with a notice. Knows no runs.

It verifies signatures as Standard Webhooks says, with code of its own, and answers 401 to what is not signed.
"""

import base64
import hmac
import json
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

MOST_BYTES = 1 << 20
MOST_SKEW_S = 300.0
"""How old or new a signature may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One notice whose signature is good."""

    id: str
    experiment: str
    kind: str
    body: bytes


def new_secret() -> str:
    """A random signing secret."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode("ascii")


def is_signed(secret: str, headers: Mapping[str, str], body: bytes, now_s: float) -> bool:
    """Whether one of the signatures is of this body, its id and its time, and the time is about now."""
    signed_id, at_s = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not at_s.isdecimal() or abs(now_s - int(at_s)) > MOST_SKEW_S:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.digest(key, f"{signed_id}.{at_s}.".encode() + body, "sha256")
    wanted = b"v1," + base64.b64encode(digest)
    signatures = headers.get("webhook-signature", "").split()
    return any(hmac.compare_digest(wanted, signature.encode()) for signature in signatures)


class Receiver:
    """Listens on a free port of 127.0.0.1 inside its block, and keeps what it was told.

    Attributes:
        secret: what senders sign with.
    """

    def __init__(self) -> None:
        self.secret = new_secret()
        self._lock = threading.Lock()
        self._received: list[Received] = []
        self._unsigned = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Where to post."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/releases"

    @property
    def received(self) -> tuple[Received, ...]:
        """All notices with a good signature, in the order of their arrival, repetitions too."""
        with self._lock:
            return tuple(self._received)

    @property
    def unsigned(self) -> int:
        """How many messages had no good signature, or were no notices."""
        with self._lock:
            return self._unsigned

    def take(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Keep one message; returns whether it is a notice with a good signature."""
        notice = _notice(body) if is_signed(self.secret, headers, body, time.time()) else None
        with self._lock:
            if notice is None or notice.id != headers.get("webhook-id"):
                self._unsigned += 1
                return False
            self._received.append(notice)
            return True


def _notice(body: bytes) -> Received | None:
    """The notice in a structured CloudEvent; None when it is none."""
    try:
        event = json.loads(body)
        data = event["data"]
        return Received(id=event["id"], experiment=data["experiment"], kind=data["kind"], body=body)
    except (ValueError, LookupError, TypeError):
        return None


def _handler_of(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10.0

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if not length.isdecimal() or int(length) > MOST_BYTES:
                self._answer(413)
                return
            headers = {name.lower(): value for name, value in self.headers.items()}
            self._answer(204 if receiver.take(headers, self.rfile.read(int(length))) else 401)

        def log_message(self, *_: object) -> None:
            """Nothing; the demonstration counts what arrived."""

        def _answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

    return Handler
