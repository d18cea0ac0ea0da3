"""Sends CloudEvents to the engine from a thread of its own. Keeps nothing on disk.

While the engine is away events wait, as many as fit, and are sent again and again with growing pauses. The
engine counts an event once, however often it comes.
"""

import atexit
import json
import logging
import os
import secrets
import threading
import weakref
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from engine.belt import Belt, anew_after_fork

if TYPE_CHECKING:
    import requests

_log = logging.getLogger("rampwise.openfeature")

TOKEN_VARIABLE = "RAMPWISE_APPLICATION_TOKEN"  # noqa: S105 (a name)
"""Environment variable with the secret that the engine asks for."""
_BATCH = 200
_TOO_LARGE = 413
_NEVER = frozenset({400, 415, 422})
"""Statuses with which the same events would be refused again."""
_TYPE = "application/cloudevents-batch+json"


class Sender:
    """Events on their way to one engine. Safe to share between threads, and after a fork."""

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        most: int = 10_000,
        timeout_s: float = 5.0,
        exit_within_s: float = 2.0,
    ) -> None:
        """Nothing is sent or started before there is an event.

        Args:
            url: of the engine, such as `http://rampwise:8484`.
            token: the engine's secret, else that of the environment variable RAMPWISE_APPLICATION_TOKEN.
            most: how many events may wait; what comes then is dropped and counted.
            timeout_s: how long to wait for an answer.
            exit_within_s: how long the end of the process may be held up by what still waits.
        """
        self._url = f"{url.rstrip('/')}/events"
        self._token = os.environ.get(TOKEN_VARIABLE, "") if token is None else token
        self._timeout_s = timeout_s
        self.start_anew()
        anew_after_fork(self)
        self._belt: Belt[Mapping[str, Any]] = Belt(
            self._deliver, name="rampwise-events", most=most, batch=_BATCH
        )
        atexit.register(_close_at_exit, weakref.ref(self), exit_within_s)

    def start_anew(self) -> None:
        """A forked process has connections and counts of its own."""
        self.refused = 0
        self._session: requests.Session | None = None
        self._is_told = threading.Event()

    @property
    def lost(self) -> int:
        """How many events were dropped: no place, or no engine until the end. `refused` counts others."""
        return self._belt.lost

    def send(self, kind: str, source: str, data: Mapping[str, Any], event_id: str = "") -> bool:
        """Whether the event now waits to be sent; false when it was dropped. Returns at once.

        Args:
            kind: CloudEvents type.
            source: CloudEvents source.
            data: plain JSON.
            event_id: CloudEvents id; random by default. The same source and id count once.
        """
        event = {
            "specversion": "1.0",
            "id": event_id or secrets.token_hex(16),
            "source": source,
            "type": kind,
            "time": datetime.now(UTC).isoformat(),
            "datacontenttype": "application/json",
            "data": data,
        }
        return self._belt.put(event)

    def flush(self, within_s: float = 5.0) -> bool:
        """Send at once what waits; whether nothing waits any more. For scripts and tests."""
        return self._belt.flush(within_s)

    def close(self, within_s: float = 2.0) -> None:
        """Send what waits, once more and within this time; later events are dropped."""
        self._belt.close(within_s)

    def _deliver(self, events: Sequence[Mapping[str, Any]], left_s: float | None) -> bool:
        status = self._post(events, self._timeout_s if left_s is None else min(left_s, self._timeout_s))
        if status == _TOO_LARGE and len(events) > 1:
            half = len(events) // 2
            return self._deliver(events[:half], left_s) and self._deliver(events[half:], left_s)
        if status in _NEVER or status == _TOO_LARGE:
            self._count_refused(len(events), f"status {status}")
            return True
        if 200 <= status < 300:
            self._is_told.clear()
            return True
        self._tell(f"the engine at {self._url} answers {status}")
        return False

    def _post(self, events: Sequence[Mapping[str, Any]], timeout_s: float) -> int:
        """The answer's status; 0 without an answer."""
        import requests  # noqa: PLC0415 (not before there is something to send, and not in the caller's time)

        if self._session is None:
            self._session = requests.Session()
            self._session.auth = _as_it_is
        headers = {"Content-Type": _TYPE}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        body = json.dumps(events, default=str).encode()
        try:
            answer = self._session.post(
                self._url, data=body, headers=headers, timeout=timeout_s, allow_redirects=False
            )
        except requests.RequestException as error:
            self._tell(f"the engine at {self._url} does not answer: {type(error).__name__}")
            return 0
        if answer.ok:
            told = answer.json()
            if told.get("refused"):
                self._count_refused(len(told["refused"]), str(told["refused"][0].get("why")))
        return answer.status_code

    def _count_refused(self, count: int, why: str) -> None:
        self.refused += count
        _log.warning("%d events were refused: %s", count, why)

    def _tell(self, what: str) -> None:
        """Once, until it goes well again."""
        if not self._is_told.is_set():
            self._is_told.set()
            _log.warning("%s; events wait", what)


def _as_it_is(request: "requests.PreparedRequest") -> "requests.PreparedRequest":
    """Without this the library would put what a .netrc says in the place of our token."""
    return request


def _close_at_exit(sender: "weakref.ref[Sender]", within_s: float) -> None:
    found = sender()
    if found is not None:
        found.close(within_s)
