"""Bounds on what servers and foreign code may take of the engine: wall-clock time, threads and bytes.

A socket's timeout is no such bound: it starts anew with every byte. Knows nothing of what it bounds.
"""

import time
from collections.abc import Callable
from threading import BoundedSemaphore, Thread
from typing import Generic, NoReturn, TypeVar

import requests

T = TypeVar("T")

CHUNK_BYTES = 65536


class BodyTooLarge(Exception):  # noqa: N818 (names the state)
    """An answer has more bytes than its reader wants to hold."""


class Bounded:
    """Calls that are given up when their time is over; what hangs stays behind in a daemon thread.

    At most `at_most` calls hang at a time; until one of them ends, further calls are refused.
    """

    def __init__(self, at_most: int) -> None:
        self._free = BoundedSemaphore(at_most)

    def call(self, act: Callable[[], T], timeout_s: float) -> T:
        """What `act` returns, within `timeout_s` seconds of wall-clock time.

        Raises:
            TimeoutError: it took longer, or too many earlier calls still hang.
            Exception: whatever `act` raises.
        """
        if not self._free.acquire(blocking=False):
            msg = "an earlier question still hangs"
            raise TimeoutError(msg)
        job = _Job(act, self._free.release)
        worker = Thread(target=job.run, daemon=True)
        try:
            worker.start()
        except BaseException:
            self._free.release()
            raise
        worker.join(timeout_s)
        if job.outcome is None:
            msg = f"no answer in {timeout_s:.3g} s"
            raise TimeoutError(msg)
        return job.outcome()


class _Job(Generic[T]):
    """One call in a thread; `outcome` returns or raises what it came to, None while it runs."""

    def __init__(self, act: Callable[[], T], ended: Callable[[], None]) -> None:
        self._act = act
        self._ended = ended
        self.outcome: Callable[[], T] | None = None

    def run(self) -> None:
        try:
            result = self._act()
            self.outcome = lambda: result
        except BaseException as error:  # noqa: BLE001 (foreign code; the caller gets it, as an ordinary error)
            raised = error if isinstance(error, Exception) else RuntimeError(f"it raised {error!r}")
            self.outcome = lambda: _raise(raised)
        finally:
            self._ended()


def _raise(error: Exception) -> NoReturn:
    raise error


def read_body(response: requests.Response, deadline_s: float, most_bytes: int) -> bytes:
    """The body of a streamed answer.

    Args:
        response: asked for with `stream=True`.
        deadline_s: by `time.monotonic()`.
        most_bytes: what is held at most, after decompression.

    Raises:
        requests.ReadTimeout: it was not complete in time.
        BodyTooLarge: it has more bytes.
        urllib3.exceptions.HTTPError: it was cut off.
    """
    body = bytearray()
    while chunk := response.raw.read1(CHUNK_BYTES, decode_content=True):
        body += chunk
        if len(body) > most_bytes:
            msg = f"more than {most_bytes:,} bytes"
            raise BodyTooLarge(msg)
        if time.monotonic() > deadline_s:
            raise requests.ReadTimeout
    return bytes(body)
