"""Any rows, in any order and in any number of files, give what plain Python gives."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis.warehouse import look
from tests.analysis.warehouse import reference
from tests.analysis.warehouse.data import NOW_S, Event, Exposure, plan, write_parquet

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

TIMES = st.integers(-3 * 86_400, 25 * 86_400).map(lambda seconds: seconds * 1_000_000)
UNITS = st.sampled_from([None, "a", "b", "c", "d", "e"])
EXPOSURES = st.lists(
    st.builds(
        Exposure,
        unit=UNITS,
        us=TIMES | st.just(0),
        variant=st.sampled_from([None, "old", "new", "newer"]),
        country=st.sampled_from([None, "de", "fr"]),
        browser=st.sampled_from(["firefox", "safari"]),
        staff=st.sampled_from(["no", "no", "yes"]),
    ),
    max_size=12,
).map(lambda rows: [*rows, Exposure(unit="z", us=0, variant="old")])
EVENTS = st.lists(
    st.builds(
        Event,
        unit=UNITS,
        us=TIMES,
        name=st.sampled_from(["visit", "purchase", "other"]),
        id=st.sampled_from([None, "", *(f"e{number}" for number in range(8))]),
        amount=st.none() | st.integers(-(10**9), 10**9).map(lambda cents: cents / 100),
    ),
    max_size=30,
).map(lambda rows: [*rows, Event(unit="z", us=1, name="visit", id="z")])


@given(exposures=EXPOSURES, events=EVENTS, order=st.randoms(use_true_random=False), files=st.integers(1, 4))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_rows_in_any_order_give_what_plain_python_gives(exposures, events, order, files) -> None:  # type: ignore[no-untyped-def]
    expected = reference.look(plan(""), exposures, events, NOW_S)
    order.shuffle(exposures)
    order.shuffle(events)
    with tempfile.TemporaryDirectory() as folder:
        write_parquet(Path(folder), exposures, events, files=files)
        assert look(plan(folder, most_events=6), NOW_S) == reference.look(
            plan("", most_events=6), exposures, events, NOW_S
        )
        assert look(plan(folder), NOW_S) == expected
