"""`HttpProber`: asks a version directly over HTTP, one request after the other. Judges no answer."""

import time
from collections.abc import Sequence
from contextlib import suppress

import requests
from urllib3.exceptions import HTTPError

from engine.bounded import BodyTooLarge, Bounded, read_body
from engine.ports import Probed

ENOUGH_BYTES = 1 << 20
"""What a longer answer is read of; that much in time is ok."""


class HttpProber:
    """Probes over one kept-alive connection; an answer below 400 that arrives whole and in time is ok.

    A request that hangs is left behind in its thread, and until it ends every further probe has failed.
    """

    def __init__(self) -> None:
        self._http = requests.Session()
        # A proxy for the outside world must not see traffic to a version inside.
        self._http.trust_env = False
        self._bounded = Bounded(at_most=1)

    def probe(
        self, url: str, *, count: int, rate_per_s: float, timeout_s: float, within_s: float
    ) -> Sequence[Probed]:
        """At most `count` requests at this rate at most, and none that could not end `within_s`."""
        begun_s = time.monotonic()
        answers: list[Probed] = []
        for number in range(count):
            due_s = max(begun_s + number / rate_per_s, time.monotonic())
            left_s = begun_s + within_s - due_s
            if left_s <= 0 or (answers and left_s < timeout_s):
                break
            time.sleep(max(0.0, due_s - time.monotonic()))
            answers.append(self._one(url, min(timeout_s, left_s)))
        return answers

    def _one(self, url: str, timeout_s: float) -> Probed:
        begun_s = time.monotonic()
        try:
            ok = self._bounded.call(lambda: self._is_ok(url, timeout_s), timeout_s)
        except (requests.RequestException, HTTPError, TimeoutError):
            ok = False
        return Probed(ok=ok, took_s=time.monotonic() - begun_s)

    def _is_ok(self, url: str, timeout_s: float) -> bool:
        deadline_s = time.monotonic() + timeout_s
        with self._http.get(url, timeout=timeout_s, stream=True, allow_redirects=False) as answer:
            with suppress(BodyTooLarge):
                read_body(answer, deadline_s, ENOUGH_BYTES)
            return bool(answer.status_code < requests.codes.bad_request)
