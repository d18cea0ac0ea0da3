"""Whether this process may change anything in a cluster: a controller that is not the leader may not.

Targets make their own clients, so that the one answer for the process is kept here.
"""

from collections.abc import Callable
from dataclasses import dataclass


def _always() -> bool:
    return True


@dataclass(slots=True)
class WriteGuard:
    """Asked before every write."""

    may_write: Callable[[], bool] = _always

    def only_while(self, check: Callable[[], bool]) -> None:
        """From now on writes are refused whenever `check` says no."""
        self.may_write = check

    def lift(self) -> None:
        """Writes are free again."""
        self.may_write = _always


GUARD = WriteGuard()
