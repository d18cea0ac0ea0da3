"""Waiting for a condition instead of for time."""

import time
from collections.abc import Callable


def eventually(holds: Callable[[], bool], within_s: float = 30.0) -> None:
    """Return as soon as the condition holds; fail when it does not in time."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, "the condition never held"
        time.sleep(0.02)
