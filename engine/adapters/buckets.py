"""Which user buckets (0 to 99) go to which variant when the edge assigns users by header. Pure.

A weight is a number of buckets, so the split is exact and a user stays as long as the boundaries do.
"""

from collections.abc import Iterable, Sequence

BUCKETS = 100


def allot(treatments_pct: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """Buckets of control, then of every treatment.

    Each treatment fills an equal part of all buckets of its own, from the top down, and only then what the
    others leave over. So a treatment that grows takes users from control alone, and one that is dropped gives
    its users to control and moves nobody else.

    >>> [len(buckets) for buckets in allot((25, 25))], allot((25, 25))[2] == allot((0, 25))[2]
    ([50, 25, 25], True)
    """
    count = len(treatments_pct)
    own = [range(BUCKETS * i // count, BUCKETS * (i + 1) // count)[::-1] for i in range(count)]
    taken = [list(part[:share]) for part, share in zip(own, treatments_pct, strict=True)]
    free = sorted(set(range(BUCKETS)).difference(*taken), reverse=True)
    for buckets, share in zip(taken, treatments_pct, strict=True):
        missing = share - len(buckets)
        buckets.extend(free[:missing])
        del free[:missing]
    return tuple(tuple(sorted(buckets)) for buckets in (free, *taken))


def pattern(buckets: Iterable[int]) -> str:
    """A regular expression for these buckets, written with one digit or two.

    >>> pattern(range(5, 21))
    '^(0?[56789]|1[0123456789]|2[0])$'
    """
    units: dict[int, str] = {}
    for bucket in sorted(buckets):
        units[bucket // 10] = units.get(bucket // 10, "") + str(bucket % 10)
    return "^(" + "|".join(f"{tens or '0?'}[{digits}]" for tens, digits in units.items()) + ")$"
