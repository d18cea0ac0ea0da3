"""Looks that keep totals of units: whatever came in between, the answer is that of a whole look."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis.product.totals import Totals
from analysis.warehouse import Keep, look, refreshing
from engine.core.product import ProductPlan
from tests.analysis.warehouse import reference
from tests.analysis.warehouse.contract import with_every_fault
from tests.analysis.warehouse.data import (
    DAY_US,
    NO_TIME,
    NOW_S,
    Event,
    Exposure,
    people,
    plan,
    purchases,
    tables,
    write_csv,
)
from tests.analysis.warehouse.test_properties import EVENTS, EXPOSURES

LATER_S = NOW_S + 40 * 86_400
"""After every row."""


@dataclass(slots=True, kw_only=True)
class Shop:
    """Tables that grow by files, and an experiment that is looked at now and then."""

    folder: Path
    exposures: list[Exposure] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def add(self, exposures: Sequence[Exposure], events: Sequence[Event]) -> None:
        """A file more of each table."""
        for name, table in tables(exposures, events).items():
            place = self.folder / "tables" / name
            place.mkdir(parents=True, exist_ok=True)
            pa.parquet.write_table(table, place / f"part-{len(list(place.iterdir()))}.parquet")
        self.exposures += exposures
        self.events += events

    def plan(self, **more: object) -> ProductPlan:
        return plan(str(self.folder / "tables"), **more)

    def look(self, now_s: float = LATER_S, **more: object) -> Totals:
        """Looks, keeps, and compares with plain Python over everything."""
        self.said.clear()
        asked = self.plan(**more)
        found = look(asked, now_s, Keep(folder=self.folder / "keep", say=self.said.append))
        expected = reference.look(asked, self.exposures, self.events, now_s)
        assert found.counted == expected.counted
        assert found == expected
        return found


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(folder=tmp_path)


@pytest.fixture
def grown(shop: Shop) -> Shop:
    """Looked at once, with a file more since."""
    units = people(12)
    events = purchases(units)
    before = [replace(row, us=row.us - 2 * DAY_US, id=f"b{place}") for place, row in enumerate(events)]
    shop.add(units[:8], [*events[:6], *before])
    shop.look()
    assert shop.said == ["Nothing is kept yet: reading everything."]
    shop.add(units[8:], events[6:])
    return shop


def only_new(shop: Shop) -> None:
    """Looks, and sees that nothing old was read again."""
    shop.look()
    assert shop.said == []


def reread(shop: Shop, why: str, **more: object) -> None:
    """Looks, and sees that everything was read again, and why."""
    shop.look(**more)  # type: ignore[arg-type]
    (said,) = shop.said
    assert why in said


def test_with_every_fault_in_many_files_each_look_is_a_whole_one_s(shop: Shop) -> None:
    exposures, events = with_every_fault()
    oldest = min((row for row in exposures if row.us != NO_TIME and row.unit), key=lambda row: row.us)
    shop.add([oldest, *exposures[::3]], events[::3])
    shop.look()
    for part in (1, 2):
        shop.add(exposures[part::3], events[part::3])
        only_new(shop)


def test_files_that_came_are_all_that_is_read(grown: Shop) -> None:
    """New users are there with what they did before they were exposed, which is in the old file."""
    only_new(grown)


def test_the_old_file_of_events_is_not_opened_for_new_users(
    grown: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[object] = []
    reading = refreshing.events_of

    def events_of(*given: object) -> object:
        opened.append(given[3])
        return reading(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(refreshing, "events_of", events_of)
    only_new(grown)
    assert opened == [(grown.folder / "tables" / "events" / "part-1.parquet",)]


def test_nothing_new_is_the_same_answer(shop: Shop) -> None:
    shop.add(people(4), purchases(people(4)))
    assert shop.look() == shop.look()
    assert shop.said == []


def test_an_event_that_was_there_before_counts_once(grown: Shop) -> None:
    again = [replace(row, us=row.us + 5) for row in purchases(people(12))]
    grown.add([], again)
    only_new(grown)


def test_an_earlier_first_exposure_that_comes_late_counts(grown: Shop) -> None:
    late = [replace(row, us=row.us - 60_000_000, country="fr") for row in people(12)[3:5]]
    grown.add(late, [])
    only_new(grown)


def test_a_user_seen_in_the_other_variant_later_is_left_out(grown: Shop) -> None:
    grown.look()
    grown.add([replace(people(12)[0], us=DAY_US, variant="new")], purchases(people(1)))
    only_new(grown)


def test_an_exposure_before_all_others_is_read_with_everything(grown: Shop) -> None:
    grown.add([Exposure(unit="u99", us=-DAY_US, variant="old")], [])
    reread(grown, "earlier than all others")


def test_a_file_that_changed_or_is_gone_is_read_with_everything(grown: Shop) -> None:
    place = grown.folder / "tables" / "events" / "part-0.parquet"
    os.utime(place, ns=(1, 1))
    reread(grown, f"{place} has changed or is gone")


def test_another_question_is_answered_from_everything(grown: Shop) -> None:
    reread(grown, "What is asked", dimensions=())


def test_other_columns_are_read_with_everything(grown: Shop) -> None:
    place = grown.folder / "tables" / "events" / "part-1.parquet"
    table = pa.parquet.read_table(place)
    column = table.schema.get_field_index("amount")
    as_float = table["amount"].cast(pa.float32())
    pa.parquet.write_table(table.set_column(column, "amount", as_float), place)
    bare = pa.parquet.read_table(grown.folder / "tables" / "exposures" / "part-1.parquet").drop(["country"])
    pa.parquet.write_table(bare, grown.folder / "tables" / "exposures" / "part-1.parquet")
    grown.exposures[8:] = [replace(row, country=None) for row in grown.exposures[8:]]
    reread(grown, "no column `country`")


def test_a_look_as_of_before_the_last_leaves_what_is_kept(grown: Shop) -> None:
    reread(grown, "of a later time than asked", now_s=NOW_S - 19 * 86_400)
    only_new(grown)


def test_rows_of_the_future_are_not_kept(grown: Shop) -> None:
    grown.add([], [Event(unit="u1", us=80 * DAY_US, name="visit", id=None)])
    for _ in range(2):
        reread(grown, "1 rows are in the future")


def test_csv_is_read_whole_and_says_so(tmp_path: Path) -> None:
    write_csv(tmp_path, people(), purchases(people()))
    said: list[str] = []
    found = look(plan(str(tmp_path)), NOW_S, Keep(folder=tmp_path / "keep", say=said.append))
    assert found == look(plan(str(tmp_path)), NOW_S)
    assert "only kept for Parquet files" in said[0]
    assert not (tmp_path / "keep").exists()


def test_a_database_is_read_whole_and_says_so(tmp_path: Path) -> None:
    with duckdb.connect(tmp_path / "shop.duckdb") as connection:
        for name, table in tables(people(), purchases(people())).items():
            connection.register("rows", table)
            connection.execute(f"CREATE TABLE {name} AS FROM rows")
    said: list[str] = []
    look(plan(f"duckdb://{tmp_path}/shop.duckdb"), NOW_S, Keep(folder=tmp_path / "keep", say=said.append))
    assert "only kept for a directory of Parquet files" in said[0]


def test_two_looks_at_once_are_both_right_and_one_keeps(grown: Shop) -> None:
    (state,) = (grown.folder / "keep").iterdir()
    holding = f"import duckdb; held = duckdb.connect({str(state)!r}); print(1, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", holding], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "1\n"
        reread(grown, "cannot be used now")
        other.communicate("\n")
    only_new(grown)


def test_a_look_that_breaks_off_leaves_what_was_kept(grown: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_given: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("analysis.warehouse.keeping.totals_from", broken)
        with pytest.raises(KeyboardInterrupt):
            grown.look()
    only_new(grown)


def test_what_is_kept_and_cannot_be_read_is_said(grown: Shop) -> None:
    (state,) = (grown.folder / "keep").iterdir()
    state.write_bytes(b"no database")
    reread(grown, "cannot be used now")


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
@given(parts=arrivals(), starts=st.sampled_from([None, 2.0, 9.0]), most=st.sampled_from([3, 1000]))
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_however_rows_arrive_each_look_is_a_whole_one_s(parts, starts, most) -> None:  # type: ignore[no-untyped-def]
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop(folder=Path(folder))
        for exposures, events in parts:
            shop.add(exposures, events)
            starts_s = None if starts is None else NOW_S + (starts - 20) * 86_400
            shop.look(most_events=most, starts_s=starts_s)
