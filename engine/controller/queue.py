"""Objects that wait to be looked at: each at most once, some not before a time. Looks into none."""

import heapq
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

Key = tuple[str, str]


@dataclass(slots=True)
class Queue:
    """For several threads. `now_s` is a clock that never goes back."""

    now_s: Callable[[], float] = time.monotonic
    _due_s: dict[Key, float] = field(default_factory=dict)
    _order: list[tuple[float, Key]] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def add(self, key: Key, after_s: float = 0.0) -> None:
        """Look at this one, after so long at the latest."""
        with self._changed:
            due_s = self.now_s() + after_s
            if due_s >= self._due_s.get(key, float("inf")):
                return
            self._due_s[key] = due_s
            heapq.heappush(self._order, (due_s, key))
            self._changed.notify()

    def take(self, wait_s: float) -> Key | None:
        """The one that has been due for longest; None when none is within `wait_s`."""
        until_s = self.now_s() + wait_s
        with self._changed:
            while True:
                now_s, first_s = self.now_s(), self._first_s()
                if first_s <= now_s:
                    _, key = heapq.heappop(self._order)
                    del self._due_s[key]
                    return key
                if now_s >= until_s:
                    return None
                self._changed.wait(min(until_s, first_s) - now_s)

    def _first_s(self) -> float:
        """When the next one is due; places in the order that were overtaken by an earlier one are dropped."""
        while self._order:
            due_s, key = self._order[0]
            if self._due_s.get(key) == due_s:
                return due_s
            heapq.heappop(self._order)
        return float("inf")
