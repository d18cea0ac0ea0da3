"""Planted faults: each shows where it should in what was counted, and changes nothing else."""

from dataclasses import replace
from pathlib import Path

import pytest

from analysis.product.totals import ALL, Totals, Variable
from analysis.warehouse import look, slices
from tests.analysis.warehouse.data import (
    DAY_US,
    NO_TIME,
    NOW_S,
    START_US,
    Event,
    Exposure,
    people,
    plan,
    purchases,
    write_parquet,
)

UNITS = people()


@pytest.fixture
def clean(tmp_path: Path) -> Totals:
    return looked(tmp_path / "clean", UNITS, purchases(UNITS))


def looked(folder: Path, exposures: list[Exposure], events: list[Event], **more: object) -> Totals:
    folder.mkdir(exist_ok=True)
    write_parquet(folder, exposures, events)
    return look(plan(str(folder), **more), NOW_S)


def revenue(totals: Totals, variant: str) -> float:
    return totals.moments[variant, ALL, "per_visit"].sums[Variable.Y] / 1e6


def test_clean_tables_have_no_faults(clean: Totals) -> None:
    counted = clean.counted
    assert (counted.exposures, counted.events) == (6, 6)
    assert not any((counted.repeated, counted.duplicates, counted.early, counted.crossed, counted.excluded))
    assert not any((counted.before_start, counted.unknown, counted.future))
    assert not any((counted.incomplete, *counted.valueless.values()))
    assert counted.machines == counted.early_units == {"old": 0, "new": 0}
    assert (revenue(clean, "old"), revenue(clean, "new")) == (10 + 12 + 14, 11 + 13 + 15)
    assert clean.units["old", ALL] == clean.units["new", ALL] == 3
    assert (counted.first_s, counted.last_s) == (START_US / 1e6, START_US / 1e6 + 5 * 3600 + 60)


def test_exposures_logged_twice_are_repeated_rows_and_no_more_units(tmp_path: Path, clean: Totals) -> None:
    found = looked(tmp_path, [*UNITS, *(replace(row, us=row.us + 5) for row in UNITS)], purchases(UNITS))
    assert (found.counted.exposures, found.counted.repeated) == (12, 6)
    assert (found.moments, found.units) == (clean.moments, clean.units)


def test_a_unit_seen_in_two_variants_is_left_out(tmp_path: Path) -> None:
    found = looked(tmp_path, [*UNITS, replace(UNITS[0], us=9, variant="new")], purchases(UNITS))
    assert found.counted.crossed == 1
    assert (found.units["old", ALL], found.units["new", ALL]) == (2, 3)
    assert revenue(found, "old") == 12 + 14


def test_a_bot_with_100_000_events_is_left_out_and_counted(tmp_path: Path) -> None:
    bot = [Event(unit="u1", us=UNITS[1].us + step, name="visit", id=f"b{step}") for step in range(100_000)]
    found = looked(tmp_path, UNITS, [*purchases(UNITS), *bot])
    assert found.counted.machines == {"old": 0, "new": 1}
    assert (found.units["old", ALL], found.units["new", ALL]) == (3, 2)
    assert found.moments["new", ALL, "often"].sums[Variable.Y] == 0
    assert found.counted.days["2026-09-21"] == {"old": 3, "new": 2}


def test_rows_of_a_clock_that_runs_ahead_are_counted_and_left_out(tmp_path: Path, clean: Totals) -> None:
    ahead = 40 * DAY_US
    found = looked(
        tmp_path,
        [*UNITS, Exposure(unit="u9", us=ahead, variant="old")],
        [*purchases(UNITS), Event(unit="u1", us=ahead, name="purchase", id="z", amount=5.0)],
    )
    assert found.counted.future == 2
    assert replace(found.counted, future=0) == clean.counted
    assert (found.moments, found.units) == (clean.moments, clean.units)


@pytest.mark.parametrize(("late_us", "future"), [(1, 0), (600_000_000, 0), (600_000_001, 2)])
def test_rows_that_came_while_a_look_reads_are_left_out_and_no_fault(
    tmp_path: Path, clean: Totals, late_us: int, future: int
) -> None:
    now = 20 * DAY_US
    found = looked(
        tmp_path,
        [*UNITS, Exposure(unit="u9", us=now + late_us, variant="old")],
        [*purchases(UNITS), Event(unit="u1", us=now + late_us, name="purchase", id="z", amount=5.0)],
    )
    assert found.counted.future == future
    assert replace(found.counted, future=0) == clean.counted
    assert (found.moments, found.units) == (clean.moments, clean.units)


