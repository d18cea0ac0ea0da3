"""Release windows are local time: over midnight, over weeks, over changes of daylight saving time."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from engine.core.model import ReleaseWindow
from engine.core.release_window import is_open, next_open_s

BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = ReleaseWindow(days=(0, 1, 2, 3, 4), start=time(9), end=time(17), time_zone="Europe/Berlin")
NIGHT = ReleaseWindow(days=(4,), start=time(22), end=time(2), time_zone="Europe/Berlin")

windows = st.builds(
    ReleaseWindow,
    days=st.sets(st.integers(0, 6), min_size=1).map(lambda days: tuple(sorted(days))),
    start=st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    end=st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    time_zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
)
moments = st.integers(1_577_836_800, 2_051_222_400).map(float)
"""From 2020 to 2034, in whole seconds."""


def berlin(text: str, fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold).timestamp()


def test_without_windows_it_is_always_open() -> None:
    assert is_open((), 0.0)
    assert next_open_s((), 5.0) == 5.0


def test_a_window_opens_at_its_start_and_closes_at_its_end() -> None:
    assert not is_open((OFFICE,), berlin("2026-11-23 08:59:59"))
    assert is_open((OFFICE,), berlin("2026-11-23 09:00"))
    assert is_open((OFFICE,), berlin("2026-11-23 16:59:59"))
    assert not is_open((OFFICE,), berlin("2026-11-23 17:00"))


def test_after_friday_comes_monday() -> None:
    assert next_open_s((OFFICE,), berlin("2026-11-20 17:00")) == berlin("2026-11-23 09:00")


def test_an_open_window_is_open_now() -> None:
    now_s = berlin("2026-11-23 12:00")
    assert next_open_s((OFFICE,), now_s) == now_s


def test_the_nearest_of_several_windows_counts() -> None:
    assert next_open_s((OFFICE, NIGHT), berlin("2026-11-20 18:00")) == berlin("2026-11-20 22:00")


def test_a_window_over_midnight_belongs_to_the_day_it_starts() -> None:
    assert is_open((NIGHT,), berlin("2026-11-21 01:59"))
    assert not is_open((NIGHT,), berlin("2026-11-21 02:00"))
    assert not is_open((NIGHT,), berlin("2026-11-20 01:00"))


def test_a_window_of_equal_ends_lasts_a_day() -> None:
    monday = ReleaseWindow(days=(0,), start=time(0), end=time(0), time_zone="Europe/Berlin")
    assert is_open((monday,), berlin("2026-11-23 23:59"))
    assert not is_open((monday,), berlin("2026-11-24 00:00"))


def test_office_hours_stay_local_when_the_clock_changes() -> None:
    before, after = berlin("2026-10-23 09:00"), berlin("2026-10-26 09:00")
    assert after - before == 3 * 86400 + 3600
    assert next_open_s((OFFICE,), berlin("2026-10-23 17:00")) == after


def test_a_window_that_starts_in_the_skipped_hour_opens_after_it() -> None:
    early = ReleaseWindow(days=(6,), start=time(2, 30), end=time(5), time_zone="Europe/Berlin")
    assert next_open_s((early,), berlin("2026-03-29 01:59")) == berlin("2026-03-29 03:30")


def test_a_window_inside_the_skipped_hour_is_next_week() -> None:
    gone = ReleaseWindow(days=(6,), start=time(2, 30), end=time(3), time_zone="Europe/Berlin")
    assert next_open_s((gone,), berlin("2026-03-29 00:00")) == berlin("2026-04-05 02:30")


def test_a_window_that_ends_in_the_doubled_hour_ends_with_its_first_half() -> None:
    late = ReleaseWindow(days=(6,), start=time(1), end=time(2, 30), time_zone="Europe/Berlin")
    assert is_open((late,), berlin("2026-10-25 02:29", fold=0))
    assert not is_open((late,), berlin("2026-10-25 02:29", fold=1))


@given(st.lists(windows, min_size=1, max_size=3), moments)
def test_the_next_opening_is_open_and_within_two_weeks(found: list[ReleaseWindow], now_s: float) -> None:
    at_s = next_open_s(found, now_s)
    assert is_open(found, at_s)
    assert now_s <= at_s <= now_s + timedelta(days=15).total_seconds()
    if at_s > now_s:
        assert not is_open(found, now_s)
        assert not is_open(found, at_s - 1e-3)
