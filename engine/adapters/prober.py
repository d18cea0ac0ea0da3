"""`HttpProber`: asks a version directly over HTTP, one request after the other. Judges no answer."""

import time
from collections.abc import Sequence

import requests

from engine.bounded import BodyTooLarge, read_body
from engine.ports import Probed

MOST_BYTES = 1 << 20


class HttpProber:
    """Probes over one kept-alive connection; an answer below 400 that arrives whole and in time is ok."""

    def __init__(self) -> None:
        self._http = requests.Session()
        # A proxy for the outside world must not see traffic to a version inside.
        self._http.trust_env = False

    def probe(
        self, url: str, *, count: int, rate_per_s: float, timeout_s: float, within_s: float
    ) -> Sequence[Probed]:
        """At most `count` requests at this rate at most, and none that could not end `within_s`."""
        begun_s = time.monotonic()
        answers: list[Probed] = []
        for number in range(count):
            due_s = begun_s + number / rate_per_s
            time.sleep(max(0.0, due_s - time.monotonic()))
            left_s = begun_s + within_s - time.monotonic()
            if left_s <= 0 or (answers and left_s < timeout_s):
                break
            answers.append(self._one(url, min(timeout_s, left_s)))
        return answers

    def _one(self, url: str, timeout_s: float) -> Probed:
        begun_s = time.monotonic()
        try:
            with self._http.get(url, timeout=timeout_s, stream=True, allow_redirects=False) as answer:
                read_body(answer, begun_s + timeout_s, MOST_BYTES)
                ok = answer.status_code < requests.codes.bad_request
        except (requests.RequestException, BodyTooLarge, TimeoutError):
            ok = False
        return Probed(ok=ok, took_s=time.monotonic() - begun_s)
