"""What was seen lately, within bounded memory. May forget, and then something is told twice."""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Seen:
    """The latest keys. Safe to share between threads.

    Attributes:
        most: how many are kept; the one not asked for longest goes first.
    """

    most: int = 100_000
    _keys: OrderedDict[int, None] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def is_new(self, key: Hashable) -> bool:
        """Whether this key was not seen before; from now on it was."""
        short = hash(key)
        with self._lock:
            if short in self._keys:
                self._keys.move_to_end(short)
                return False
            self._keys[short] = None
            if len(self._keys) > self.most:
                self._keys.popitem(last=False)
            return True

    def forget(self, key: Hashable) -> None:
        """It counts as new again."""
        with self._lock:
            self._keys.pop(hash(key), None)
