"""The sample shop: the same for the same seed, true as it says, and wrong in just the way asked for."""

from pathlib import Path

import duckdb
import numpy as np
import pytest

from analysis.product.result import FaultKind
from engine import spec
from engine.errors import UsageError
from engine.product.choices import Kept, Planted
from engine.product.sample import EXPERIMENT, experiment_text, tables_of, write_sample
from engine.product.shop import BROWSERS, DAY_S, ERROR, FASTER, LOAD, ORDER, VARIANTS, VIEW, Shop
from engine.product.spoiling import Tables

EXAMPLE = Path(__file__).parents[3] / "manifests" / "examples" / "12-ab-product" / "experiment.yaml"
STARTS_S = 1_772_409_600.0
"""Monday, 2 March 2026."""
US = 1_000_000


def shop(fault: Planted | None = None, visitors: int = 20_000, lift: float = 0.5, seed: int = 1) -> Shop:
    return Shop(
        starts_s=STARTS_S,
        ends_s=STARTS_S + 14 * DAY_S,
        visitors=visitors,
        lift=lift,
        fault=fault,
        seed=seed,
    )


def later(tables: Tables, name: int) -> tuple[np.ndarray, np.ndarray]:
    """Events of a name per visitor, after the exposure: those of control, those of the treatment."""
    first = np.empty(len(tables.exposures["unit"]), dtype=np.int64)
    treated = np.empty(len(first), dtype=bool)
    first[tables.exposures["unit"]] = tables.exposures["time_us"]
    treated[tables.exposures["unit"]] = tables.exposures["variant"] == 1
    events = tables.events
    counts = (events["name"] == name) & (events["time_us"] >= first[events["unit"]])
    per_unit = np.bincount(events["unit"][counts], minlength=len(first))
    return per_unit[~treated], per_unit[treated]


def test_the_same_seed_makes_the_same_shop_and_another_one_another() -> None:
    one, again, other = (tables_of(shop(seed=seed)) for seed in (1, 1, 2))
    for name, column in one.events.items():
        np.testing.assert_array_equal(column, again.events[name])
    assert len(one.events["unit"]) != len(other.events["unit"])


def test_the_treatment_places_as_many_more_orders_as_said_and_its_page_loads_faster() -> None:
    tables = tables_of(shop())
    control, treated = later(tables, ORDER)
    error = (control.var() / len(control) + 1.5**-2 * treated.var() / len(treated)) ** 0.5
    assert abs(treated.mean() / 1.5 - control.mean()) < 4 * error
    seen, too = later(tables, VIEW)
    assert abs(seen.mean() - too.mean()) < 4 * (seen.var() / len(seen) + too.var() / len(too)) ** 0.5
    loads = tables.events["name"] == LOAD
    treatment = np.zeros(20_000, dtype=bool)
    treatment[tables.exposures["unit"]] = tables.exposures["variant"] == 1
    slow, fast = (
        np.median(tables.events["value"][loads & (treatment[tables.events["unit"]] == arm)])
        for arm in (False, True)
    )
    assert fast / slow == pytest.approx(FASTER, abs=0.03)


def test_a_sound_shop_has_nothing_wrong() -> None:
    tables = tables_of(shop())
    exposures, events = tables.exposures, tables.events
    assert len(np.unique(exposures["unit"])) == len(exposures["unit"]) == 20_000
    assert len(np.unique(events["id"])) == len(events["id"])
    assert exposures["time_us"].min() >= STARTS_S * US
    assert max(exposures["time_us"].max(), events["time_us"].max()) < (STARTS_S + 14 * DAY_S) * US
    assert events["time_us"].min() > (STARTS_S - 14 * DAY_S) * US
    assert np.bincount(events["unit"]).max() < 200


def test_every_fault_is_named_as_an_analysis_names_it() -> None:
    assert {str(fault) for fault in Planted} == {str(kind) for kind in FaultKind}


