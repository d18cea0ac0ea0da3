"""Letters for tests of stores and couriers."""

from typing import Any

from engine.core.letter import Letter
from engine.testing.sinks import a_notice


def a_letter(*, sink: str = "chat", due_s: float = 1000.0, **notice: Any) -> Letter:
    """A letter that was never tried."""
    return Letter(notice=a_notice(**notice), sink=sink, due_s=due_s)
