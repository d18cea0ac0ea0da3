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
_IN_PARTS = frozenset({400, 413})
"""Statuses that a part of the events may have brought upon all of them."""
_NEVER = frozenset({*_IN_PARTS, 415, 422})
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
        self._belt: Belt[str] = Belt(self._deliver, name="rampwise-events", most=most, batch=_BATCH)
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
            data: JSON; what it has no way to write becomes text. With NaN or an infinite number in it the
                event is refused.
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
        try:
            written = json.dumps(event, default=str, allow_nan=False)
        except Exception as error:  # noqa: BLE001 (also what somebody else's `__str__` raises)
            self._count_refused([f"it cannot be written as JSON: {type(error).__name__}: {error}"])
            return False
        return self._belt.put(written)

    def flush(self, within_s: float = 5.0) -> bool:
        """Send at once what waits; whether nothing waits any more. For scripts and tests."""
        return self._belt.flush(within_s)

    def close(self, within_s: float = 2.0) -> None:
        """Send what waits, once more and within this time; later events are dropped."""
        self._belt.close(within_s)

    def _deliver(self, events: Sequence[str], left_s: float | None) -> bool:
        refused: list[str] = []
        done = self._deliver_parts(events, left_s, refused)
        if done and refused:
            self._count_refused(refused)
        return done

    def _deliver_parts(self, events: Sequence[str], left_s: float | None, refused: list[str]) -> bool:
        """`refused` gets the reason for every event that the engine will never take."""
        answer = self._post(events, self._timeout_s if left_s is None else min(left_s, self._timeout_s))
        if answer is None:
            return False
        status, reasons = answer.status_code, _reasons(answer)
        is_taken = 200 <= status < 300
        if reasons is not None and (is_taken or (status in _NEVER and len(reasons) == len(events))):
            self._is_told.clear()
            refused += reasons
            return True
        if status in _IN_PARTS and len(events) > 1:
            halves = events[: len(events) // 2], events[len(events) // 2 :]
            return all(self._deliver_parts(half, left_s, refused) for half in halves)
        if status in _NEVER:
            refused += [f"status {status}"] * len(events)
            return True
        self._tell(f"the engine at {self._url} answers {status}{' as no engine does' if is_taken else ''}")
        return False

    def _post(self, events: Sequence[str], timeout_s: float) -> "requests.Response | None":
        """The answer, if there is one."""
        import requests  # noqa: PLC0415 (not before there is something to send, and not in the caller's time)

        if self._session is None:
            self._session = requests.Session()
            self._session.auth = _as_it_is
        headers = {"Content-Type": _TYPE}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        body = f"[{','.join(events)}]".encode()
        try:
            return self._session.post(
                self._url, data=body, headers=headers, timeout=timeout_s, allow_redirects=False
            )
        except requests.RequestException as error:
            self._tell(f"the engine at {self._url} does not answer: {type(error).__name__}")
            return None

    def _count_refused(self, reasons: Sequence[str]) -> None:
        self.refused += len(reasons)
        _log.warning("%d events were refused: %s", len(reasons), reasons[0])

    def _tell(self, what: str) -> None:
        """Once, until it goes well again."""
        if not self._is_told.is_set():
            self._is_told.set()
            _log.warning("%s; events wait", what)


def _reasons(answer: "requests.Response") -> list[str] | None:
    """Why each refused event is; None when this is no answer of an engine that looked at them one by one."""
    try:
        told = answer.json()
    except ValueError:
        return None
    if not isinstance(told, dict) or "accepted" not in told:
        return None
    return [str(each.get("why")) for each in told.get("refused", [])]


def _as_it_is(request: "requests.PreparedRequest") -> "requests.PreparedRequest":
    """Without this the library would put what a .netrc says in the place of our token."""
    return request


def _close_at_exit(sender: "weakref.ref[Sender]", within_s: float) -> None:
    found = sender()
    if found is not None:
        found.close(within_s)
