"""Objects that wait to be looked at, each by one thread at a time and some not before a time.

It looks into none.
"""

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
    _taken: set[Key] = field(default_factory=set)
    _late: dict[Key, float] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def add(self, key: Key, after_s: float = 0.0) -> None:
        """Look at this one, after so long at the latest; not while somebody does."""
        with self._changed:
            due_s = self.now_s() + after_s
            if key in self._taken:
                self._late[key] = min(due_s, self._late.get(key, float("inf")))
                return
            if due_s >= self._due_s.get(key, float("inf")):
                return
            self._due_s[key] = due_s
            heapq.heappush(self._order, (due_s, key))
            self._changed.notify()

    def take(self, wait_s: float) -> Key | None:
        """The one that has been due for longest, nobody else's until it is `done`; None when none is."""
        until_s = self.now_s() + wait_s
        with self._changed:
            while True:
                now_s, first_s = self.now_s(), self._first_s()
                if first_s <= now_s:
                    _, key = heapq.heappop(self._order)
                    del self._due_s[key]
                    self._taken.add(key)
                    return key
                if now_s >= until_s:
                    return None
                self._changed.wait(min(until_s, first_s) - now_s)

    def done(self, key: Key) -> None:
        """It was looked at; what was added meanwhile waits from now on."""
        with self._changed:
            self._taken.discard(key)
            late_s = self._late.pop(key, None)
        if late_s is not None:
            self.add(key, late_s - self.now_s())

    def _first_s(self) -> float:
        """When the next one is due; places in the order that were overtaken by an earlier one are dropped."""
        while self._order:
            due_s, key = self._order[0]
            if self._due_s.get(key) == due_s:
                return due_s
            heapq.heappop(self._order)
        return float("inf")
