"""Looks that keep totals of units: whatever came in between, the answer is that of a whole look."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet
import pytest

from analysis.warehouse import Keep, keeping, look, looking, refresh
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
from tests.analysis.warehouse.growing import LATER_S, Shop


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


def only_new(shop: Shop, now_s: float = LATER_S) -> None:
    """Looks, and sees that nothing old was read again."""
    shop.look(now_s)
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
    reading = refresh.events_of

    def events_of(*given: object) -> object:
        opened.append(given[3])
        return reading(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(refresh, "events_of", events_of)
    only_new(grown)
    assert opened == [(grown.folder / "tables" / "events" / "part-1.parquet",)]


def test_only_metrics_whose_cap_moved_are_summed_up_over_all_users(
    grown: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    summed: list[list[str]] = []
    summing = looking.moments_of

    def moments_of(*given: object) -> object:
        summed.append(sorted(given[3]))  # type: ignore[call-overload]
        return summing(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(looking, "moments_of", moments_of)
    only_new(grown)
    assert summed == [["revenue"]]


def test_a_user_who_turns_into_a_machine_is_taken_out_of_known_sums(shop: Shop) -> None:
    shop.add(people(6), purchases(people(6)))
    shop.look(most_events=3)
    visits = [Event(unit="u1", us=DAY_US + step, name="visit", id=None) for step in range(3)]
    shop.add([], visits)
    for most_events, machines in ((3, 1), (4, 0)):
        assert sum(shop.look(most_events=most_events).counted.machines.values()) == machines
        assert shop.said == []


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


def test_a_file_replaced_by_one_of_the_same_size_and_time_is_read(shop: Shop) -> None:
    shop.add(people(6), purchases(people(6)))
    shop.look()
    place = shop.folder / "tables" / "events" / "part-0.parquet"
    before = place.stat()
    shop.events[0] = replace(shop.events[0], us=shop.events[0].us + 1)
    pa.parquet.write_table(tables([], shop.events)["events"], place)
    os.utime(place, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert place.stat().st_size == before.st_size
    reread(shop, f"{place} has changed")


def test_what_another_version_kept_is_not_read(grown: Shop) -> None:
    (state,) = (grown.folder / "keep").iterdir()
    with duckdb.connect(state) as connection:
        connection.execute("""CREATE OR REPLACE TABLE about AS SELECT '{"shape": "of old"}' AS value""")
    reread(grown, "of another version")
    only_new(grown)


@pytest.mark.parametrize("again", [False, True], ids=["first look", "refresh"])
def test_a_file_that_lands_while_a_look_reads_counts_at_the_next(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, again: bool
) -> None:
    """A refresh that counts somebody anew opens all files, but no more than it noted as read."""
    units = people(12)
    shop.add(units[:8], purchases(units)[:6])
    if again:
        shop.look()
        shop.add([replace(units[3], us=units[3].us - 1000)], [])
    asked, taking = shop.plan(), Keep(folder=shop.folder / "keep", say=shop.said.append)
    expected = reference.look(asked, [*shop.exposures], [*shop.events], LATER_S)
    listing = keeping.files_of

    def listed(asked: ProductPlan) -> object:
        found = listing(asked)
        shop.add(units[8:], [*purchases(units)[6:], replace(purchases(units)[3], id="again")])
        return found

    with monkeypatch.context() as patched:
        patched.setattr(keeping, "files_of", listed)
        assert look(asked, LATER_S, taking) == expected
    only_new(shop)


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


@pytest.mark.parametrize("ahead_us", [1, 599_000_000, 2 * DAY_US])
def test_rows_later_than_a_look_count_at_the_one_that_they_are_not_later_than(
    shop: Shop, ahead_us: int
) -> None:
    """Of a new user, of a known one again, and what both do; also when the file was read long ago."""
    units, now = people(6), 30 * DAY_US
    later = [replace(units[1], us=now + ahead_us), Exposure(unit="u9", us=now + ahead_us, variant="old")]
    shop.add([*units, *later], [*purchases(units), *(replace(row, id=None) for row in purchases(later))])
    shop.look(NOW_S + 10 * 86_400)
    only_new(shop, NOW_S + 10 * 86_400)
    only_new(shop, NOW_S + 10 * 86_400 + ahead_us / 2e6)
    shop.add([], [Event(unit="u9", us=now + ahead_us + 5, name="visit", id="v")])
    only_new(shop, NOW_S + 10 * 86_400 + ahead_us / 1e6 + 600)
    assert shop.look().counted.exposures == 8
    assert shop.said == []


def test_a_clock_far_ahead_is_told_at_every_look(grown: Shop) -> None:
    grown.add([], [Event(unit="u1", us=80 * DAY_US, name="visit", id=None)])
    for _ in range(2):
        assert grown.look().counted.future == 1
        assert grown.said == []


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
