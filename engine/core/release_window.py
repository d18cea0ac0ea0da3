"""When traffic may be given: weekly windows of local time, safe over changes of daylight saving time.

A window belongs to the weekday on which it starts. One whose end is not after its start lasts over midnight.
A local time that the clock skips counts as one hour later; of one that happens twice, the first counts.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from engine.core.model import ReleaseWindow

_LOOK_AHEAD_DAYS = 15
"""A weekly window recurs within 7 days; one recurrence may vanish in a skipped hour."""


def is_open(windows: Sequence[ReleaseWindow], now_s: float) -> bool:
    """Whether traffic may be given at this time (epoch seconds); always, without windows."""
    return not windows or any(
        start_s <= now_s < end_s for window in windows for start_s, end_s in _spans(window, now_s)
    )


def next_open_s(windows: Sequence[ReleaseWindow], now_s: float) -> float:
    """The first time from now on (epoch seconds) at which traffic may be given."""
    if is_open(windows, now_s):
        return now_s
    return min(
        start_s for window in windows for start_s, end_s in _spans(window, now_s) if now_s < start_s < end_s
    )


def _spans(window: ReleaseWindow, now_s: float) -> Iterator[tuple[float, float]]:
    """Start and end (epoch seconds) from yesterday's window to the look-ahead's."""
    zone = ZoneInfo(window.time_zone)
    today = datetime.fromtimestamp(now_s, zone).date()
    for offset in range(-1, _LOOK_AHEAD_DAYS):
        day = today + timedelta(days=offset)
        if day.weekday() in window.days:
            yield _span(window, day, zone)


def _span(window: ReleaseWindow, day: date, zone: ZoneInfo) -> tuple[float, float]:
    end_day = day if window.end > window.start else day + timedelta(days=1)
    start = datetime.combine(day, window.start, zone)
    end = datetime.combine(end_day, window.end, zone)
    return start.timestamp(), end.timestamp()