def test_the_split_is_off_in_one_browser_only() -> None:
    rows = tables_of(shop(Planted.SPLIT, visitors=100_000)).exposures
    shares = {name: rows["variant"][rows["browser"] == index].mean() for index, name in enumerate(BROWSERS)}
    assert shares.pop("safari") == pytest.approx(0.48, abs=0.01)
    assert all(share == pytest.approx(0.5, abs=0.02) for share in shares.values())


def test_a_renamed_variant_is_there_in_the_second_half_only() -> None:
    rows = tables_of(shop(Planted.UNKNOWN_VARIANT)).exposures
    late = rows["time_us"] > (STARTS_S + 7 * DAY_S) * US
    assert set(rows["variant"][~late]) == {0, 1}
    assert set(rows["variant"][late]) == {0, 2}


def test_some_visitors_cross() -> None:
    rows = tables_of(shop(Planted.CROSSED)).exposures
    again = len(rows["unit"]) - 20_000
    assert again / 20_000 == pytest.approx(0.03, abs=0.005)
    assert len(np.unique(np.stack((rows["unit"], rows["variant"])), axis=1).T) == 20_000 + again


def test_those_who_bought_before_are_shown_the_treatment_more_often() -> None:
    tables = tables_of(shop(Planted.BIASED_BEFORE))
    before = tables.events["time_us"] < STARTS_S * US
    seen = np.bincount(tables.events["unit"][before], minlength=20_000)[tables.exposures["unit"]]
    treated = tables.exposures["variant"] == 1
    assert seen[treated].mean() / seen[~treated].mean() > 1.05
    assert treated.mean() == pytest.approx(0.5, abs=0.02)


def test_a_clock_is_ahead() -> None:
    ahead = tables_of(shop(Planted.FUTURE)).events["time_us"] > (STARTS_S + 14 * DAY_S) * US
    assert ahead.mean() == pytest.approx(0.01, abs=0.002)


