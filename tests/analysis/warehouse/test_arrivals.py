"""Rows arrive in any order and any files, with looks in between that keep: each is a whole one's answer."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.analysis.warehouse.data import DAY_US, NOW_S, Event, Exposure
from tests.analysis.warehouse.growing import Shop
from tests.analysis.warehouse.test_properties import EVENTS, EXPOSURES


@st.composite
def arrivals(draw: st.DrawFn) -> list[tuple[list[Exposure], list[Event]]]:
    """Rows in files, in any order, of which the first has the earliest exposure, or has not."""
    exposures, events = draw(EXPOSURES), draw(EVENTS)
    shown = [draw(st.integers(0, 2)) for _ in exposures]
    done = [draw(st.integers(0, 2)) for _ in events]
    oldest = Exposure(unit="oldest", us=-4 * 86_400 * 1_000_000, variant="old")
    return [
        (
            [
                *([oldest] if part == 0 else []),
                *(row for row, at in zip(exposures, shown, strict=True) if at == part),
            ],
            [
                row
                for row, at in zip(events, done, strict=True)
                if at == part or (part == 0 and row.unit == "z")
            ],
        )
        for part in range(3)
    ]


@pytest.mark.slow
@pytest.mark.timeout(600)
@given(
    parts=arrivals(),
    starts=st.sampled_from([None, 2.0, 9.0]),
    most=st.sampled_from([3, 1000]),
    days=st.lists(st.integers(-18, 6), min_size=3, max_size=3).map(sorted),
)
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_however_rows_arrive_each_look_is_a_whole_one_s(parts, starts, most, days) -> None:  # type: ignore[no-untyped-def]
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop(folder=Path(folder))
        for (exposures, events), day in zip(parts, days, strict=True):
            some = Event(unit="z", us=(20 + day) * DAY_US, name="visit", id=None)
            shop.add(exposures, [*events, some])
            starts_s = None if starts is None else NOW_S + (starts - 20) * 86_400
            shop.look(NOW_S + day * 86_400, most_events=most, starts_s=starts_s)
