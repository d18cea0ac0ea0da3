"""What is worked out from a value once, for as long as that very object is in use. Knows no values."""

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")

MOST = 1 << 14


def once_per_object(work: Callable[[K], V]) -> Callable[[K], V]:
    """A pure function of an unchanging object that may have no hash, such as a metric.

    The latest `MOST` objects or so are kept, so that an identity means the same object until it is dropped.
    """
    known: dict[int, tuple[K, V]] = {}

    @wraps(work)
    def remembered(value: K) -> V:
        found = known.get(id(value))
        if found is not None and found[0] is value:
            return found[1]
        if len(known) >= MOST:
            known.clear()
        result = work(value)
        known[id(value)] = value, result
        return result

    return remembered