def test_one_day_is_missing_from_both_tables() -> None:
    tables = tables_of(shop(Planted.MISSING_DAY))
    days = [np.unique(rows["time_us"] // int(DAY_S * US)) for rows in (tables.exposures, tables.events)]
    gone = int(STARTS_S / DAY_S) + 7
    assert all(gone not in there and {gone - 1, gone + 1} <= set(there) for there in days)


def test_late_exposures_leave_events_before_them() -> None:
    tables = tables_of(shop(Planted.EARLY_EVENTS))
    first = np.empty(20_000, dtype=np.int64)
    first[tables.exposures["unit"]] = tables.exposures["time_us"]
    loads = tables.events["name"] == LOAD
    early = tables.events["time_us"][loads] < first[tables.events["unit"][loads]]
    assert early.mean() == pytest.approx(0.5, abs=0.03)


def test_events_are_there_twice_under_one_id() -> None:
    ids = tables_of(shop(Planted.DUPLICATES)).events["id"]
    assert 1 - len(np.unique(ids)) / len(ids) == pytest.approx(1 / 11, abs=0.01)


def test_every_exposure_is_there_twice() -> None:
    rows = tables_of(shop(Planted.REPEATED)).exposures
    assert set(np.bincount(rows["unit"])) == {2}


def test_exposures_of_control_alone_are_late() -> None:
    sound, late = tables_of(shop()).exposures, tables_of(shop(Planted.EARLY_UNEVEN)).exposures
    moved = sound["time_us"] != late["time_us"]
    assert set(sound["variant"][moved]) == {0}
    assert moved.mean() == pytest.approx(1 / 400, abs=0.001)


def test_a_loop_is_in_the_treatment_alone() -> None:
    tables = tables_of(shop(Planted.MACHINES_UNEVEN))
    (looping,) = np.nonzero(np.bincount(tables.events["unit"]) > 10_000)
    rows = tables.exposures
    assert len(looping) == 20
    assert set(rows["variant"][np.isin(rows["unit"], looping)]) == {1}


def test_events_end_while_exposures_go_on() -> None:
    tables = tables_of(shop(Planted.EVENTS_ENDED))
    last_us = [rows["time_us"].max() for rows in (tables.exposures, tables.events)]
    assert last_us[0] - last_us[1] == pytest.approx(4 * DAY_S * US, abs=600 * US)


def test_some_orders_have_no_value_and_some_events_nobody(tmp_path: Path) -> None:
    for fault, missing, of in (
        (Planted.VALUELESS, "value", "WHERE name = 'order'"),
        (Planted.INCOMPLETE, "unit", ""),
    ):
        write_sample(tmp_path / fault, shop(fault))
        with duckdb.connect() as connection:
            query = f"SELECT avg(({missing} IS NULL)::INT) FROM '{tmp_path}/{fault}/events.parquet' {of}"
            (row,) = connection.execute(query).fetchall()
        assert row[0] == pytest.approx(0.1 if of else 0.03, abs=0.01)


def test_no_error_is_called_so() -> None:
    assert ERROR in tables_of(shop()).events["name"]
    assert ERROR not in tables_of(shop(Planted.NO_EVENTS)).events["name"]


def test_some_have_seen_it_before_its_start() -> None:
    early = tables_of(shop(Planted.BEFORE_START)).exposures["time_us"] < STARTS_S * US
    assert early.mean() == pytest.approx(0.1, abs=0.01)


def test_a_bot_has_a_hundred_thousand_events() -> None:
    events = np.sort(np.bincount(tables_of(shop(Planted.MACHINES)).events["unit"]))
    assert events[-1] >= 100_000 > 200 > events[-2]


@pytest.mark.parametrize("kept", Kept)
def test_both_forms_hold_the_same_rows(tmp_path: Path, kept: Kept) -> None:
    made = write_sample(tmp_path / "shop", shop(visitors=500), kept)
    tables = tables_of(shop(visitors=500))
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        rows = connection.execute(
            f"SELECT unit, epoch_us(time), variant, browser FROM '{tmp_path}/shop/exposures.{kept}'"
        ).fetchall()
        (events,) = connection.execute(
            f"SELECT count(*), sum(round(value * 100))::BIGINT FROM '{tmp_path}/shop/events.{kept}'"
        ).fetchall()
    expected = zip(
        *(tables.exposures[name] for name in ("unit", "time_us", "variant", "browser")), strict=True
    )
    assert rows == [(f"u{unit:07}", at, VARIANTS[arm], BROWSERS[of]) for unit, at, arm, of in expected]
    assert events == (made.events, tables.events["value"].sum())


def test_what_is_there_is_not_written_over_unless_asked(tmp_path: Path) -> None:
    write_sample(tmp_path, shop(visitors=200))
    (tmp_path / EXPERIMENT).write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match="exists already; choose another directory, or add --force"):
        write_sample(tmp_path, shop(visitors=200))
    assert (tmp_path / EXPERIMENT).read_text(encoding="utf-8") == "mine"
    write_sample(tmp_path, shop(visitors=200), over=True)
    assert (tmp_path / EXPERIMENT).read_text(encoding="utf-8") != "mine"


def test_a_place_that_cannot_be_written_to_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match=r"cannot write to .*file"):
        write_sample(tmp_path / "file", shop(visitors=200))


def test_the_example_is_the_sample_s_experiment() -> None:
    assert experiment_text(shop()) == EXAMPLE.read_text(encoding="utf-8")


def test_the_experiment_begins_and_ends_with_the_shop() -> None:
    moved = Shop(starts_s=STARTS_S + DAY_S, ends_s=STARTS_S + 15 * DAY_S)
    plan = spec.product_plan(spec.parse(experiment_text(moved), "moved"))
    assert plan is not None
    assert (plan.starts_s, plan.ends_s) == (STARTS_S + DAY_S, STARTS_S + 29 * DAY_S)
    assert {share.variant for share in plan.shares} == set(VARIANTS[:2])