def test_events_that_all_came_while_a_look_reads_are_no_error(tmp_path: Path) -> None:
    late = [replace(row, us=20 * DAY_US + 5) for row in purchases(UNITS)]
    assert looked(tmp_path, UNITS, late).counted.events == 0


def test_a_variant_renamed_mid_run_is_named_with_its_units(tmp_path: Path) -> None:
    renamed = [replace(row, us=row.us + DAY_US, variant="new-2") for row in UNITS if row.variant == "new"]
    fresh = [Exposure(unit=f"late{index}", us=2 * DAY_US, variant="new-2") for index in range(4)]
    found = looked(tmp_path, [*UNITS, *renamed, *fresh], purchases(UNITS))
    assert found.counted.unknown == {"new-2": 7}
    assert found.counted.crossed == 3
    assert ("new", ALL) not in found.units


def test_a_day_without_exposures_and_events_is_there_with_zeros(tmp_path: Path) -> None:
    later = [replace(row, unit=f"{row.unit}-later", us=row.us + 2 * DAY_US) for row in UNITS]
    found = looked(tmp_path, [*UNITS, *later], purchases([*UNITS, *later]))
    assert found.counted.days["2026-09-22"] == {"old": 0, "new": 0}
    assert list(found.counted.days) == ["2026-09-21", "2026-09-22", "2026-09-23"]
    assert found.counted.events_by_day == {"2026-09-21": 6, "2026-09-22": 0, "2026-09-23": 6}


def test_events_sent_twice_count_once(tmp_path: Path, clean: Totals) -> None:
    again = [replace(row, us=row.us + 3) for row in purchases(UNITS)[:4]]
    found = looked(tmp_path, UNITS, [*again, *purchases(UNITS)])
    assert (found.counted.duplicates, found.counted.events) == (4, 10)
    assert (found.moments, found.caps) == (clean.moments, clean.caps)


def test_events_without_ids_are_never_duplicates(tmp_path: Path) -> None:
    bare = [replace(row, id=None) for row in purchases(UNITS)]
    found = looked(tmp_path, UNITS, [*bare, *bare])
    assert found.counted.duplicates == 0
    assert revenue(found, "old") == 2 * (10 + 12 + 14)


def test_an_id_of_no_text_names_no_event(tmp_path: Path) -> None:
    empty = [replace(row, us=row.us + step, id="") for row in purchases(UNITS) for step in (0, 1)]
    found = looked(tmp_path, UNITS, empty)
    assert found.counted.duplicates == 0
    assert revenue(found, "old") == 2 * (10 + 12 + 14)


def test_events_before_the_exposure_that_nobody_asks_for_are_early(tmp_path: Path) -> None:
    """They are asked for from 5 days before, and reading starts 5 days before the first exposure of all."""
    before = [
        Event(unit="u5", us=UNITS[5].us - 5 * DAY_US - 1, name="purchase", id="v", amount=7.0),
        Event(unit="u0", us=UNITS[0].us - 3 * DAY_US, name="purchase", id="q", amount=7.0),
        Event(unit="u0", us=UNITS[0].us - 30 * DAY_US, name="purchase", id="r", amount=7.0),
    ]
    found = looked(tmp_path, UNITS, [*purchases(UNITS), *before])
    assert found.counted.early == 1
    assert found.counted.early_units == {"old": 0, "new": 1}
    assert found.moments["old", ALL, "per_visit"].sums[Variable.X] == 7_000_000


def test_staff_are_left_out_by_their_first_exposure(tmp_path: Path) -> None:
    staff = [replace(UNITS[0], staff="yes"), replace(UNITS[2], us=UNITS[2].us + 1, staff="yes"), *UNITS[1:]]
    found = looked(tmp_path, staff, purchases(UNITS))
    assert (found.counted.excluded, found.counted.crossed) == (1, 0)
    assert found.units["old", ALL] == 2


