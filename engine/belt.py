"""A bounded queue that one background thread empties in batches, trying again until each is delivered.

Whoever puts something on it never waits and never sees an error: what finds no place is counted. Knows
neither what is carried nor where to.
"""

import logging
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

Item = TypeVar("Item")

_log = logging.getLogger(__name__)
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.25, 30.0


class Belt(Generic[Item]):
    """Carries items to `deliver`, in the order in which they come.

    Attributes:
        lost: how many found no place, were given up, or were still waiting at the end.
    """

    def __init__(
        self,
        deliver: Callable[[Sequence[Item], float | None], bool],
        *,
        name: str,
        most: int = 10_000,
        batch: int = 500,
        linger_s: float = 0.2,
    ) -> None:
        """Nothing is started yet.

        Args:
            deliver: takes a batch and the time that is left for it in seconds (None: its own usual one), and
                returns whether it is done with; else, and after an OSError (such as all of `requests`), the
                same batch comes again. After any other exception, which it would only meet again, the batch
                is given up.
            name: of the thread.
            most: how many items may wait.
            batch: how many are delivered at once, at most.
            linger_s: how long to wait for more of them.
        """
        self.lost = 0
        self._deliver = deliver
        self._name, self._most, self._batch, self._linger_s = name, most, batch, linger_s
        self.start_anew()
        anew_after_fork(self)

    def start_anew(self) -> None:
        """Forget everything: in a forked process what waits is still the parent's to deliver."""
        self._changed = threading.Condition(threading.Lock())
        self._waiting: deque[Item] = deque()
        self._in_hand = 0
        self._thread: threading.Thread | None = None
        self._hurried = False
        self._ends_s: float | None = None
        self._is_told = False

    def put(self, item: Item) -> bool:
        """Whether there was a place for it. Returns at once."""
        with self._changed:
            if self._ends_s is not None or len(self._waiting) >= self._most or not self._is_running():
                self.lost += 1
                return False
            self._waiting.append(item)
            if len(self._waiting) in {1, self._batch}:
                self._changed.notify_all()
            return True

    def flush(self, within_s: float) -> bool:
        """Deliver at once what waits; whether all of it was delivered in that time."""
        with self._changed:
            self._hurried = True
            self._changed.notify_all()
            done = self._changed.wait_for(lambda: not self._waiting and not self._in_hand, within_s)
            self._hurried = False
            return done

    def close(self, within_s: float) -> None:
        """Deliver what waits, once more and within this time, and take nothing more."""
        with self._changed:
            if self._ends_s is None:
                self._ends_s = time.monotonic() + within_s
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join(within_s)
        with self._changed:
            self.lost += len(self._waiting) + self._in_hand
            self._waiting.clear()
            self._in_hand = 0

    def _is_running(self) -> bool:
        if self._thread is None:
            thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the interpreter ends, or there can be no more threads
                return False
            self._thread = thread
        return True

    def _run(self) -> None:
        while batch := self._next():
            self._see_off(batch)

    def _next(self) -> list[Item]:
        """The next batch; empty at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._ends_s is not None)
            self._changed.wait_for(self._is_due, self._linger_s)
            batch = [self._waiting.popleft() for _ in range(min(self._batch, len(self._waiting)))]
            self._in_hand = len(batch)
            return batch

    def _is_due(self) -> bool:
        return len(self._waiting) >= self._batch or self._hurried or self._ends_s is not None

    def _see_off(self, batch: Sequence[Item]) -> None:
        """Deliver it, whatever it takes; at the end there is one more attempt, and none after it fails."""
        pause_s = _FIRST_PAUSE_S
        while True:
            ending = self._ends_s
            done = self._is_done_with(batch, ending)
            with self._changed:
                if done or ending is not None:
                    self._finish(done)
                    return
                if self._hurried:
                    pause_s = _FIRST_PAUSE_S
                self._changed.wait_for(lambda: self._ends_s is not None, pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _is_done_with(self, batch: Sequence[Item], ending_s: float | None) -> bool:
        left_s = None if ending_s is None else ending_s - time.monotonic()
        if left_s is not None and left_s <= 0:
            return False
        try:
            return self._deliver(batch, left_s)
        except OSError:
            _log.debug("%s: not delivered", self._name, exc_info=True)
            return False
        except Exception:  # noqa: BLE001 (a thread of somebody else's application must go on)
            self._give_up(len(batch))
            return True

    def _give_up(self, count: int) -> None:
        """Count what is in hand as lost, and say so: the first time so that everybody sees it."""
        level = logging.DEBUG if self._is_told else logging.WARNING
        self._is_told = True
        _log.log(level, "%s: %d could not be delivered and are lost", self._name, count, exc_info=True)
        with self._changed:
            self.lost += self._in_hand
            self._in_hand = 0

    def _finish(self, done: bool) -> None:
        if not done:
            self.lost += self._in_hand + len(self._waiting)
            self._waiting.clear()
        self._in_hand = 0
        self._changed.notify_all()


class Forkable(Protocol):
    """Has threads or locks, which a forked process must not use."""

    def start_anew(self) -> None:
        """Make them anew."""
        ...


_FORKABLE: "weakref.WeakSet[Forkable]" = weakref.WeakSet()


def anew_after_fork(one: Forkable) -> None:
    """Have it start anew in every forked process, as long as it lives."""
    _FORKABLE.add(one)


def _after_fork() -> None:
    for one in list(_FORKABLE):
        one.start_anew()


os.register_at_fork(after_in_child=_after_fork)
