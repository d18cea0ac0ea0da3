"""How many new units come in per day, and since when. Estimates no effect."""

from collections.abc import Sequence
from itertools import dropwhile

from analysis.product.days import DAY_S, end_of, start_of
from analysis.product.totals import Counted

RECENT_DAYS = 7
"""The current rate is that of the last whole week: shorter, and it is that of some days of the week only."""
PAUSE_DAYS = 7
"""So many days without anybody are no weekend: what was before them was another time."""
STRAY = 0.01
"""Share of the units that may come before the experiment has begun: testers, a wrong clock."""
FEW = 10
"""Fewer units than this may, too, whatever their share."""
_LEAST_S = 3600.0
"""Less than an hour says nothing of a day."""


def began(counted: Counted) -> str | None:
    """The day from which on days count, ISO date: the first, or the first after strays; None without any.

    Strays are units (at most `STRAY` of all, or fewer than `FEW`) before a pause of `PAUSE_DAYS` or more in
    which nobody was exposed: one row of 2001 makes no experiment of a quarter of a century.
    """
    per_day = _per_day(counted)
    start, before, pause = next(iter(per_day), None), 0, 0
    most = max(STRAY * sum(per_day.values()), FEW - 1)
    for day, units in per_day.items():
        if units and pause >= PAUSE_DAYS and before <= most:
            start = day
        before += units
        pause = 0 if units else pause + 1
    return start


def current_rate(counted: Counted) -> float | None:
    """New units per day at present; None when too little time has passed to tell. Days without any count."""
    return _mean(counted, _since_it_began(counted)[1:-1][-RECENT_DAYS:])


def whole_rate(counted: Counted) -> float | None:
    """New units per day while new ones came in at all; None when too little time has passed to tell."""
    newest_first = dropwhile(lambda units: not units, reversed(_since_it_began(counted)))
    return _mean(counted, list(newest_first)[1:-1])


def _mean(counted: Counted, whole: Sequence[int]) -> float | None:
    """Mean of whole days (the first and the last are partly outside); without any, units per time."""
    if whole:
        return sum(whole) / len(whole)
    seconds = _seconds(counted)
    return sum(_since_it_began(counted)) * DAY_S / seconds if seconds >= _LEAST_S else None


def _seconds(counted: Counted) -> float:
    """From the first exposure that is no stray to the last row, or to the end of the last day with any."""
    start = began(counted)
    if start is None or counted.first_s is None or counted.last_s is None:
        return 0.0
    return min(counted.last_s, end_of(max(counted.days))) - max(counted.first_s, start_of(start))


def _since_it_began(counted: Counted) -> list[int]:
    start = began(counted) or ""
    return [units for day, units in _per_day(counted).items() if day >= start]


def _per_day(counted: Counted) -> dict[str, int]:
    """All variants together, oldest first."""
    return {day: sum(counted.days[day].values()) for day in sorted(counted.days)}
