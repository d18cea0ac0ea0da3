"""Many writers, few transactions: what threads want to write at the same moment is committed at once.

A commit reaches the disk before it returns, which costs far more than the rows in it. Whoever comes first
writes for all who came meanwhile; each of them returns when its own part is on the disk, or with its own
trouble. Knows no tables.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from engine.errors import StoreBusy

Part = TypeVar("Part")

Refusals = dict[int, Exception | None]
"""Why parts were left out of what was written, by their place; None: to be tried again, without others."""


@dataclass(slots=True, eq=False)
class _Wish(Generic[Part]):
    """One writer's part, and what came of it; `alone`: its writer has to write it by itself."""

    part: Part
    key: str
    done: bool = False
    alone: bool = False
    refused: Exception | None = None


@dataclass(slots=True)
class Together(Generic[Part]):
    """Writes parts of many threads in one transaction.

    Attributes:
        write: writes these parts in one transaction, all but those it refuses, and says why; when it raises,
            nothing was written.
    """

    write: Callable[[Sequence[Part]], Refusals]
    _waiting: list[_Wish[Part]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def add(self, key: str, part: Part) -> None:
        """Return when the part is written.

        Args:
            key: parts of one key are never written together, because one may rest on the other.
            part: what to write.

        Raises:
            Exception: whatever `write` raises, or refuses this part with. Another part's trouble is none of
                ours, but for a database that is locked for everybody.
        """
        wish = _Wish(part, key)
        with self._lock:
            self._waiting.append(wish)
        while not wish.done:
            with self._turn:
                if not wish.done:
                    self._write_for_all()
        if wish.alone:
            self._write_one(wish)
        if wish.refused is not None:
            raise wish.refused

    def _write_for_all(self) -> None:
        """Write what waits, one part per key; of a group in trouble, each writer writes its own."""
        wishes = self._taken()
        if len(wishes) == 1:
            self._write_one(wishes[0])
            return
        try:
            refusals = self.write([wish.part for wish in wishes])
        except StoreBusy as busy:
            # Who came meanwhile would only wait as long again, and must be free to take traffic away.
            for wish in [*wishes, *self._taken()]:
                wish.refused, wish.done = StoreBusy(*busy.args), True
        except BaseException as error:
            for wish in wishes:
                wish.alone, wish.done = True, True
            if not isinstance(error, Exception):
                raise
        else:
            for place, wish in enumerate(wishes):
                wish.alone = place in refusals and refusals[place] is None
                wish.refused, wish.done = refusals.get(place), True

    def _write_one(self, wish: _Wish[Part]) -> None:
        try:
            wish.refused = self.write([wish.part]).get(0)
        except Exception as error:  # noqa: BLE001 (its writer raises it)
            wish.refused = error
        finally:
            wish.done = True

    def _taken(self) -> list[_Wish[Part]]:
        """The first wish of every key, which no longer waits."""
        with self._lock:
            first = {wish.key: wish for wish in reversed(self._waiting)}
            taken = [wish for wish in self._waiting if first[wish.key] is wish]
            self._waiting = [wish for wish in self._waiting if first[wish.key] is not wish]
        return taken
