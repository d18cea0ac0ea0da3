"""Days without data, by what was counted on each. Judges nothing.

Days are ISO dates (UTC); a count per day has every day between its first and its last.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from math import ceil
from statistics import median

DAY_S = 86_400.0
EXPECTED_DAILY = 20
"""Where so many are expected, a day without any has a chance of exp(-20)."""


def spans(days: Iterable[str]) -> Iterator[str]:
    """Days in a row as `first/last`, one alone as itself, oldest first.

    >>> list(spans(["2026-05-04", "2026-05-01", "2026-05-02"]))
    ['2026-05-01/2026-05-02', '2026-05-04']
    """
    found: list[tuple[date, date]] = []
    for day in sorted(date.fromisoformat(each) for each in days):
        if found and day - found[-1][1] == timedelta(days=1):
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    yield from (f"{first}/{last}" if last > first else f"{first}" for first, last in found)


def gaps(by_day: Mapping[str, int]) -> Sequence[str]:
    """Empty days between the first and the last that are not, where days usually have enough."""
    used = sorted(day for day, count in by_day.items() if count)
    if not _is_busy(by_day):
        return ()
    return [day for day, count in by_day.items() if not count and used[0] < day < used[-1]]


def without_events(exposed: Mapping[str, int], events: Mapping[str, int], at_s: float) -> Sequence[str]:
    """Whole days after the last event on which many units were exposed, oldest first.

    Args:
        exposed: units first exposed per day.
        events: rows per day.
        at_s: time of the look, Unix seconds; a day that is not over may still get its events.
    """
    if not _is_busy(events):
        return ()
    last = max(day for day, count in events.items() if count)
    return sorted(
        day
        for day, units in exposed.items()
        if day > last and units >= EXPECTED_DAILY and end_of(day) <= at_s
    )


def earlier(day: str, by_s: float) -> str:
    """The day that began so long before it, or a little longer.

    >>> earlier("2026-05-04", 0.0), earlier("2026-05-04", 3_600.0)
    ('2026-05-04', '2026-05-03')
    """
    return (date.fromisoformat(day) - timedelta(days=ceil(by_s / DAY_S))).isoformat()


def start_of(day: str) -> float:
    """When it began, Unix seconds."""
    return datetime.combine(date.fromisoformat(day), time(), UTC).timestamp()


def end_of(day: str) -> float:
    """When the next one begins, Unix seconds."""
    return start_of(day) + DAY_S


def _is_busy(by_day: Mapping[str, int]) -> bool:
    """Whether there is enough on usual days for an empty one to be no chance."""
    counts = [count for count in by_day.values() if count]
    return bool(counts) and median(counts) >= EXPECTED_DAILY
