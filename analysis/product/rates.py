"""How many new units come in per day. Estimates no effect."""

from collections.abc import Sequence
from itertools import dropwhile

from analysis.product.totals import Counted

DAY_S = 86_400.0
RECENT_DAYS = 7
"""The current rate is that of the last whole week: shorter, and it is that of some days of the week only."""
_LEAST_S = 3600.0
"""Less than an hour says nothing of a day."""


def current_rate(counted: Counted) -> float | None:
    """New units per day at present; None when too little time has passed to tell. Days without any count."""
    return _mean(counted, _per_day(counted)[1:-1][-RECENT_DAYS:])


def whole_rate(counted: Counted) -> float | None:
    """New units per day while new ones came in at all; None when too little time has passed to tell."""
    newest_first = dropwhile(lambda units: not units, reversed(_per_day(counted)))
    return _mean(counted, list(newest_first)[1:-1])


def _mean(counted: Counted, whole: Sequence[int]) -> float | None:
    """Mean of whole days (the first and the last are partly outside); without any, units per time."""
    if whole:
        return sum(whole) / len(whole)
    if counted.first_s is None or counted.last_s is None or counted.last_s - counted.first_s < _LEAST_S:
        return None
    return sum(_per_day(counted)) * DAY_S / (counted.last_s - counted.first_s)


def _per_day(counted: Counted) -> list[int]:
    """All variants together, oldest first."""
    return [sum(counted.days[day].values()) for day in sorted(counted.days)]
