"""Waiting for something to become so. Nothing else waits in the tests of the cluster."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
POLL_S = 0.1
PATIENCE_S = 60.0


def eventually(look: Callable[[], T | None], timeout_s: float = PATIENCE_S, what: str = "") -> T:
    """The first answer that is true.

    Looks often. A look that raises AssertionError says in its message what is not so yet.

    Raises:
        AssertionError: not within `timeout_s`; says what was seen last.
    """
    until_s, pause, seen = time.monotonic() + timeout_s, threading.Event(), ""
    while True:
        try:
            answer = look()
        except AssertionError as error:
            seen = str(error)
        else:
            if answer:
                return answer
            seen = repr(answer)
        if time.monotonic() > until_s:
            raise AssertionError(f"not within {timeout_s:g} s: {what or look}; last seen: {seen}")
        pause.wait(POLL_S)