def test_only_exposures_between_start_and_end_count(tmp_path: Path) -> None:
    start = START_US / 1e6
    found = looked(tmp_path, UNITS, purchases(UNITS), starts_s=start + 3600, ends_s=start + 3 * 3600)
    assert found.counted.exposures == 2
    assert set(found.units.values()) == {1}


def test_who_was_exposed_before_the_start_is_left_out_and_counted(tmp_path: Path) -> None:
    """Their later exposure is not their first, and what they did before it is not of the time before."""
    again = [replace(row, us=row.us + DAY_US) for row in UNITS]
    found = looked(tmp_path, [*UNITS, *again], purchases(UNITS), starts_s=START_US / 1e6 + 2 * 3600)
    assert found.counted.before_start == 2
    assert (found.counted.exposures, found.counted.repeated) == (8, 4)
    assert (found.units["old", ALL], found.units["new", ALL]) == (2, 2)
    assert (revenue(found, "old"), revenue(found, "new")) == (12 + 14, 13 + 15)


def test_rows_without_a_unit_or_a_time_are_incomplete(tmp_path: Path, clean: Totals) -> None:
    nobody = Exposure(unit=None, us=0, variant="old"), Exposure(unit="u0", us=NO_TIME, variant="new")
    nothing = [
        Event(unit=None, us=1, name="visit", id="n"),
        Event(unit="u0", us=NO_TIME, name="visit", id="m"),
    ]
    unasked = Event(unit=None, us=1, name="other", id="o")
    found = looked(tmp_path, [*UNITS, *nobody], [*purchases(UNITS), *nothing, unasked])
    assert found.counted.incomplete == 4
    assert replace(found, counted=replace(found.counted, incomplete=0)) == clean


def test_events_whose_number_cannot_be_used_are_valueless(tmp_path: Path) -> None:
    bare = [replace(row, amount=None) for row in purchases(UNITS)[:2]]
    huge = [replace(row, amount=2e12) for row in purchases(UNITS)[2:3]]
    visit = Event(unit="u0", us=9, name="visit", id="v")
    found = looked(tmp_path, UNITS, [*bare, *huge, *purchases(UNITS)[3:], visit])
    assert found.counted.valueless == dict.fromkeys(("revenue", "spent", "per_visit", "typical"), 3)


def test_an_event_that_never_occurs_is_there_with_a_zero(tmp_path: Path, clean: Totals) -> None:
    assert clean.counted.events_by_name == {"purchase": 6, "visit": 0}


def test_a_quantile_of_nothing_cuts_nothing(tmp_path: Path) -> None:
    found = looked(tmp_path, people(20), purchases(UNITS[:1]))
    assert "revenue" not in found.caps
    assert found.moments["old", ALL, "revenue"].sums[Variable.Y] == 10_000_000


def test_a_quantile_is_a_number_that_a_unit_has(tmp_path: Path) -> None:
    many = people(20)
    assert looked(tmp_path, many, purchases(many)).caps["revenue"] == 27.0


def test_the_dimension_is_that_of_the_first_exposure(tmp_path: Path) -> None:
    moved = [replace(row, us=row.us + 1, country="fr") for row in UNITS]
    found = looked(tmp_path, [*moved, *UNITS], purchases(UNITS))
    assert {part.value for _variant, part in found.units if part.dimension == "country"} == {"de"}


@pytest.mark.parametrize("few", [0, 10**9])
def test_other_engines_sum_up_few_cells_and_many_as_duckdb_does(
    tmp_path: Path, few: int, monkeypatch: pytest.MonkeyPatch, clean: Totals
) -> None:
    monkeypatch.setattr(slices, "_FEW_CELLS", few)
    monkeypatch.setattr(slices, "_in_one_pass", slices._per_cell)
    assert looked(tmp_path / "again", UNITS, purchases(UNITS)) == clean


def test_units_in_parts_give_the_same_as_all_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clean: Totals
) -> None:
    monkeypatch.setattr("analysis.warehouse.sums._UNITS_AT_ONCE", 2)
    assert looked(tmp_path, UNITS, purchases(UNITS)) == clean


def test_a_plan_without_dimensions_and_exclusions_works(tmp_path: Path) -> None:
    found = looked(tmp_path, UNITS, purchases(UNITS), dimensions=(), exclusions=())
    assert {part.dimension for _variant, part in found.units} == {"", "@day"}
